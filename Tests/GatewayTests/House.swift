import Foundation
import Gateway
import GatewayConfiguration
import Reactor
import ScriptedUpstream
import TestKit
import Testing
import TokenAccounting
import Upstreams

/// A gateway with scripted upstreams behind it, all in this process, on ports that the kernel chose.
struct House {
  static let upstreamKey = "sk-upstream-0123456789"

  /// Client keys by the variables that configurations name them with.
  static let clientKeys = [
    "LIMITED": "sk-client-abcdef123456", "FREE": "sk-free-0123456789", "ONE": "sk-one-0123456789",
    "TWO": "sk-two-0123456789",
  ]

  let gateway: Gateway
  let upstreams: [ScriptedUpstreamServer]
  let port: UInt16
  fileprivate let logFile: String

  /// The first upstream.
  var upstream: ScriptedUpstreamServer { upstreams[0] }

  /// The part of a configuration that every test shares: upstreams `a`, `b`, … at these ports, with `options` each.
  static func upstreams(_ ports: [UInt16], options: String = "") -> String {
    var text = "upstreams:\n"
    for (name, port) in zip(["a", "b", "c", "d"], ports) {
      // Options may say another provider.
      let provider = options.contains("provider:") ? "" : "provider: vllm, "
      text += "  \(name): { \(provider)baseURL: http://127.0.0.1:\(port)/v1, apiKeys: [\(upstreamKey)]"
      text += options.isEmpty ? " }\n" : ", \(options) }\n"
    }
    return text
  }

  /// Model `m` at `a`, falling back to the others in their order.
  static func models(_ count: Int) -> String {
    let names = ["a", "b", "c", "d"].prefix(count)
    return "models:\n  m: { serve: [\(names.map { "{ upstream: \($0) }" }.joined(separator: ", "))] }\n"
  }

  /// - Parameter server: more keys of `server`.
  static func settings(_ text: String, server: String = "") throws -> GatewaySettings {
    try GatewaySettings.parse(
      "server: { listen: 127.0.0.1:0\(server.isEmpty ? "" : ", \(server)") }\n" + text, fileName: "test.yaml",
      variables: { clientKeys[$0] },
      hashKey: { KeyHash.sha256(Array($0.utf8)) })
  }

  /// Runs a story in a house of its own; afterwards no session may be in use any more.
  ///
  /// - Parameter configuration: made from the upstreams' ports; `server` is added.
  static func story(
    upstreams count: Int = 1, reactors: Int = 1, options: String = "", server: String = "",
    shelf: VocabularyShelf = VocabularyShelf(),
    sourceLocation: SourceLocation = #_sourceLocation,
    configuration: (([UInt16]) -> String)? = nil, _ body: (House) async throws -> Void
  ) async throws {
    var upstreamSettings = ScriptedUpstreamSettings()
    upstreamSettings.requiredKey = Self.upstreamKey
    let upstreams = try (0..<count).map { _ in try ScriptedUpstreamServer(upstreamSettings) }
    let ports = upstreams.map(\.port)
    let text =
      configuration?(ports) ?? "anonymous: true\n" + Self.upstreams(ports, options: options) + Self.models(count)
    let directory = try TemporaryDirectory()
    let sink = try LogSink(file: directory.file("access.log"))
    let group = ReactorGroup.started(count: reactors)
    let gateway = try await Gateway.start(try settings(text, server: server), on: group, sink: sink, shelf: shelf)
    let port = try #require(gateway.addresses.first?.port)
    let house = House(gateway: gateway, upstreams: upstreams, port: port, logFile: directory.file("access.log"))
    do {
      try await body(house)
      let settled = await eventually { await gateway.gauges().allSatisfy { $0.gauges.pool.leased == 0 } }
      #expect(settled, "a session stayed in use", sourceLocation: sourceLocation)
      let isQuiet = await eventually { await gateway.activeCount() == 0 }
      #expect(isQuiet, "a request never ended", sourceLocation: sourceLocation)
    } catch {
      Issue.record(error, sourceLocation: sourceLocation)
    }
    _ = await gateway.drain(within: .zero)
    await gateway.shutDown()
    group.shutDown()
    sink.close()
    for upstream in upstreams { upstream.stop() }
  }

