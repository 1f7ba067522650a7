extension AnswerJudge {
  /// Whether a document is plainly an answer of completions: it has a choice, tells its usage behind it, closes, and the word `error` is in none of its keys. Nearly every
  /// answer is told by that; in doubt the whole document is read.
  ///
  /// Three searches and the last members, where reading all of it was measured at nine instructions a byte. What stands inside the texts is not looked at: a
  /// document that has come to such an end was not cut off.
  static func isPlainAnswer(_ document: UnsafeRawBufferPointer) -> Bool {
    guard let base = document.baseAddress, document.first == UInt8(ascii: "{"),
      QuotedName.last("\"error\"", in: document) == nil,
      let usage = QuotedName.last("\"usage\"", in: document), document[usage - 1] != UInt8(ascii: "\\"),
      let choices = QuotedName.last("\"choices\"", in: UnsafeRawBufferPointer(rebasing: document[..<usage])),
      document[choices - 1] != UInt8(ascii: "\\")
    else { return false }
    var cursor = JSONCursor(base, count: document.count, limits: .answer)
    cursor.position = choices + 9
    guard cursor.skips(":"), cursor.skips("["), cursor.isAt("{") else { return false }
    cursor.position = usage + 7
    do throws(JSONScanError) {
      guard cursor.skips(":"), cursor.isAt("{") else { return false }
      try cursor.skipValue()
      while cursor.skips(",") {
        guard cursor.isAt("\"") else { return false }
        try cursor.skipValue()
        guard cursor.skips(":") else { return false }
        cursor.skipWhitespace()
        try cursor.skipValue()
      }
      guard cursor.skips("}") else { return false }
      try cursor.expectEnd()
      return true
    } catch { return false }
  }
}

extension JSONCursor {
  /// Whether the next byte that is no white space is this one; the cursor stands there then.
  fileprivate mutating func isAt(_ byte: Unicode.Scalar) -> Bool {
    skipWhitespace()
    return self.byte == UInt8(ascii: byte)
  }

  /// Moves past that byte, and white space before it.
  fileprivate mutating func skips(_ byte: Unicode.Scalar) -> Bool {
    guard isAt(byte) else { return false }
    position &+= 1
    return true
  }
}
