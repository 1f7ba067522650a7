/// Turns the strings of successive chunks into the text that they stand for, part by part, with no copy where a string has no escapes.
///
/// A surrogate pair may have its halves in two strings: the first is kept until the other comes.
public struct JSONTextDecoder: Sendable {
  /// Half a pair whose other half has not come; 0 when there is none.
  private var high: UInt16 = 0

  private static let bufferBytes = 512
  /// The longest text that one escape, or a kept half before it, stands for.
  private static let unitBytesMax = 8

  /// A decoder at the start of a text.
  public init() {}

  /// Hands the text of a string to `take`, in one or more parts of UTF-8.
  ///
  /// - Parameter document: the bytes that were scanned, unmoved.
  @inline(__always)
  public mutating func decode(_ string: JSONStringRange, in document: RawSpan, _ take: (RawSpan) -> Void) {
    let contents = string.contents
    guard contents.lowerBound >= 0, contents.upperBound <= document.byteCount else { return }
    if !string.hasEscapes && high == 0 { return take(document.extracting(contents)) }
    document.withUnsafeBytes { buffer in
      guard let base = buffer.baseAddress else { return }
      unescape(base, contents, take)
    }
  }

  /// The text ends: a half without its other half becomes U+FFFD, as readers show it.
  public mutating func finish(_ take: (RawSpan) -> Void) {
    guard high != 0 else { return }
    high = 0
    let replacement: [UInt8] = [0xEF, 0xBF, 0xBD]
    take(replacement.span.bytes)
  }

  private mutating func unescape(_ base: UnsafeRawPointer, _ contents: Range<Int>, _ take: (RawSpan) -> Void) {
    // Constant and small, so it is on the stack.
    withUnsafeTemporaryAllocation(byteCount: Self.bufferBytes, alignment: 8) { buffer in
      var count = 0
      var position = contents.lowerBound
      while position < contents.upperBound {
        if count &+ Self.unitBytesMax > Self.bufferBytes {
          take(UnsafeRawBufferPointer(rebasing: buffer[..<count]).bytes)
          count = 0
        }
        let byte = base.load(fromByteOffset: position, as: UInt8.self)
        if byte != UInt8(ascii: "\\") && high == 0 {
          buffer[count] = byte
          count &+= 1
          position &+= 1
        } else {
          let unit = next(base, &position, contents.upperBound)
          for index in 0..<unit.count {
            buffer[count &+ index] = UInt8(truncatingIfNeeded: unit.bytes >> UInt64(8 &* index))
          }
          count &+= unit.count
        }
      }
      if count > 0 { take(UnsafeRawBufferPointer(rebasing: buffer[..<count]).bytes) }
    }
  }

  /// What stands at `position`, an escape or, behind a kept half, anything.
  private mutating func next(
    _ base: UnsafeRawPointer, _ position: inout Int, _ end: Int
  ) -> (bytes: UInt64, count: Int) {
    if let unit = Self.unicodeEscape(base, position, end) {
      if high != 0 && unit & 0xFC00 == 0xDC00 {
        position &+= 6
        let pair = utf8(0x10000 &+ ((UInt32(high) & 0x3FF) << 10 | (UInt32(unit) & 0x3FF)))
        high = 0
        return (UInt64(pair.bytes), pair.count)
      }
      if unit & 0xFC00 == 0xD800 {
        let lead = takeLoneHalf()
        position &+= 6
        high = unit
        return lead
      }
    }
    let lead = takeLoneHalf()
    let unit = unescapedUnit(base, &position, end)
    return (lead.bytes | UInt64(unit.bytes) << UInt64(8 &* lead.count), lead.count &+ unit.count)
  }

  private mutating func takeLoneHalf() -> (bytes: UInt64, count: Int) {
    guard high != 0 else { return (0, 0) }
    high = 0
    let replacement = utf8(0xFFFD)
    return (UInt64(replacement.bytes), replacement.count)
  }

  private static func unicodeEscape(_ base: UnsafeRawPointer, _ position: Int, _ end: Int) -> UInt16? {
    guard position &+ 6 <= end, base.load(fromByteOffset: position, as: UInt8.self) == UInt8(ascii: "\\"),
      base.load(fromByteOffset: position &+ 1, as: UInt8.self) == UInt8(ascii: "u")
    else { return nil }
    return hexUnit(base, position &+ 2, end)
  }
}