  /// The first upstream's pool.
  func pool() async -> PoolGauges { await gateway.gauges().first?.gauges.pool ?? PoolGauges() }

  // MARK: Asking

  func client(receiveBufferBytes: Int32? = nil) throws -> RawClient {
    try RawClient(port: port, receiveBufferBytes: receiveBufferBytes)
  }

  /// One request on a connection of its own.
  func ask(_ body: String, path: String = "/v1/chat/completions", headers: String = "") throws -> RawResponse {
    let client = try client()
    try client.post(path, body, headers: headers)
    return try client.readResponse()
  }

  /// One request without a body.
  func get(_ path: String, method: String = "GET", headers: String = "") throws -> RawResponse {
    let client = try client()
    try client.send("\(method) \(path) HTTP/1.1\r\nHost: test\r\n\(headers)\r\n")
    return try client.readResponse(hasBody: method != "HEAD")
  }

  /// The access log's lines once there are `count` of them.
  func log(count: Int) async throws -> [[String: Any]] {
    func lines() throws -> [String] { try logText().split(separator: "\n").map(String.init) }
    _ = try waitUntil { try lines().count >= count }
    return try lines().map { line in
      try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
    }
  }

  /// The access log's whole lines as they stand: the last may be half written.
  func logText() throws -> String {
    let text = try String(contentsOfFile: logFile, encoding: .utf8)
    return String(text[..<(text.lastIndex(of: "\n").map { text.index(after: $0) } ?? text.startIndex)])
  }
}

/// A request for a chat answer.
func chat(
  _ script: String? = nil, model: String = "m", stream: Bool = true, usage: Bool = false, extra: String = ""
) -> String {
  var body = "{\"model\":\"\(model)\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]"
  if stream { body += ",\"stream\":true" }
  if usage { body += ",\"stream_options\":{\"include_usage\":true}" }
  if let script { body += ",\"metadata\":{\"script\":\"\(script)\"}" }
  return body + extra + "}"
}

/// What the client of a stream must get: the upstream's bytes without framing.
func expected(_ script: String, model: String = "m", usage: Bool = false) throws -> [UInt8] {
  StreamPlan.eventBytes(try Script(parsing: script), model: model, includeUsage: usage).flatMap { $0 }
}

/// The `error` object of a body in OpenAI's form.
func errorObject(_ bytes: [UInt8], sourceLocation: SourceLocation = #_sourceLocation) throws -> [String: Any] {
  let text = String(decoding: bytes, as: UTF8.self)
  let parsed = try? JSONSerialization.jsonObject(with: Data(bytes)) as? [String: Any]
  let object = try #require(parsed, "no JSON: \(text)", sourceLocation: sourceLocation)
  return try #require(object["error"] as? [String: Any], "no error: \(text)", sourceLocation: sourceLocation)
}

func errorCode(_ response: RawResponse, sourceLocation: SourceLocation = #_sourceLocation) throws -> String {
  try #require(try errorObject(response.body, sourceLocation: sourceLocation)["code"] as? String)
}

/// The code of the error event that a stream ends with; nil when it ends otherwise.
func lastEventErrorCode(_ body: [UInt8]) -> String? {
  let text = String(decoding: body, as: UTF8.self)
  guard text.hasSuffix("\n\n"), let start = text.range(of: "data: ", options: .backwards) else { return nil }
  return try? errorObject(Array(text[start.upperBound...].dropLast(2).utf8))["code"] as? String
}

/// Asks again and again until it holds, for what another thread brings about.
func eventually(_ condition: () async throws -> Bool) async rethrows -> Bool {
  let clock = ContinuousClock()
  let deadline = clock.now + .seconds(30) * testPatience
  while true {
    if try await condition() { return true }
    if clock.now >= deadline { return false }
    try? await Task.sleep(for: .milliseconds(1))
  }
}
