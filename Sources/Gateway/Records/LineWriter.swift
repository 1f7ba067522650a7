internal import ChatProtocol

/// Writes a log line, or a head's fields, into room that was reserved for the whole of it.
///
/// A pointer, because measured: an append that asks for room, and for sole ownership of it, takes some 75 instructions, a line has fifty, and
/// all together they were a tenth of the instructions of a request. Every write is checked, in release builds too: from the first piece on that does
/// not fit nothing is written, and `size` tells how much room the whole needs.
struct LineWriter {
  private let start: UnsafeMutableRawPointer
  private let room: Int
  /// Bytes that the whole takes, whether or not they had room.
  private(set) var size = 0

  /// The most bytes that a text can become, quotes included.
  @inline(__always)
  static func bound(_ text: String) -> Int { text.utf8.count &* 6 &+ 2 }

  /// - Parameter room: about as many bytes as will be written.
  init(_ room: UnsafeMutableRawBufferPointer) {
    // Nil only where there is no room at all: any address does, as nothing is written to it.
    start = room.baseAddress ?? UnsafeMutableRawPointer(bitPattern: 1).unsafelyUnwrapped
    self.room = room.count
  }

  /// Bytes written: all, or none that count.
  var count: Int { size <= room ? size : 0 }

  /// Where so many bytes are to be written; nil where they have no room.
  @inline(__always)
  private mutating func next(_ count: Int) -> UnsafeMutableRawPointer? {
    let position = size
    size &+= count
    return size <= room ? start + position : nil
  }

  @inline(__always)
  mutating func append(_ text: StaticString) {
    next(text.utf8CodeUnitCount)?.copyMemory(from: text.utf8Start, byteCount: text.utf8CodeUnitCount)
  }

  mutating func append(_ bytes: UnsafeRawBufferPointer) {
    guard let base = bytes.baseAddress else { return }
    next(bytes.count)?.copyMemory(from: base, byteCount: bytes.count)
  }

  mutating func append(decimal value: Int) {
    guard value >= 0 else {
      append("-")
      return append(magnitude: value.magnitude)
    }
    append(magnitude: UInt(bitPattern: value))
  }

  private mutating func append(magnitude value: UInt) {
    // Nearly every number has no more than eight digits: they are put together in one word, the last first, and stored at once.
    guard value < 100_000_000 else { return append(long: value) }
    var rest = UInt32(truncatingIfNeeded: value)
    var digits: UInt64 = 0
    var size = 0
    while rest >= 100 {
      let more = rest / 100
      digits = digits << 16 | Self.twoDigits(rest &- more &* 100)
      size &+= 2
      rest = more
    }
    let hasTwo = rest >= 10
    digits = hasTwo ? digits << 16 | Self.twoDigits(rest) : digits << 8 | UInt64(rest &+ 0x30)
    size &+= hasTwo ? 2 : 1
    guard let position = next(size) else { return }
    guard self.size &- size &+ 8 <= room else {
      for at in 0..<size {
        position.storeBytes(of: UInt8(truncatingIfNeeded: digits >> UInt64(at &* 8)), toByteOffset: at, as: UInt8.self)
      }
      return
    }
    // What it stores behind the digits is overwritten or not counted.
    position.storeBytes(of: digits.littleEndian, as: UInt64.self)
  }

  /// The two digits of a number below a hundred, the first one lowest.
  @inline(__always)
  private static func twoDigits(_ value: UInt32) -> UInt64 {
    let tens = (value &* 103) >> 10
    return UInt64(0x3030 &+ tens &+ (value &- tens &* 10) << 8)
  }

  @inline(never)
  private mutating func append(long value: UInt) {
    let (head, tail) = value.quotientAndRemainder(dividingBy: 100_000_000)
    append(magnitude: head)
    guard let position = next(8) else { return }
    var rest = UInt32(truncatingIfNeeded: tail)
    var digits: UInt64 = 0
    for _ in 0..<4 {
      digits = digits << 16 | Self.twoDigits(rest % 100)
      rest /= 100
    }
    position.storeBytes(of: digits.littleEndian, as: UInt64.self)
  }

  /// Appends text as a JSON string. Control characters, also those that would forge a line, are escaped.
  mutating func append(quoted text: String) {
    var text = text
    let isPlain = text.withUTF8 { bytes in
      let bytes = UnsafeRawBufferPointer(bytes)
      guard Self.isPlain(bytes) else { return false }
      guard let position = next(bytes.count &+ 2) else { return true }
      position.storeBytes(of: UInt8(ascii: "\""), as: UInt8.self)
      if let base = bytes.baseAddress { (position + 1).copyMemory(from: base, byteCount: bytes.count) }
      position.storeBytes(of: UInt8(ascii: "\""), toByteOffset: bytes.count &+ 1, as: UInt8.self)
      return true
    }
    if !isPlain { JSONText.quoted(text).withUnsafeBytes { append($0) } }
  }

  /// Whether no byte needs an escape: eight at a time, for a line has some hundred of them.
  @inline(__always)
  private static func isPlain(_ bytes: UnsafeRawBufferPointer) -> Bool {
    guard bytes.count >= 8 else { return bytes.allSatisfy { $0 >= 0x20 && $0 != 0x22 && $0 != 0x5C && $0 != 0x7F } }
    var found: UInt64 = 0
    var at = 0
    // The last eight may have been looked at before.
    while at < bytes.count {
      let word = bytes.loadUnaligned(fromByteOffset: min(at, bytes.count &- 8), as: UInt64.self)
      // A byte below 0x20, or one that is zero once what is looked for is taken out (Hacker's Delight, section 6-1): a subtraction has the highest bit
      // of such a byte, and of others only if there is one, or if they had it before.
      let controls = word &- 0x2020_2020_2020_2020
      let quotes = (word ^ 0x2222_2222_2222_2222) &- 0x0101_0101_0101_0101
      let backslashes = (word ^ 0x5C5C_5C5C_5C5C_5C5C) &- 0x0101_0101_0101_0101
      let deletes = (word ^ 0x7F7F_7F7F_7F7F_7F7F) &- 0x0101_0101_0101_0101
      found |= (controls | quotes | backslashes | deletes) & ~word
      at &+= 8
    }
    return found & 0x8080_8080_8080_8080 == 0
  }
}
