internal import Foundation
public import RateLimiting

/// Time zones, from where the system keeps them.
public enum TimeZoneTable {
  /// Years ahead for which the hands' changes are looked up; a process that runs longer keeps the last one.
  static let yearsAhead = 20

  /// Whether there is a zone of that name.
  public static func knows(_ name: String) -> Bool { TimeZone(identifier: name) != nil }

  /// When clocks stand how in that zone, from so many seconds since 1970 on; nil if there is none of that name.
  public static func offsets(_ name: String, from unixTime: Int) -> UTCOffsets? {
    guard let zone = TimeZone(identifier: name) else { return nil }
    // A month's beginning lies behind, and its offset counts.
    let start = Date(timeIntervalSince1970: Double(unixTime - 62 * 86_400))
    let end = Date(timeIntervalSince1970: Double(unixTime + yearsAhead * 366 * 86_400))
    var transitions: [UTCOffsets.Transition] = []
    var time = start
    while let next = zone.nextDaylightSavingTimeTransition(after: time), next > time, next < end {
      transitions.append(
        UTCOffsets.Transition(at: Int(next.timeIntervalSince1970), offset: zone.secondsFromGMT(for: next)))
      time = next
    }
    return UTCOffsets(zone.secondsFromGMT(for: start), transitions)
  }
}
