internal import Glibc
internal import HTTPWire
internal import Reactor

/// The `date` field (RFC 9110 section 6.6.1), written once a second.
struct HTTPDate {
  private var cached: [UInt8] = []
  private var validUntil = MonotonicTime(nanoseconds: 0)

  /// Appends the whole line with CRLF.
  mutating func append(to output: inout OutputBytes, now: MonotonicTime) {
    if now >= validUntil {
      var wall = timespec()
      clock_gettime(CLOCK_REALTIME, &wall)
      cached = Array("date: \(Self.text(unixSeconds: wall.tv_sec))\r\n".utf8)
      validUntil = now + .nanoseconds(1_000_000_000 - Int64(wall.tv_nsec))
    }
    output.append(cached)
  }

  /// IMF-fixdate, for instance `Sun, 06 Nov 1994 08:49:37 GMT`.
  static func text(unixSeconds: Int) -> String {
    var seconds = unixSeconds
    var parts = tm()
    gmtime_r(&seconds, &parts)
    let days = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"]
    let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
    func two(_ value: Int32) -> String { value < 10 ? "0\(value)" : "\(value)" }
    return
      "\(days[Int(parts.tm_wday)]), \(two(parts.tm_mday)) \(months[Int(parts.tm_mon)]) \(1900 + parts.tm_year) \(two(parts.tm_hour)):\(two(parts.tm_min)):\(two(parts.tm_sec)) GMT"
  }
}
