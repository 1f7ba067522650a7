/// What every answer has to equal, byte for byte: the upstream's own answer, asked directly, which in turn has to be what its script says.
struct ReferenceAnswer {
  let bytes: [UInt8]
  /// Where each event ends; the whole of an answer that is no stream is one.
  let ends: [Int]
  /// The events that carry text, counted from 0.
  let textEvents: Range<Int>

  /// - Parameter answer: what the upstream answered when it was asked directly.
  init(_ answer: PlainClient.Answer, _ plan: LoadPlan) throws {
    bytes = answer.body
    guard answer.status == 200, !bytes.isEmpty else { throw BenchmarkError("the upstream answers \(answer.status)") }
    guard plan.answer == .stream else {
      ends = [bytes.count]
      textEvents = 0..<0
      return
    }
    let events = try plan.script.eventBytes()
    guard answer.isEventStream, events.count == plan.script.events, bytes == events.flatMap({ $0 }) else {
      throw BenchmarkError("the upstream's own stream is not what its script says")
    }
    var end = 0
    ends = events.map { event in
      end += event.count
      return end
    }
    // The role comes first.
    textEvents = 1..<1 + plan.script.textEvents
  }
}
