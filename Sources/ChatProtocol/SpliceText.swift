/// The text of one splice, held without allocation: a configured array, or up to 80 bytes in place.
struct SpliceText {
  private var array: [UInt8]?
  private var inline = InlineArray<80, UInt8>(repeating: 0)
  private(set) var count = 0

  init(array: [UInt8]) {
    self.array = array
    count = array.count
  }

  /// A literal, then a number, then a comma.
  init(_ literal: StaticString, number: Int? = nil, hasComma: Bool = false) {
    for index in 0..<literal.utf8CodeUnitCount { append(literal.utf8Start[index]) }
    if let number { append(number) }
    if hasComma { append(UInt8(ascii: ",")) }
  }

  private mutating func append(_ byte: UInt8) {
    guard count < 80 else { return }
    inline[count] = byte
    count += 1
  }

  private mutating func append(_ number: Int) {
    if number < 0 { append(UInt8(ascii: "-")) }
    var divisor: UInt = 1
    while number.magnitude / divisor >= 10 { divisor *= 10 }
    while divisor > 0 {
      append(UInt8(ascii: "0") + UInt8(number.magnitude / divisor % 10))
      divisor /= 10
    }
  }

  func withUnsafeBytes<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
    if let array { return array.withUnsafeBytes(body) }
    return inline.span.extracting(first: count).withUnsafeBytes(body)
  }
}
