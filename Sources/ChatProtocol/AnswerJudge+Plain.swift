internal import CLinux

extension AnswerJudge {
  /// The usage of a document that is plainly an answer of completions: nil when it is not plain, and all of it must be read.
  ///
  /// Such a document has, in this order, members that are no `error`, a list `choices` with something in it, and right behind a list its usage; then it closes. Nearly every
  /// answer is written so. Only its two ends are read, where reading all of it was measured at nine instructions a byte: a document that has come to such an end was
  /// not cut off.
  public static func plainUsage(_ document: RawSpan) -> TokenUsage? {
    document.withUnsafeBytes { buffer in
      guard let base = buffer.baseAddress, beginsWithChoices(base, buffer.count),
        let usage = QuotedName.last("\"usage\"", in: buffer), followsList(usage, buffer)
      else { return nil }
      var cursor = JSONCursor(base, count: buffer.count, limits: .answer)
      cursor.position = usage + 7
      do throws(JSONScanError) {
        guard cursor.skips(":"), cursor.isAt("{"), let found = try cursor.readUsage() else { return nil }
        while cursor.skips(",") {
          guard cursor.isAt("\""), !cursor.isError else { return nil }
          try cursor.skipMember()
        }
        guard cursor.skips("}") else { return nil }
        try cursor.expectEnd()
        return found
      } catch { return nil }
    }
  }

  /// `choices` stands this near to the beginning of a plain answer.
  private static let frontBytesMax = 1024

  /// Whether a list `choices` that is not empty is a member of the outermost object, behind members that hold no others and are no `error`.
  private static func beginsWithChoices(_ base: UnsafeRawPointer, _ count: Int) -> Bool {
    let name: StaticString = "\"choices\""
    guard base.load(as: UInt8.self) == UInt8(ascii: "{"),
      let found = memmem(base, min(count, frontBytesMax), name.utf8Start, name.utf8CodeUnitCount)
    else { return false }
    let front = base + 1
    let size = UnsafeRawPointer(found) - front
    let error: StaticString = "\"error\""
    guard memchr(front, Int32(UInt8(ascii: "{")), size) == nil, memchr(front, Int32(UInt8(ascii: "[")), size) == nil,
      memmem(front, size, error.utf8Start, error.utf8CodeUnitCount) == nil
    else { return false }
    var cursor = JSONCursor(base, count: count, limits: .answer)
    cursor.position = 1 &+ size &+ name.utf8CodeUnitCount
    return cursor.skips(":") && cursor.skips("[") && cursor.isAt("{")
  }

  /// Whether what stands at `place` is a member right behind a list.
  private static func followsList(_ place: Int, _ document: UnsafeRawBufferPointer) -> Bool {
    var at = place
    for expected in [UInt8(ascii: ","), UInt8(ascii: "]")] {
      repeat { at -= 1 } while at > 0 && document[at] <= 0x20
      guard at > 0, document[at] == expected else { return false }
    }
    return true
  }
}

extension JSONCursor {
  /// Whether the next byte that is no white space is this one; the cursor stands there then.
  @inline(__always)
  fileprivate mutating func isAt(_ byte: Unicode.Scalar) -> Bool {
    skipWhitespace()
    return self.byte == UInt8(ascii: byte)
  }

  /// Moves past that byte, and white space before it.
  @inline(__always)
  fileprivate mutating func skips(_ byte: Unicode.Scalar) -> Bool {
    guard isAt(byte) else { return false }
    position &+= 1
    return true
  }

  /// Whether this text stands here.
  @inline(__always)
  fileprivate func isText(_ text: StaticString) -> Bool {
    end &- position >= text.utf8CodeUnitCount && memcmp(base + position, text.utf8Start, text.utf8CodeUnitCount) == 0
  }

  fileprivate var isError: Bool { isText("\"error\"") }

  /// Moves past a name and its value.
  fileprivate mutating func skipMember() throws(JSONScanError) {
    try skipValue()
    guard skips(":") else { throw unexpected() }
    skipWhitespace()
    try skipValue()
  }
}
