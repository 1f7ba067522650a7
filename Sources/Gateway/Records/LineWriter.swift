internal import ChatProtocol

/// Writes a log line, or a head's fields, into room that was reserved for the whole of it.
///
/// Unsafe, because measured: an append that asks for room, and for sole ownership of it, takes some 75 instructions, a line has fifty, and
/// all together they were a tenth of the instructions of a request. `Line.bound` says how long a line can get.
struct LineWriter {
  private var position: UnsafeMutableRawPointer
  private let start: UnsafeMutableRawPointer
  #if DEBUG
    private let end: UnsafeMutableRawPointer
  #endif

  /// The most bytes that a text can become, quotes included.
  @inline(__always)
  static func bound(_ text: String) -> Int { text.utf8.count &* 6 &+ 2 }

  /// - Parameter room: at least as many bytes as will be written.
  init(_ room: UnsafeMutableRawBufferPointer) {
    // Never nil: a line has a bound above zero.
    position = room.baseAddress.unsafelyUnwrapped
    start = position
    #if DEBUG
      end = position + room.count
    #endif
  }

  /// Bytes written.
  var count: Int { position - start }

  @inline(__always)
  mutating func append(_ text: StaticString) {
    check(text.utf8CodeUnitCount)
    position.copyMemory(from: text.utf8Start, byteCount: text.utf8CodeUnitCount)
    position += text.utf8CodeUnitCount
  }

  mutating func append(_ bytes: UnsafeRawBufferPointer) {
    guard let base = bytes.baseAddress else { return }
    check(bytes.count)
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
    check(size)
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
      !bytes.contains { $0 < 0x20 || $0 == UInt8(ascii: "\"") || $0 == UInt8(ascii: "\\") || $0 == 0x7F }
    }
    guard isPlain else { return JSONText.quoted(text).withUnsafeBytes { append($0) } }
    append("\"")
    text.withUTF8 { append(UnsafeRawBufferPointer($0)) }
    append("\"")
  }

  @inline(__always)
  private func check(_ count: Int) {
    #if DEBUG
      precondition(position + count <= end, "a log line is longer than its bound")
    #endif
  }
}
