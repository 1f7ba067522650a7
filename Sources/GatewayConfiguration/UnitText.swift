/// Durations and sizes as a file writes them. Every step is checked: no text can overflow.
enum UnitText {
  /// Reads `250ms`, `30s`, `1m30s`, `2h`, `1d`, `0.5s` (units us, ms, s, m, h, d; each number may have a fraction). Nil for
  /// anything else, also for a bare number: nobody should have to guess its unit.
  static func duration(_ text: String) -> Duration? {
    var rest = text.utf8[...]
    var microseconds: Int64 = 0
    guard !rest.isEmpty else { return nil }
    while !rest.isEmpty {
      guard let (whole, millionths) = number(&rest) else { return nil }
      let letters = rest.prefix { !ASCII.isDigit($0) && $0 != UInt8(ascii: ".") }
      guard let unit = durationUnits.first(where: { $0.name.utf8.elementsEqual(letters) }) else { return nil }
      rest = rest.dropFirst(letters.count)
      let (product, overflow) = whole.multipliedReportingOverflow(by: unit.microseconds)
      // The largest unit times a million millionths fits in 64 bits: 86.4e9 * 1e6 = 8.64e16.
      let fraction = unit.microseconds * millionths / 1_000_000
      let (sum, overflowOfPart) = product.addingReportingOverflow(fraction)
      let (total, overflowOfTotal) = microseconds.addingReportingOverflow(sum)
      guard !overflow, !overflowOfPart, !overflowOfTotal else { return nil }
      microseconds = total
    }
    return .microseconds(microseconds)
  }

  /// Reads `1048576`, `64KiB`, `32MiB`, `1GiB`, `10MB`, `512B`. Nil for anything else, also for `10M`, which some read as 10⁶ and some as 2²⁰.
  static func size(_ text: String) -> Int? {
    var rest = text.utf8[...]
    guard let (whole, millionths) = number(&rest), millionths == 0,
      let unit = sizeUnits.first(where: { $0.name.utf8.elementsEqual(rest) })
    else { return nil }
    let (product, overflow) = Int(whole).multipliedReportingOverflow(by: unit.bytes)
    return overflow ? nil : product
  }

  /// A duration in its shortest form of one unit: 90 s as `90s`, 600 s as `10m`.
  static func words(_ duration: Duration) -> String {
    let parts = duration.components
    let microseconds = parts.seconds * 1_000_000 + parts.attoseconds / 1_000_000_000_000
    guard microseconds != 0 else { return "0s" }
    let unit = durationUnits.last { microseconds % $0.microseconds == 0 && $0.name != "us" } ?? durationUnits[0]
    return "\(microseconds / unit.microseconds)\(unit.name)"
  }

  /// A size in its largest whole binary unit: 33554432 as `32MiB`.
  static func words(_ bytes: Int) -> String {
    guard bytes != 0, let unit = sizeUnits.last(where: { $0.name.hasSuffix("iB") && bytes % $0.bytes == 0 }) else {
      return "\(bytes)"
    }
    return "\(bytes / unit.bytes)\(unit.name)"
  }

  private static let durationUnits: [(name: String, microseconds: Int64)] = [
    ("us", 1), ("ms", 1_000), ("s", 1_000_000), ("m", 60_000_000), ("h", 3_600_000_000), ("d", 86_400_000_000),
  ]

  private static let sizeUnits: [(name: String, bytes: Int)] = [
    ("", 1), ("B", 1), ("KB", 1_000), ("MB", 1_000_000), ("GB", 1_000_000_000),
    ("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30),
  ]

  /// Digits, perhaps a point and at most six more digits.
  private static func number(_ rest: inout Substring.UTF8View) -> (whole: Int64, millionths: Int64)? {
    let digits = rest.prefix(while: ASCII.isDigit)
    guard let whole = Int64(Substring(digits)) else { return nil }
    rest = rest.dropFirst(digits.count)
    guard rest.first == UInt8(ascii: ".") else { return (whole, 0) }
    let fraction = rest.dropFirst().prefix(while: ASCII.isDigit)
    guard (1...6).contains(fraction.count), var millionths = Int64(Substring(fraction)) else { return nil }
    for _ in fraction.count..<6 { millionths *= 10 }
    rest = rest.dropFirst(1 + fraction.count)
    return (whole, millionths)
  }
}
