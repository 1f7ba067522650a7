/// What every answer has to equal, byte for byte: the upstream's own answer, asked directly, which in turn has to be
/// what its script says.
///
/// One thing differs from answer to answer: the digits of an event's fingerprint, in which the upstream process
/// writes the time of the sending (`bench_stamp_sends`).
struct ReferenceAnswer {
  /// One event, or the whole of an answer that is no stream.
  struct Piece {
    /// Where the stamp's digits begin; equal to `end` when there is none.
    var stampStart: Int
    var end: Int
  }

  private static let stampField = Array(#""system_fingerprint":"fp_"#.utf8)
  static let stampDigits = 8

  let bytes: [UInt8]
  let pieces: [Piece]
  /// The pieces that carry text, counted from 0.
  let textEvents: Range<Int>

  /// - Parameter answer: what the upstream answered when it was asked directly.
  init(_ answer: PlainClient.Answer, _ kind: LoadPlan.Answer, _ script: UpstreamScript) throws {
    guard answer.status == 200, !answer.body.isEmpty else {
      throw BenchmarkError("the upstream answers \(answer.status)")
    }
    guard kind == .stream else {
      bytes = answer.body
      pieces = [Self.piece(answer.body, at: 0)]
      textEvents = 0..<0
      return
    }
    let events = try script.eventBytes()
    var end = 0
    pieces = events.map { event in
      defer { end += event.count }
      return Self.piece(event, at: end)
    }
    bytes = events.flatMap { $0 }
    // The role comes first.
    textEvents = 1..<1 + script.textEvents
    guard answer.isEventStream, events.count == script.events, isEqual(to: answer.body) else {
      throw BenchmarkError("the upstream's own stream is not what its script says")
    }
  }

  /// Whether a whole answer is the right one.
  func isEqual(to body: [UInt8]) -> Bool {
    body.withUnsafeBytes { body in
      bytes.withUnsafeBytes { bytes in
        pieces.withUnsafeBufferPointer { pieces in
          var checker = AnswerChecker()
          return checker.feed(body, bytes, pieces) { _, _ in } && checker.pieces == pieces.count
        }
      }
    }
  }

  private static func piece(_ bytes: [UInt8], at offset: Int) -> Piece {
    let end = offset + bytes.count
    var position = 0
    while position + stampField.count + stampDigits < bytes.count {
      let start = position + stampField.count
      // A fingerprint of another length is a text like any other.
      if bytes[position..<start].elementsEqual(stampField), bytes[start + stampDigits] == UInt8(ascii: "\"") {
        return Piece(stampStart: offset + start, end: end)
      }
      position += 1
    }
    return Piece(stampStart: end, end: end)
  }
}
