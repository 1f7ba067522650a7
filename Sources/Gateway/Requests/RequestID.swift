internal import HTTPWire

/// Makes request ids: 128 bits from a generator that was seeded by the system once. Unique, not secret; a system call for each
/// would cost more than the rest of the head.
struct RequestIDGenerator {
  private var high: UInt64
  private var low: UInt64

  init() {
    var system = SystemRandomNumberGenerator()
    high = system.next()
    low = system.next()
  }

  /// A number for anything else that wants chance, such as balancing.
  mutating func nextWord() -> UInt64 {
    // SplitMix64 (Steele, Lea, Flood 2014).
    low &+= 0x9E37_79B9_7F4A_7C15
    var mixed = low
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }

  /// 32 hexadecimal digits.
  mutating func next() -> RequestID {
    let word = nextWord()
    return RequestID(high: high ^ (word &* 0xD6E8_FEB8_6659_FD93), low: word)
  }
}

/// An id of our own making, or the client's.
struct RequestID {
  /// The text of an id of our own.
  private var digits = InlineArray<32, UInt8>(repeating: 0)
  private var given: [UInt8]?

  /// A client's id is taken over if it is no longer than this and made of visible ASCII.
  static let givenBytesMax = 128

  init(high: UInt64, low: UInt64) {
    var high = high
    var low = low
    for place in stride(from: 15, through: 0, by: -1) {
      digits[place] = Self.digit(high)
      digits[place + 16] = Self.digit(low)
      high >>= 4
      low >>= 4
    }
  }

  /// Takes over a client's id; nil when it is empty, too long or not plain.
  init?(given: Range<Int>, in bytes: RawSpan) {
    guard !given.isEmpty, given.count <= Self.givenBytesMax else { return nil }
    let copy = bytes.withUnsafeBytes { [UInt8]($0[given]) }
    guard copy.allSatisfy({ $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "\"") && $0 != UInt8(ascii: "\\") }) else {
      return nil
    }
    self.given = copy
  }

  /// Appends the id's text.
  func append(to output: inout OutputBytes) {
    if let given { return output.append(given) }
    output.append(digits.span.bytes)
  }

  /// Lends the id's bytes.
  @inline(__always)
  func withBytes(_ body: (UnsafeRawBufferPointer) -> Void) {
    if let given { return given.withUnsafeBytes(body) }
    digits.span.bytes.withUnsafeBytes(body)
  }

  /// The id's text.
  var text: String {
    var output = OutputBytes()
    append(to: &output)
    return String(decoding: output.array, as: UTF8.self)
  }

  private static func digit(_ word: UInt64) -> UInt8 {
    let value = UInt8(truncatingIfNeeded: word & 15)
    return value < 10 ? 0x30 &+ value : 0x57 &+ value
  }
}
