/// Whether a value says anything.
extension JSONCursor {
  /// Moves past the value at the cursor. False when it is as good as absent: `null`, `""`, `[]`, `{}`, or a list or an
  /// object of nothing but such values.
  @inline(__always)
  mutating func skipTellingSubstance() throws(JSONScanError) -> Bool {
    switch byte {
    case UInt8(ascii: "["):
      var hasSubstance = false
      try forEachElement { (cursor) throws(JSONScanError) in
        if try cursor.skipTellingContents() { hasSubstance = true }
      }
      return hasSubstance
    case UInt8(ascii: "{"):
      var hasSubstance = false
      try forEachMember { (cursor, _) throws(JSONScanError) in
        if try cursor.skipTellingContents() { hasSubstance = true }
      }
      return hasSubstance
    default: return try skipTellingContents()
    }
  }

  /// The same without a look into lists and objects: those that hold anything say something.
  private mutating func skipTellingContents() throws(JSONScanError) -> Bool {
    let first = byte
    let start = position
    try skipValue()
    switch first {
    case UInt8(ascii: "n"): return false
    case UInt8(ascii: "\""): return position &- start > 2
    case UInt8(ascii: "["), UInt8(ascii: "{"):
      // Between its brackets may stand white space.
      var inside = self
      inside.position = start &+ 1
      inside.skipWhitespace()
      return inside.position < position &- 1
    default: return true
    }
  }

  /// Reads why a choice ended; anything else is skipped. An empty text is no reason, nor is `"null"`, which some
  /// servers write for `null`, nor Gemini's `FINISH_REASON_UNSPECIFIED`.
  @inline(__always)
  mutating func finishReasonOrSkip() throws(JSONScanError) -> JSONStringRange? {
    // Nearly every chunk has `null` here.
    guard byte == UInt8(ascii: "\"") else {
      try skipValue()
      return nil
    }
    return try readFinishReason()
  }

  @inline(never)
  private mutating func readFinishReason() throws(JSONScanError) -> JSONStringRange? {
    let text = try readStringRange()
    let contents = text.contents
    let bytes = UnsafeRawBufferPointer(start: base + contents.lowerBound, count: contents.count)
    return JSONCursor.isReason(bytes) ? text : nil
  }

  /// Whether these bytes of a string tell why a choice ended.
  static func isReason(_ text: UnsafeRawBufferPointer) -> Bool {
    switch text.count {
    case 0: return false
    case 4:
      // In lower case; none of these letters has another byte that folds to it so.
      let word = UInt32(littleEndian: text.loadUnaligned(as: UInt32.self))
      return word | 0x2020_2020 != 0x6C6C_756E
    case 25: return !text.elementsEqual("FINISH_REASON_UNSPECIFIED".utf8)
    default: return true
    }
  }
}
