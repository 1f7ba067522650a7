import Foundation
import ScriptedUpstream
import Tokenization

/// How many tokens the first so many events of the upstream's text are, by the model's vocabulary: known before anything is sent.
struct TokenTable {
  /// Whether a vocabulary was there; without one each event counts as one token.
  let isExact: Bool
  private let totals: [Int]

  /// - Parameter data: the gateway's data directory.
  init(events: Int, data: String) throws {
    guard let bytes = FileManager.default.contents(atPath: "\(data)/vocabularies/qwen.slv") else {
      isExact = false
      totals = Array(0...events)
      return
    }
    var counter = TokenCounter(try Vocabulary(file: [UInt8](bytes).span.bytes))
    var totals = [0]
    for event in 0..<events {
      let text = Array(StreamPlan.text(model: BenchmarkRequest.model, event: event).utf8)
      counter.append(text.span.bytes)
      totals.append(counter.provisional())
    }
    isExact = true
    self.totals = totals
  }

  /// Tokens of the first so many events.
  func total(_ events: Int) -> Int { totals[min(events, totals.count - 1)] }
  /// Tokens that an event adds, the first being 0.
  func added(by event: Int) -> Int { max(0, total(event + 1) - total(event)) }
}
