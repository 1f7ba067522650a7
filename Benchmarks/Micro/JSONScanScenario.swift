import ChatProtocol

/// The scanners for requests and chunks alone.
struct JSONScanScenario: Scenario {
  let name = "json-scan"
  let summary = "the request and chunk scanners alone: speed, allocations per document"

  /// Documents in one pass, so that the timing's own cost does not count.
  private static let documents = 64

  func run(_ bench: Bench) throws -> ScenarioReport {
    let short = Self.request(messageBytes: 900)
    let long = Self.request(messageBytes: 50_000)
    let script = UpstreamScript(textEvents: 20, gapMilliseconds: 0)
    let chunk = try script.payloads()[18]
    var report = ScenarioReport(name: name, summary: summary, parameters: [])
    report.checked = try Self.check([short, long], chunk, text: script.text(17))
    try MicroRun.run(
      [
        MicroVariant(name: "request of 1 kB", bytes: short.count * Self.documents, units: Self.documents) {
          Self.scanRequests(short)
        },
        MicroVariant(name: "request of 50 kB", bytes: long.count * Self.documents, units: Self.documents) {
          Self.scanRequests(long)
        },
        MicroVariant(name: "chunk", bytes: chunk.count * Self.documents, units: Self.documents) {
          Self.scanChunks(chunk)
        },
      ], unit: "document", bench, into: &report)
    return report
  }

  private static func scanRequests(_ body: [UInt8]) -> UInt64 {
    var sum: UInt64 = 0
    for _ in 0..<documents {
      let fields = try? RequestScanner.scan(body.span.bytes)
      sum &+= UInt64(fields?.model?.range.count ?? 0)
    }
    return sum
  }

  private static func scanChunks(_ chunk: [UInt8]) -> UInt64 {
    var sum: UInt64 = 0
    for _ in 0..<documents {
      sum &+= UInt64(ChunkScanner.scan(chunk.span.bytes).firstContent?.range.count ?? 0)
    }
    return sum
  }

  /// A request with the usual members, its text in prompts of 200 to 2,000 bytes with escapes, as people and programs
  /// write.
  static func request(messageBytes: Int) -> [UInt8] {
    let sentence = #"The mill\nstands where the river \"bends\"; déjà vu, and a tab\tfor good measure. "#
    var messages: [String] = []
    var left = messageBytes
    while left > 0 {
      let size = min(left, 200 + messages.count * 300 % 1800)
      let text = String(repeating: sentence, count: max(1, size / sentence.utf8.count))
      messages.append(#"{"role":"\#(messages.count % 2 == 0 ? "user" : "assistant")","content":"\#(text)"}"#)
      left -= size
    }
    return Array(
      (#"{"messages":[\#(messages.joined(separator: ","))],"model":"\#(BenchmarkRequest.model)","temperature":0.7,"#
        + #""max_tokens":512,"stream":true,"stream_options":{"include_usage":true},"user":"benchmark","#
        + #""metadata":{"trace":"5d1f"},"stop":["\n\n"],"seed":42}"#).utf8)
  }

  private static func check(_ requests: [[UInt8]], _ chunk: [UInt8], text: String) throws -> String {
    for body in requests {
      let fields = try RequestScanner.scan(body.span.bytes)
      guard fields.model?.text(in: body.span.bytes) == BenchmarkRequest.model, fields.isStream, fields.asksForUsage,
        fields.maxTokens?.value == 512, fields.messages != nil
      else { throw BenchmarkError("the request scanner missed a field: \(fields)") }
    }
    let fields = ChunkScanner.scan(chunk.span.bytes)
    guard !fields.isMalformed, let content = fields.firstContent,
      content.text(in: chunk.span.bytes) == text
    else { throw BenchmarkError("the chunk scanner missed the content: \(fields)") }
    return "model, stream, usage, max_tokens, messages and content found"
  }
}
