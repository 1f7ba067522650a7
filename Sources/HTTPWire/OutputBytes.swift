/// Bytes to be sent: grows at the end, keeps its storage when emptied.
///
/// It has no bound of its own; what is appended is bounded by who appends: heads by the limits of the heads they are
/// built from, payload by back-pressure.
public struct OutputBytes: Sendable {
  private var storage: [UInt8] = []

  /// Empty, without storage.
  public init() {}

  /// Empty, with room for `capacity` bytes.
  public init(capacity: Int) { storage.reserveCapacity(max(capacity, 0)) }

  /// How many bytes there are.
  public var count: Int { storage.count }

  /// Whether there are none.
  public var isEmpty: Bool { storage.isEmpty }

  /// The bytes as an array that shares the storage; do not hold it while appending, or that must copy.
  public var array: [UInt8] { storage }

  /// Makes room for `additional` further bytes.
  public mutating func reserve(_ additional: Int) {
    let (wanted, overflow) = storage.count.addingReportingOverflow(max(additional, 0))
    if !overflow, wanted > storage.capacity { storage.reserveCapacity(max(wanted, storage.capacity &* 2)) }
  }

  /// Empties it.
  public mutating func removeAll(keepingCapacity: Bool = true) { storage.removeAll(keepingCapacity: keepingCapacity) }

  /// Drops the first `count` bytes, as after a partial write; moves the rest down.
  public mutating func removeFirst(_ count: Int) { storage.removeFirst(min(max(count, 0), storage.count)) }

  /// Drops what was appended after there were `count` bytes.
  public mutating func truncate(to count: Int) { storage.removeLast(max(storage.count &- max(count, 0), 0)) }

  /// Appends constant bytes.
  @inline(__always) public mutating func append(_ text: StaticString) {
    append(UnsafeRawBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
  }

  /// Appends bytes.
  @inline(__always) public mutating func append(_ bytes: RawSpan) {
    bytes.withUnsafeBytes { append($0) }
  }

  /// Appends bytes.
  public mutating func append(_ bytes: [UInt8]) { storage.append(contentsOf: bytes) }

  /// Appends bytes.
  public mutating func append(_ bytes: UnsafeRawBufferPointer) { storage.append(contentsOf: bytes) }

  /// Appends one byte.
  public mutating func append(byte: UInt8) { storage.append(byte) }

  /// Appends a number in decimal digits.
  public mutating func append(decimal value: Int) {
    if value < 0 { storage.append(UInt8(ascii: "-")) }
    var rest = value.magnitude
    // 20 digits are the most a 64-bit number has; they are made from the last to the first.
    withUnsafeTemporaryAllocation(byteCount: 20, alignment: 1) { digits in
      var start = 20
      repeat {
        start &-= 1
        digits[start] = 0x30 &+ UInt8(truncatingIfNeeded: rest % 10)
        rest /= 10
      } while rest > 0
      storage.append(contentsOf: digits[start...])
    }
  }

  /// Appends a number in lower-case hexadecimal digits.
  public mutating func append(hex value: UInt64) {
    var shift = UInt64(HexDigits.count(value)) &* 4
    while shift > 0 {
      shift &-= 4
      storage.append(HexDigits.digit(UInt8(truncatingIfNeeded: value &>> shift & 0xF)))
    }
  }

  /// Appends a chunk with its framing (RFC 9112 section 7.1); nothing when `payload` is empty, because a chunk of 0
  /// bytes would end the message.
  public mutating func append(chunk payload: RawSpan) {
    guard payload.byteCount > 0 else { return }
    reserve(payload.byteCount &+ ChunkWriter.headRoom &+ ChunkWriter.tailRoom)
    append(hex: UInt64(payload.byteCount))
    append(ChunkWriter.chunkEnd)
    append(payload)
    append(ChunkWriter.chunkEnd)
  }

  /// Lends the bytes, for a system call.
  public func withUnsafeBytes<Result, Failure: Error>(
    _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    try storage.span.bytes.withUnsafeBytes(body)
  }

  /// Lends the bytes as a span.
  public func withSpan<Result, Failure: Error>(
    _ body: (RawSpan) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    try body(storage.span.bytes)
  }
}
