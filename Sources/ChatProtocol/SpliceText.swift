import CLinux

/// The text of one splice, held without allocation: a configured array, or a literal, a number and a comma.
struct SpliceText {
  private var array: [UInt8]?
  private var literal: StaticString = ""
  private var number: Int?
  private var hasComma = false

  init(array: [UInt8]) {
    self.array = array
  }

  init(_ literal: StaticString, number: Int? = nil, hasComma: Bool = false) {
    self.literal = literal
    self.number = number
    self.hasComma = hasComma
  }

  var count: Int {
    if let array { return array.count }
    return literal.utf8CodeUnitCount + (number.map { decimalByteCount($0) } ?? 0) + (hasComma ? 1 : 0)
  }

  /// Writes the text to `target`, which has room for `count` bytes.
  func write(to target: UnsafeMutableRawPointer) {
    if let array {
      array.withUnsafeBytes { if let source = $0.baseAddress { memcpy(target, source, $0.count) } }
      return
    }
    var next = target
    memcpy(next, literal.utf8Start, literal.utf8CodeUnitCount)
    next += literal.utf8CodeUnitCount
    if let number { next = writeDecimal(number, to: next) }
    if hasComma { next.storeBytes(of: UInt8(ascii: ","), as: UInt8.self) }
  }
}

private func decimalByteCount(_ number: Int) -> Int {
  var count = number < 0 ? 2 : 1
  var rest = number.magnitude / 10
  while rest > 0 {
    count += 1
    rest /= 10
  }
  return count
}

/// Writes the number's digits, the last one first, and tells where they end.
private func writeDecimal(_ number: Int, to target: UnsafeMutableRawPointer) -> UnsafeMutableRawPointer {
  let count = decimalByteCount(number)
  var rest = number.magnitude
  for place in stride(from: count - 1, through: number < 0 ? 1 : 0, by: -1) {
    target.storeBytes(of: UInt8(ascii: "0") + UInt8(rest % 10), toByteOffset: place, as: UInt8.self)
    rest /= 10
  }
  if number < 0 { target.storeBytes(of: UInt8(ascii: "-"), as: UInt8.self) }
  return target + count
}
