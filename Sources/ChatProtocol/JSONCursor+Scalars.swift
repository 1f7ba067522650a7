/// Numbers and literals.
extension JSONCursor {
  /// Moves past the literal whose first letter stands at the cursor.
  @inline(__always)
  mutating func skipLiteral(_ word: StaticString) throws(JSONScanError) {
    for index in 0..<word.utf8CodeUnitCount {
      guard byte == word.utf8Start[index] else { throw unexpected() }
      position &+= 1
    }
  }

  /// Moves past the number at the cursor (RFC 8259 section 6).
  @inline(__always)
  mutating func skipNumber() throws(JSONScanError) {
    let start = position
    if byte == UInt8(ascii: "-") { position &+= 1 }
    if byte == UInt8(ascii: "0") {
      position &+= 1
      if isDigit(byte) { throw badNumber(start) }
    } else {
      try skipDigits(start)
    }
    if byte == UInt8(ascii: ".") {
      position &+= 1
      try skipDigits(start)
    }
    if byte | 0x20 == UInt8(ascii: "e") {
      position &+= 1
      if byte == UInt8(ascii: "+") || byte == UInt8(ascii: "-") { position &+= 1 }
      try skipDigits(start)
    }
  }

  @inline(__always)
  private mutating func skipDigits(_ start: Int) throws(JSONScanError) {
    guard isDigit(byte) else { throw position < end ? badNumber(start) : refusal(.truncated) }
    repeat { position &+= 1 } while isDigit(byte)
  }

  @inline(never)
  private func badNumber(_ start: Int) -> JSONScanError { JSONScanError(offset: start, reason: .badNumber) }

  @inline(__always)
  private func isDigit(_ byte: UInt8) -> Bool { byte &- UInt8(ascii: "0") < 10 }

  /// Whether a number starts at the cursor.
  @inline(__always)
  var isAtNumber: Bool { byte == UInt8(ascii: "-") || isDigit(byte) }

  /// The value of the valid number at `range` when it is whole and fits: `7`, `-1`, `1e3` and `2.0`, but not `2.5`.
  func integer(at range: Range<Int>) -> Int? {
    var position = range.lowerBound
    let isNegative = base.load(fromByteOffset: position, as: UInt8.self) == UInt8(ascii: "-")
    if isNegative { position &+= 1 }
    var value = 0
    while position < range.upperBound {
      let byte = base.load(fromByteOffset: position, as: UInt8.self)
      guard isDigit(byte) else { return integerFromDecimal(at: range) }
      let (product, overflow) = value.multipliedReportingOverflow(by: 10)
      let digit = Int(byte &- UInt8(ascii: "0"))
      let (sum, carry) = product.addingReportingOverflow(isNegative ? -digit : digit)
      guard !overflow, !carry else { return nil }
      value = sum
      position &+= 1
    }
    return value
  }

  /// A number with a point or an exponent, which some clients send for whole values.
  private func integerFromDecimal(at range: Range<Int>) -> Int? {
    guard range.count <= 32 else { return nil }
    let bytes = UnsafeRawBufferPointer(start: base + range.lowerBound, count: range.count)
    // Above 2^53 a Double no longer tells whole numbers apart.
    guard let value = Double(String(decoding: bytes, as: UTF8.self)), value.magnitude <= 0x1p53 else { return nil }
    let whole = Int(value)
    return Double(whole) == value ? whole : nil
  }
}
