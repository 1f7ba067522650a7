import ScriptedUpstream

/// What the upstream answers: so many events with text at such a pace.
struct UpstreamScript: Codable {
  var textEvents: Int
  /// Milliseconds between two events; 0 is a burst.
  var gapMilliseconds: Int

  /// An answer of about 600 bytes, when it is asked for in one piece.
  static let whole = UpstreamScript(textEvents: 20, gapMilliseconds: 0)

  /// `data:` events of one stream: role, text, finish_reason, usage, `[DONE]`.
  var events: Int { textEvents + 4 }

  /// The script in the simulator's language. Texts of 18 bytes make events of about 260. Each write has a turn of the
  /// loop of its own (`writeSplit`, larger than any event): without it a stream without a gap would pour out all
  /// events in one go, and what is measured would be how many of them one read takes.
  var text: String { "events=\(textEvents) reasoning=0 text=big:18 gap=\(gapMilliseconds)ms writeSplit=65536" }

  /// Every event as it has to arrive.
  func eventBytes() throws -> [[UInt8]] {
    StreamPlan.eventBytes(try script(), model: BenchmarkRequest.model, includeUsage: true)
  }

  /// The data of every event.
  func payloads() throws -> [[UInt8]] {
    StreamPlan(try script(), model: BenchmarkRequest.model, includeUsage: true).dataPayloads
  }

  /// The text of an event.
  func text(_ event: Int) throws -> String {
    StreamPlan.text(model: BenchmarkRequest.model, event: event, style: try script().text)
  }

  /// As the simulator takes it.
  func script() throws -> Script { try Script(parsing: text) }
}
