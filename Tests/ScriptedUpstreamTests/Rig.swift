import ScriptedUpstream
import TestKit

/// A simulator of its own and the few requests that most tests send.
struct Rig {
  let server: ScriptedUpstreamServer

  init(_ change: (inout ScriptedUpstreamSettings) -> Void = { _ in }) throws {
    var settings = ScriptedUpstreamSettings()
    change(&settings)
    server = try ScriptedUpstreamServer(settings)
  }

  func client(timeout: Duration = .seconds(5)) throws -> RawClient {
    try RawClient(port: server.port, timeout: timeout)
  }

  static func body(_ script: String, model: String = "qwq-32b", stream: Bool = true, usage: Bool = false) -> String {
    #"{"model":"\#(model)","stream":\#(stream),"stream_options":{"include_usage":\#(usage)},"#
      + #""messages":[{"role":"user","content":"hi"}],"metadata":{"script":"\#(script)"}}"#
  }

  /// Sends one request on a connection of its own and reads until the end, a reset or `timeout` without bytes.
  func exchange(
    _ script: String, stream: Bool = true, timeout: Duration = .milliseconds(150)
  ) throws -> (text: String, ending: RawClient.Read) {
    let client = try client()
    try client.post("/v1/chat/completions", Self.body(script, stream: stream))
    let (bytes, ending) = client.readAll(timeout: timeout)
    return (String(decoding: bytes, as: UTF8.self), ending)
  }
}
