/// The request that every contender gets: a chat completion of about 300 bytes, or one with a long prompt.
struct BenchmarkRequest {
  /// The model's name at the gateway and at the upstream.
  static let model = "qwq-32b"
  /// The consumer's key; the generated configuration holds its SHA-256 alone.
  static let key = "sk-sluice-benchmark"
  /// `printf %s sk-sluice-benchmark | sha256sum`.
  static let keyDigest = "a560f626e7a758b180b371e22097cde5ce4481cc0827c5e6a74754ad2d117ef1"

  /// Head and body as they go over the wire.
  let bytes: [UInt8]
  /// Where the digits begin that differ from request to request: one place in each message of a long prompt, so that none is seen twice.
  let serials: [Int]

  static let serialDigits = 8

  /// A request with a short prompt, always the same. Streams ask for usage, so that a gateway that always asks has nothing to strip.
  init(_ answer: LoadPlan.Answer) {
    self.init(
      answer,
      messages: #"[{"role":"system","content":"You are a terse assistant. Answer in one short paragraph."},"#
        + #"{"role":"user","content":"Explain why a token bucket lets a burst pass and a leaky bucket does not."}]"#)
  }

  /// - Parameter promptBytes: about how long the prompt is; nil: the short one.
  init(_ answer: LoadPlan.Answer, promptBytes: Int?) {
    guard let promptBytes else {
      self.init(answer)
      return
    }
    self.init(answer, messages: LongPrompt.messages(bytes: promptBytes))
  }

  private init(_ answer: LoadPlan.Answer, messages: String) {
    let mode = answer == .stream ? #""stream":true,"stream_options":{"include_usage":true}"# : #""stream":false"#
    let body =
      #"{"model":"\#(Self.model)","temperature":0.7,"max_tokens":512,\#(mode),"user":"benchmark","messages":\#(messages)}"#
    let head =
      "POST /v1/chat/completions HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: Bearer \(Self.key)\r\n"
      + "content-type: application/json\r\naccept: */*\r\nuser-agent: sluice-benchmark\r\n"
      + "content-length: \(body.utf8.count)\r\n\r\n"
    bytes = Array((head + body).utf8)
    serials = LongPrompt.serials(in: bytes)
  }
}
