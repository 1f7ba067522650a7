import CLinux

/// Bytes to be sent: grows at the end, keeps its storage when emptied.
///
/// It has no bound of its own; what is appended is bounded by who appends: heads by the limits of the heads they are
/// built from, payload by back-pressure.
public struct OutputBytes: Sendable {
  // Bytes up to `count` are the content; those behind it are room, so that an append is one bounds check and one copy.
  private var storage: [UInt8]

  /// How many bytes there are.
  public private(set) var count = 0

  /// Empty, with room for `capacity` bytes.
  public init(capacity: Int = 0) { storage = [UInt8](repeating: 0, count: max(capacity, 0)) }

  /// Whether there are none.
  public var isEmpty: Bool { count == 0 }

  /// A copy of the bytes, for tests and cold paths.
  public var array: [UInt8] { Array(storage[..<count]) }

  /// Makes room for `additional` further bytes; grows to at least twice the size, so that appending stays linear.
  @inline(__always) public mutating func reserve(_ additional: Int) {
    if storage.count &- count < additional { grow(additional) }
  }

  @inline(never) private mutating func grow(_ additional: Int) {
    storage.append(contentsOf: repeatElement(0, count: max(additional, storage.count, 256)))
  }

  /// Empties it; keeps the storage unless told otherwise.
  public mutating func removeAll(keepingCapacity: Bool = true) {
    count = 0
    if !keepingCapacity { storage = [] }
  }

  /// Drops the first `dropped` bytes, as after a partial write; moves the rest down.
  public mutating func removeFirst(_ dropped: Int) {
    let dropped = min(max(dropped, 0), count)
    count &-= dropped
    let rest = count
    storage.withUnsafeMutableBytes { bytes in
      guard let base = bytes.baseAddress, rest > 0 else { return }
      memmove(base, base + dropped, rest)
    }
  }

  /// Drops what was appended after there were `kept` bytes.
  public mutating func truncate(to kept: Int) { count = min(max(kept, 0), count) }

  /// Appends constant bytes.
  @inline(__always) public mutating func append(_ text: StaticString) {
    append(UnsafeRawBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
  }

  /// Appends bytes.
  @inline(__always) public mutating func append(_ bytes: RawSpan) {
    bytes.withUnsafeBytes { append($0) }
  }

  /// Appends bytes.
  public mutating func append(_ bytes: [UInt8]) { bytes.withUnsafeBytes { append($0) } }

  /// Appends bytes.
  public mutating func append(_ bytes: UnsafeRawBufferPointer) {
    write(bytes.count) { room in Self.copy(bytes, to: room, at: 0) }
  }

  /// Appends one byte.
  public mutating func append(byte: UInt8) {
    write(1) { room in room[0] = byte }
  }

  /// Appends a number in decimal digits.
  public mutating func append(decimal value: Int) {
    var rest = value.magnitude
    var size = value < 0 ? 2 : 1
    while rest >= 10 {
      rest /= 10
      size &+= 1
    }
    write(size) { room in
      var rest = value.magnitude
      if value < 0 { room[0] = UInt8(ascii: "-") }
      var at = size
      repeat {
        at &-= 1
        room[at] = 0x30 &+ UInt8(truncatingIfNeeded: rest % 10)
        rest /= 10
      } while rest > 0
    }
  }

  /// Appends a number in lower-case hexadecimal digits.
  public mutating func append(hex value: UInt64) {
    let size = HexDigits.count(value)
    write(size) { room in
      var rest = value
      for at in (0..<size).reversed() {
        room[at] = HexDigits.digit(UInt8(truncatingIfNeeded: rest & 0xF))
        rest &>>= 4
      }
    }
  }

  /// Appends a chunk with its framing (RFC 9112 section 7.1); nothing when `payload` is empty, because a chunk of 0
  /// bytes would end the message.
  public mutating func append(chunk payload: RawSpan) {
    guard payload.byteCount > 0 else { return }
    append(hex: UInt64(payload.byteCount))
    append(ChunkWriter.chunkEnd)
    append(payload)
    append(ChunkWriter.chunkEnd)
  }

  /// Appends `name: value CRLF` in one step; the caller has checked both.
  mutating func append(fieldLine name: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer) {
    write(name.count &+ value.count &+ 4) { room in
      Self.copy(name, to: room, at: 0)
      room[name.count] = ByteClass.colon
      room[name.count &+ 1] = ByteClass.space
      Self.copy(value, to: room, at: name.count &+ 2)
      room[name.count &+ value.count &+ 2] = ByteClass.carriageReturn
      room[name.count &+ value.count &+ 3] = ByteClass.lineFeed
    }
  }

  /// Lends room for `expected` further bytes to `fill`, which says how many bytes it has: for whoever appends many small pieces and can say
  /// beforehand how long they get together. Should they be more, `fill` is asked once more, with room for as many as it said.
  ///
  /// - Parameter fill: writes all its bytes or, where they do not fit, none that count. What has no room the second time is not appended.
  public mutating func append(expecting expected: Int, _ fill: (UnsafeMutableRawBufferPointer) -> Int) {
    let size = lend(max(expected, 0), to: fill)
    if size > expected { _ = lend(size, to: fill) }
  }

  @inline(__always)
  private mutating func lend(_ size: Int, to fill: (UnsafeMutableRawBufferPointer) -> Int) -> Int {
    reserve(size)
    let start = count
    let filled = storage.withUnsafeMutableBytes {
      fill(UnsafeMutableRawBufferPointer(rebasing: $0[start..<start &+ size]))
    }
    if filled > 0, filled <= size { count = start &+ filled }
    return filled
  }

  /// Lends the bytes, for a system call.
  public func withUnsafeBytes<Result, Failure: Error>(
    _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    try withSpan { span throws(Failure) in try span.withUnsafeBytes(body) }
  }

  /// Lends the bytes as a span.
  public func withSpan<Result, Failure: Error>(
    _ body: (RawSpan) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    try body(storage.span.bytes.extracting(first: count))
  }

  /// Appends `size` bytes that `fill` writes.
  @inline(__always)
  private mutating func write(_ size: Int, _ fill: (UnsafeMutableRawBufferPointer) -> Void) {
    reserve(size)
    let start = count
    storage.withUnsafeMutableBytes { fill(UnsafeMutableRawBufferPointer(rebasing: $0[start..<start &+ size])) }
    count = start &+ size
  }

  @inline(__always)
  private static func copy(_ bytes: UnsafeRawBufferPointer, to room: UnsafeMutableRawBufferPointer, at offset: Int) {
    guard let source = bytes.baseAddress, let target = room.baseAddress else { return }
    memcpy(target + offset, source, bytes.count)
  }
}
