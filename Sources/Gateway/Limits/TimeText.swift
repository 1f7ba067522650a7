internal import Glibc
internal import HTTPWire

/// Times as the headers of limits write them.
enum TimeText {
  /// OpenAI's form: `350ms`, `1.2s`, `6m0s`, `2h3m0s`. Without a string: it stands on every answer.
  static func append(milliseconds: Int, to output: inout OutputBytes) {
    let milliseconds = max(0, milliseconds)
    let seconds = milliseconds / 1000
    switch seconds {
    case 0:
      output.append(decimal: milliseconds)
      output.append("m")
    case 1..<60:
      output.append(decimal: seconds)
      if milliseconds % 1000 >= 100 {
        output.append(".")
        output.append(decimal: milliseconds % 1000 / 100)
      }
    default:
      if seconds >= 3600 {
        output.append(decimal: seconds / 3600)
        output.append("h")
      }
      output.append(decimal: seconds / 60 % 60)
      output.append("m")
      output.append(decimal: seconds % 60)
    }
    output.append("s")
  }

  /// The same as a text.
  static func duration(milliseconds: Int) -> String {
    var output = OutputBytes(capacity: 24)
    append(milliseconds: milliseconds, to: &output)
    return String(decoding: output.array, as: UTF8.self)
  }

  /// Anthropic's form, RFC 3339: `2026-11-21T08:32:00Z`.
  static func date(unixTime: Int) -> [UInt8] {
    var seconds = unixTime
    var parts = tm()
    gmtime_r(&seconds, &parts)
    func two(_ value: Int32) -> String { value < 10 ? "0\(value)" : "\(value)" }
    let day = "\(1900 + parts.tm_year)-\(two(parts.tm_mon + 1))-\(two(parts.tm_mday))"
    return Array("\(day)T\(two(parts.tm_hour)):\(two(parts.tm_min)):\(two(parts.tm_sec))Z".utf8)
  }
}
