internal import CLinux

/// Looks for a member's name, with its quotes, from the end of a document: what is looked for in an answer stands behind its text.
enum QuotedName {
  /// Where the name begins for the last time; nil where it does not stand at all.
  ///
  /// Sixteen places at a time, of which only those are looked at that have a quote at either end of the name. `memmem`, which reads from the front, was
  /// measured to take seven times the instructions for an answer of 700 bytes.
  ///
  /// - Parameter name: begins and ends with a quote.
  static func last(_ name: StaticString, in text: UnsafeRawBufferPointer) -> Int? {
    let length = name.utf8CodeUnitCount
    guard let base = text.baseAddress, text.count >= length else { return nil }
    // Places that have not been looked at are those in front of this one.
    var places = text.count &- length &+ 1
    while places >= 16 {
      places &-= 16
      let (low, high) = quoted(base + places, length)
      if low | high == 0 { continue }
      if let place = last(in: high, name, base + places + 8) { return places &+ 8 &+ place }
      if let place = last(in: low, name, base + places) { return places &+ place }
    }
    while places > 0 {
      places &-= 1
      if memcmp(base + places, name.utf8Start, length) == 0 { return places }
    }
    return nil
  }

  /// Of sixteen places those that have a quote there and where the name would end: all bits of their bytes.
  @inline(__always)
  private static func quoted(_ start: UnsafeRawPointer, _ length: Int) -> (low: UInt64, high: UInt64) {
    let quotes = SIMD16<UInt8>(repeating: UInt8(ascii: "\""))
    let first = start.loadUnaligned(as: SIMD16<UInt8>.self) .== quotes
    let last = start.loadUnaligned(fromByteOffset: length &- 1, as: SIMD16<UInt8>.self) .== quotes
    let words = unsafeBitCast(first .& last, to: SIMD2<UInt64>.self)
    return (UInt64(littleEndian: words.x), UInt64(littleEndian: words.y))
  }

  /// The last of eight places, marked by the highest bits of their bytes, at which the name stands.
  @inline(never)
  private static func last(in marks: UInt64, _ name: StaticString, _ start: UnsafeRawPointer) -> Int? {
    var marks = marks & 0x8080_8080_8080_8080
    while marks != 0 {
      let place = (63 &- marks.leadingZeroBitCount) >> 3
      if memcmp(start + place, name.utf8Start, name.utf8CodeUnitCount) == 0 { return place }
      marks ^= 0x80 &<< UInt64(truncatingIfNeeded: place &* 8)
    }
    return nil
  }
}
