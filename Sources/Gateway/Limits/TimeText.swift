internal import Glibc

/// Times as the headers of limits write them.
enum TimeText {
  /// OpenAI's form: `350ms`, `1.2s`, `6m0s`, `2h3m0s`. Without a string: it stands on every answer.
  static func append(milliseconds: Int, to line: inout LineWriter) {
    let milliseconds = max(0, milliseconds)
    let seconds = milliseconds / 1000
    switch seconds {
    case 0:
      line.append(decimal: milliseconds)
      line.append("m")
    case 1..<60:
      line.append(decimal: seconds)
      if milliseconds % 1000 >= 100 {
        line.append(".")
        line.append(decimal: milliseconds % 1000 / 100)
      }
    default:
      if seconds >= 3600 {
        line.append(decimal: seconds / 3600)
        line.append("h")
      }
      line.append(decimal: seconds / 60 % 60)
      line.append("m")
      line.append(decimal: seconds % 60)
    }
    line.append("s")
  }

  /// The same as a text.
  static func duration(milliseconds: Int) -> String {
    String(unsafeUninitializedCapacity: 40) { room in
      var line = LineWriter(UnsafeMutableRawBufferPointer(room))
      append(milliseconds: milliseconds, to: &line)
      return line.count
    }
  }

  /// The last second of the year 9999: what is later has no date in four digits.
  private static let lastSecond = 253_402_300_799

  /// Anthropic's form, RFC 3339: `2026-11-21T08:32:00Z`, so many milliseconds later, rounded up to the second.
  static func date(unixTime: Int, plusMilliseconds milliseconds: Int = 0) -> [UInt8] {
    let later = min(max(0, milliseconds), lastSecond * 1000)
    var seconds = min(min(max(0, unixTime), lastSecond) + (later + 999) / 1000, lastSecond)
    var parts = tm()
    gmtime_r(&seconds, &parts)
    func two(_ value: Int32) -> String { value < 10 ? "0\(value)" : "\(value)" }
    let day = "\(1900 + parts.tm_year)-\(two(parts.tm_mon + 1))-\(two(parts.tm_mday))"
    return Array("\(day)T\(two(parts.tm_hour)):\(two(parts.tm_min)):\(two(parts.tm_sec))Z".utf8)
  }
}
