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
  private let digits: InlineArray<4, UInt64>
  private var given: [UInt8]?

  /// A client's id is taken over if it is no longer than this and made of visible ASCII.
  static let givenBytesMax = 128

  init(high: UInt64, low: UInt64) {
    digits = [Self.digits(high >> 32), Self.digits(high), Self.digits(low >> 32), Self.digits(low)]
  }

  /// Takes over a client's id; nil when it is empty, too long or not plain.
  init?(given: Range<Int>, in bytes: RawSpan) {
    guard !given.isEmpty, given.count <= Self.givenBytesMax else { return nil }
    let copy = bytes.withUnsafeBytes { [UInt8]($0[given]) }
    guard copy.allSatisfy({ $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "\"") && $0 != UInt8(ascii: "\\") }) else {
      return nil
    }
    digits = InlineArray(repeating: 0)
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

  /// The eight digits of the lower half of a word, in the order of memory: all at once, for one by one they were 1.4 % of a request's instructions.
  private static func digits(_ word: UInt64) -> UInt64 {
    let ones: UInt64 = 0x0101_0101_0101_0101
    // One byte in each sixteen bits, the highest first.
    var spread = UInt64(UInt32(truncatingIfNeeded: word).byteSwapped)
    spread = (spread | spread << 16) & 0x0000_FFFF_0000_FFFF
    spread = (spread | spread << 8) & 0x00FF_00FF_00FF_00FF
    // One digit in each eight.
    let values = spread >> 4 & (ones &* 0x0F) & 0x00FF_00FF_00FF_00FF | spread << 8 & 0x0F00_0F00_0F00_0F00
    // `a` to `f` stand 0x27 further than the digits end.
    let letters = (values &+ ones &* 6) >> 4 & ones
    return (values &+ ones &* 0x30 &+ letters &* 0x27).littleEndian
  }
}
