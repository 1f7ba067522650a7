internal import ChatProtocol

/// Writes a log line, or a head's fields, into room that was reserved for the whole of it.
///
/// Pointers, because measured: an append that asks for room, and for sole ownership of it, takes some 75 instructions, a line has fifty, and
/// all together they were a tenth of the instructions of a request. Every write is checked, in release builds too: a piece that does not fit is left
/// out, and `size` tells how much room the whole needs.
struct LineWriter {
  private var position: UnsafeMutableRawPointer
  private let start: UnsafeMutableRawPointer
  /// Behind the last byte that may be written.
  private let end: UnsafeMutableRawPointer
  /// Bytes that had no room.
  private var missing = 0

  /// The most bytes that a text can become, quotes included.
  @inline(__always)
  static func bound(_ text: String) -> Int { text.utf8.count &* 6 &+ 2 }

  /// - Parameter room: about as many bytes as will be written.
  init(_ room: UnsafeMutableRawBufferPointer) {
    // Nil only where there is no room at all: any address does, as nothing is written to it.
    start = room.baseAddress ?? UnsafeMutableRawPointer(bitPattern: 1).unsafelyUnwrapped
    position = start
    end = start + room.count
  }

  /// Bytes written.
  var count: Int { position - start }

  /// Bytes that the whole takes: as many as were written, or more if there was no room for some.
  var size: Int { count &+ missing }

  @inline(__always)
  mutating func append(_ text: StaticString) {
    guard hasRoom(text.utf8CodeUnitCount) else { return }
    position.copyMemory(from: text.utf8Start, byteCount: text.utf8CodeUnitCount)
    position += text.utf8CodeUnitCount
  }

  mutating func append(_ bytes: UnsafeRawBufferPointer) {
    guard let base = bytes.baseAddress else { return }
    guard hasRoom(bytes.count) else { return }
    position.copyMemory(from: base, byteCount: bytes.count)
    position += bytes.count
  }

  mutating func append(decimal value: Int) {
    guard value >= 0 else {
      append("-")
      return append(magnitude: value.magnitude)
    }
    append(magnitude: UInt(bitPattern: value))
  }

  private mutating func append(magnitude value: UInt) {
    var size = 1
    var rest = value
    while rest >= 100 {
      rest /= 100
      size &+= 2
    }
    if rest >= 10 { size &+= 1 }
    guard hasRoom(size) else { return }
    rest = value
    var at = size
    while rest >= 10 {
      let (more, two) = rest.quotientAndRemainder(dividingBy: 100)
      at &-= 2
      // The two digits of what is left below a hundred; of a single leading one the loop has none.
      let digits = (0x3030 &+ UInt16(truncatingIfNeeded: two / 10)) &+ UInt16(truncatingIfNeeded: two % 10) << 8
      position.storeBytes(of: digits, toByteOffset: at, as: UInt16.self)
      rest = more
    }
    if at > 0 { position.storeBytes(of: 0x30 &+ UInt8(truncatingIfNeeded: rest), as: UInt8.self) }
    position += size
  }

  /// Appends text as a JSON string. Control characters, also those that would forge a line, are escaped.
  mutating func append(quoted text: String) {
    var text = text
    let isPlain = text.withUTF8 { bytes in
      guard !bytes.contains(where: { $0 < 0x20 || $0 == UInt8(ascii: "\"") || $0 == UInt8(ascii: "\\") || $0 == 0x7F })
      else { return false }
      guard hasRoom(bytes.count &+ 2) else { return true }
      position.storeBytes(of: UInt8(ascii: "\""), as: UInt8.self)
      if let base = bytes.baseAddress { (position + 1).copyMemory(from: base, byteCount: bytes.count) }
      position.storeBytes(of: UInt8(ascii: "\""), toByteOffset: bytes.count &+ 1, as: UInt8.self)
      position += bytes.count &+ 2
      return true
    }
    if !isPlain { JSONText.quoted(text).withUnsafeBytes { append($0) } }
  }

  @inline(__always)
  private mutating func hasRoom(_ size: Int) -> Bool {
    guard size <= end - position else {
      missing &+= size
      return false
    }
    return true
  }
}
