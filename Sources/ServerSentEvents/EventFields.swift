import CLinux

/// The fields of one block of lines, gathered line by line. Offsets count from the block's first byte, so that they
/// stay true when an unfinished block moves to another place between two reads.
struct EventFields {
  var dataLineCount = 0
  var data = 0..<0
  var eventName: Range<Int>?
  var id: Range<Int>?
  var retry: Range<Int>?
  var hasComment = false

  /// Takes the line `start..<end`, which is not empty and has no terminator in it.
  @inline(__always)
  mutating func take(_ base: UnsafeRawPointer, _ start: Int, _ end: Int) {
    if let value = dataValue(base, start, end) {
      data = value
      dataLineCount &+= 1
      return
    }
    takeRare(base, start, end)
  }

  private mutating func takeRare(_ base: UnsafeRawPointer, _ start: Int, _ end: Int) {
    if base.load(fromByteOffset: start, as: UInt8.self) == UInt8(ascii: ":") {
      hasComment = true
      return
    }
    let (name, value) = splitField(base, start, end)
    if matches(base, name, "event") {
      eventName = value
    } else if matches(base, name, "id") {
      // An id with NUL in it is ignored.
      if memchr(base + value.lowerBound, 0, value.count) == nil { id = value }
    } else if matches(base, name, "retry") {
      if isDigits(base, value) { retry = value }
    }
  }
}

/// The value of a `data` line, or nil when the line is another field. The spelling with a colon is seen by one load.
@inline(__always)
func dataValue(_ base: UnsafeRawPointer, _ start: Int, _ end: Int) -> Range<Int>? {
  guard end &- start >= 4, base.loadUnaligned(fromByteOffset: start, as: UInt32.self) == dataWord else { return nil }
  if end &- start == 4 { return end..<end }
  guard base.load(fromByteOffset: start &+ 4, as: UInt8.self) == UInt8(ascii: ":") else { return nil }
  return afterSpace(base, start &+ 5, end)
}

/// `data` as the machine loads it.
private let dataWord = UInt32(littleEndian: 0x6174_6164)

/// Splits at the first colon; a line without one is a name with an empty value.
private func splitField(
  _ base: UnsafeRawPointer, _ start: Int, _ end: Int
) -> (name: Range<Int>, value: Range<Int>) {
  guard let colon = memchr(base + start, Int32(UInt8(ascii: ":")), end &- start) else {
    return (start..<end, end..<end)
  }
  let at = UnsafeRawPointer(colon) - base
  return (start..<at, afterSpace(base, at &+ 1, end))
}

/// One space after the colon belongs to the format, every further one to the value.
@inline(__always)
private func afterSpace(_ base: UnsafeRawPointer, _ start: Int, _ end: Int) -> Range<Int> {
  let hasSpace = start < end && base.load(fromByteOffset: start, as: UInt8.self) == UInt8(ascii: " ")
  let first = hasSpace ? start &+ 1 : start
  return Range(uncheckedBounds: (first, end))
}

private func matches(_ base: UnsafeRawPointer, _ range: Range<Int>, _ word: StaticString) -> Bool {
  range.count == word.utf8CodeUnitCount && memcmp(base + range.lowerBound, word.utf8Start, range.count) == 0
}

private func isDigits(_ base: UnsafeRawPointer, _ range: Range<Int>) -> Bool {
  !range.isEmpty
    && range.allSatisfy {
      (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(base.load(fromByteOffset: $0, as: UInt8.self))
    }
}
