/// Decimal numbers as a file writes them, in millionths: money and weights never pass through floating point.
enum DecimalText {
  /// Millionths of one.
  static let scale = 1_000_000

  /// Reads `2`, `0.14`, `12.345678`: digits, perhaps a point and at most six more. Nil for anything else, also for what is too big.
  static func millionths(_ text: String) -> Int? {
    let parts = text.utf8.split(separator: UInt8(ascii: "."), maxSplits: 1, omittingEmptySubsequences: false)
    guard let digits = parts.first, !digits.isEmpty, digits.allSatisfy(ASCII.isDigit),
      let whole = Int(Substring(digits))
    else { return nil }
    let (product, overflow) = whole.multipliedReportingOverflow(by: scale)
    guard !overflow else { return nil }
    guard parts.count == 2 else { return product }
    guard (1...6).contains(parts[1].count), parts[1].allSatisfy(ASCII.isDigit), var part = Int(Substring(parts[1]))
    else {
      return nil
    }
    for _ in parts[1].count..<6 { part *= 10 }
    let (sum, overflowOfSum) = product.addingReportingOverflow(part)
    return overflowOfSum ? nil : sum
  }

  /// The shortest way to write it: 140,000 as `0.14`.
  static func words(_ millionths: Int) -> String {
    let (whole, part) = millionths.quotientAndRemainder(dividingBy: scale)
    guard part != 0 else { return "\(whole)" }
    var digits = String(part)
    digits = String(repeating: "0", count: 6 - digits.count) + digits
    while digits.hasSuffix("0") { digits.removeLast() }
    return "\(whole).\(digits)"
  }
}
