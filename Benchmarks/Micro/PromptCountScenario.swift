import CLinux
import ChatProtocol
import Foundation
import TokenAccounting
import Tokenization

/// Finding what costs tokens in a prompt, beside the scan that every request goes through anyway; then counting it.
struct PromptCountScenario: Scenario {
  let name = "prompt-count"
  let summary = "a prompt's pieces beside the scan before them, and its tokens, exact and estimated"

  private static let requests = 16
  /// What the gateway would count before it looks after its other streams.
  private static let sliceBytes = 16_384

  func run(_ bench: Bench) throws -> ScenarioReport {
    let bodies = [
      ("1 kB", JSONScanScenario.request(messageBytes: 900)), ("50 kB", JSONScanScenario.request(messageBytes: 50_000)),
      ("tools", Self.toolRequest()), ("image", Self.imageRequest()),
    ]
    let vocabulary = try TokenCountScenario.vocabulary("qwen")
    var report = ScenarioReport(name: name, summary: summary, parameters: [])
    var checks: [String] = []
    var variants: [MicroVariant] = []
    for (name, body) in bodies {
      let bytes = body.count * Self.requests
      checks.append("\(name): \(try Self.check(body, vocabulary))")
      variants += [
        MicroVariant(name: "\(name), scan", bytes: bytes, units: Self.requests) { Self.scan(body) },
        MicroVariant(name: "\(name), scan and pieces", bytes: bytes, units: Self.requests) { Self.pieces(body) },
        MicroVariant(name: "\(name), scan and estimate", bytes: bytes, units: Self.requests) {
          Self.count(body, .estimated(.general, ratio: 1))
        },
      ]
      if let vocabulary {
        variants.append(
          MicroVariant(name: "\(name), scan and count", bytes: bytes, units: Self.requests) {
            Self.count(body, .exact(vocabulary))
          })
      }
    }
    if vocabulary == nil { checks.append("qwen is not installed: nothing was counted exactly") }
    let long = JSONScanScenario.request(messageBytes: 10_000_000)
    checks.append("10 MB, longest slice estimated: \(try Self.longestSlice(long, .estimated(.general, ratio: 1)))")
    if let vocabulary { checks.append("exact: \(try Self.longestSlice(long, .exact(vocabulary)))") }
    try MicroRun.run(variants, unit: "request", bench, into: &report)
    report.checked = checks.joined(separator: "; ")
    return report
  }

  // MARK: Work

  private static func scan(_ body: [UInt8]) -> UInt64 {
    var sum: UInt64 = 0
    for _ in 0..<requests {
      sum &+= UInt64((try? RequestScanner.scan(body.span.bytes))?.messages?.count ?? 0)
    }
    return sum
  }

  private static func pieces(_ body: [UInt8]) -> UInt64 {
    var sum: UInt64 = 0
    for _ in 0..<requests {
      guard let fields = try? RequestScanner.scan(body.span.bytes) else { continue }
      PromptScanner.forEachPiece(of: fields, .chat, tools: .documents, in: body.span.bytes) {
        sum &+= UInt64($0.part.range.count)
      }
    }
    return sum
  }

  private static func count(_ body: [UInt8], _ measure: TokenMeasure) -> UInt64 {
    var sum: UInt64 = 0
    for _ in 0..<requests {
      guard let fields = try? RequestScanner.scan(body.span.bytes) else { continue }
      var counter = PromptCounter(fields, .chat, measure: measure, template: .qwen)
      while !counter.advance(body: body.span.bytes, bytesMax: sliceBytes) {}
      sum &+= UInt64(counter.total)
    }
    return sum
  }

  private static func longestSlice(_ body: [UInt8], _ measure: TokenMeasure) throws -> String {
    let fields = try RequestScanner.scan(body.span.bytes)
    var counter = PromptCounter(fields, .chat, measure: measure, template: .qwen)
    var longest: UInt64 = 0
    var slices = 0
    var isDone = false
    while !isDone {
      let start = sluice_thread_cpu_nanoseconds()
      isDone = counter.advance(body: body.span.bytes, bytesMax: sliceBytes)
      longest = max(longest, sluice_thread_cpu_nanoseconds() &- start)
      slices += 1
    }
    return "\(longest / 1000) µs of \(slices), \(counter.total) tokens"
  }

  // MARK: Requests

  /// Sixteen tools, and little else.
  private static func toolRequest() -> [UInt8] {
    let tools = (0..<16).map { number in
      #"{"type":"function","function":{"name":"tool_\#(number)","description":"Opens gate \#(number) of the lock and waits "#
        + #"until the water stands level.","parameters":{"type":"object","properties":{"gate":{"type":"string","enum":"#
        + #"["upper","lower"],"description":"Which gate."},"seconds":{"type":"integer","description":"How long."}},"#
        + #""required":["gate"]}}}"#
    }
    return Array(
      (#"{"model":"\#(BenchmarkRequest.model)","messages":[{"role":"user","content":"Open the upper gate."}],"#
        + #""tools":[\#(tools.joined(separator: ","))]}"#).utf8)
  }

  /// An image of 200 kB.
  private static func imageRequest() -> [UInt8] {
    let data = String(repeating: "iVBORw0KGgoAAAANSUhEUgAA", count: 11_000)
    return Array(
      (#"{"model":"\#(BenchmarkRequest.model)","messages":[{"role":"user","content":[{"type":"text","text":"What is this?"},"#
        + #"{"type":"image_url","image_url":{"url":"data:image/png;base64,\#(data)"}}]}]}"#).utf8)
  }

  // MARK: Checks

  /// Texts found piece by piece are those that Foundation's reader finds, and every slice size counts the same.
  private static func check(_ body: [UInt8], _ vocabulary: Vocabulary?) throws -> String {
    let fields = try RequestScanner.scan(body.span.bytes)
    var found: [UInt8] = []
    PromptScanner.forEachPiece(of: fields, .chat, tools: .documents, in: body.span.bytes) { piece in
      if piece.kind == .text { piece.part.appendText(in: body.span.bytes, to: &found) }
    }
    let object = try JSONSerialization.jsonObject(with: Data(body)) as? [String: Any]
    let messages = object?["messages"] as? [[String: Any]] ?? []
    let expected = messages.flatMap { message in
      if let text = message["content"] as? String { return [text] }
      return (message["content"] as? [[String: Any]] ?? []).compactMap { $0["text"] as? String }
    }.joined()
    guard String(decoding: found, as: UTF8.self) == expected, !expected.isEmpty else {
      throw BenchmarkError("the pieces are not the texts of the messages")
    }
    let measure = vocabulary.map { TokenMeasure.exact($0) } ?? .estimated(.general, ratio: 1)
    let counts = [64, 1000, sliceBytes, .max].map { bytesMax in
      var counter = PromptCounter(fields, .chat, measure: measure, template: .qwen)
      while !counter.advance(body: body.span.bytes, bytesMax: bytesMax) {}
      return counter.total
    }
    guard Set(counts).count == 1 else { throw BenchmarkError("the count depends on the slices: \(counts)") }
    return "\(counts[0]) tokens in every slice"
  }
}
