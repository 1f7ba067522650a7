/// The upstream's own answer, asked directly: what every answer through a gateway has to equal, byte for byte.
///
/// One thing may differ from answer to answer: the sixteen hexadecimal digits behind `"system_fingerprint":"fp_`, in which the upstream writes
/// the time at which it sends the event.
struct ReferenceAnswer {
  /// One event, or the whole of an answer that is not a stream.
  struct Piece {
    /// Offset of the stamp; equal to `end` when there is none.
    var stampStart: Int
    var end: Int
    var hasText: Bool
  }

  static let stampField = #""system_fingerprint":"fp_"#
  static let stampDigits = 16

  let bytes: [UInt8]
  let pieces: [Piece]
  let isStream: Bool

  /// Takes the answer apart and checks it: text events numbered in order, a finish_reason, `[DONE]` last.
  init(_ bytes: [UInt8], isStream: Bool, textEvents: Int) throws {
    self.bytes = bytes
    self.isStream = isStream
    guard isStream else {
      pieces = [Self.piece(bytes, 0..<bytes.count, hasText: true)]
      guard !bytes.isEmpty else { throw BenchmarkError("the upstream's answer is empty") }
      return
    }
    var pieces: [Piece] = []
    var texts = 0
    var sawFinish = false
    var start = 0
    while let end = Self.eventEnd(bytes, from: start) {
      let event = String(decoding: bytes[start..<end], as: UTF8.self)
      guard event.hasPrefix("data: ") else { throw BenchmarkError("the upstream sent an event without data: \(event)") }
      let hasText = event.contains(Self.textMark(texts))
      if hasText { texts += 1 }
      if event.contains(#""finish_reason":"stop""#) { sawFinish = true }
      pieces.append(Self.piece(bytes, start..<end, hasText: hasText))
      start = end
    }
    guard start == bytes.count, texts == textEvents, sawFinish, bytes.suffix(14).elementsEqual("data: [DONE]\n\n".utf8) else {
      throw BenchmarkError("the upstream's own stream is wrong: \(pieces.count) events, \(texts) in order with text of \(textEvents)")
    }
    self.pieces = pieces
  }

  /// How the text of a stream's event number `index` (from 0) begins: tells order and loss.
  static func textMark(_ index: Int) -> String {
    let digits = String(index)
    return #""content":" w"# + String(repeating: "0", count: max(0, 4 - digits.count)) + digits
  }

  private static func eventEnd(_ bytes: [UInt8], from start: Int) -> Int? {
    var position = start
    while position + 1 < bytes.count {
      if bytes[position] == 0x0a && bytes[position + 1] == 0x0a { return position + 2 }
      position += 1
    }
    return nil
  }

  private static func piece(_ bytes: [UInt8], _ range: Range<Int>, hasText: Bool) -> Piece {
    let field = Array(stampField.utf8)
    var position = range.lowerBound
    while position + field.count + stampDigits <= range.upperBound {
      if bytes[position..<position + field.count].elementsEqual(field) {
        return Piece(stampStart: position + field.count, end: range.upperBound, hasText: hasText)
      }
      position += 1
    }
    return Piece(stampStart: range.upperBound, end: range.upperBound, hasText: hasText)
  }
}
