/// The request that every contender gets: a chat completion of about 300 bytes.
enum BenchmarkRequest {
  /// The model's name at the gateway and at the upstream.
  static let model = "qwq-32b"
  /// The consumer's key; the generated configuration holds its SHA-256 alone.
  static let key = "sk-sluice-benchmark"
  /// `printf %s sk-sluice-benchmark | sha256sum`.
  static let keyDigest = "a560f626e7a758b180b371e22097cde5ce4481cc0827c5e6a74754ad2d117ef1"

  /// Head and body as they go over the wire. Streams ask for usage, so that a gateway that always asks has nothing to
  /// strip.
  static func bytes(_ answer: LoadPlan.Answer) -> [UInt8] {
    let messages =
      #"[{"role":"system","content":"You are a terse assistant. Answer in one short paragraph."},"#
      + #"{"role":"user","content":"Explain why a token bucket lets a burst pass and a leaky bucket does not."}]"#
    let mode = answer == .stream ? #""stream":true,"stream_options":{"include_usage":true}"# : #""stream":false"#
    let body =
      #"{"model":"\#(model)","temperature":0.7,"max_tokens":512,\#(mode),"user":"benchmark","messages":\#(messages)}"#
    let head =
      "POST /v1/chat/completions HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: Bearer \(key)\r\n"
      + "content-type: application/json\r\naccept: */*\r\nuser-agent: sluice-benchmark\r\n"
      + "content-length: \(body.utf8.count)\r\n\r\n"
    return Array((head + body).utf8)
  }
}
