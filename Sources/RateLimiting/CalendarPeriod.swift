/// When the hands of local clocks stand how far from UTC: the transitions of a time zone, taken from wherever time zones are known. Seconds since 1970.
public struct UTCOffsets: Sendable, Hashable {
  /// From this time on the offset applies.
  public struct Transition: Sendable, Hashable {
    /// Seconds since 1970, UTC.
    public var at: Int
    /// Seconds east of UTC.
    public var offset: Int

    /// A transition.
    public init(at: Int, offset: Int) {
      self.at = at
      self.offset = offset
    }
  }

  private let first: Int
  private let transitions: [Transition]

  /// - Parameters:
  ///   - first: the offset before the first transition.
  ///   - transitions: in any order.
  public init(_ first: Int = 0, _ transitions: [Transition] = []) {
    let bounds = -86_400...86_400
    self.first = min(max(first, bounds.lowerBound), bounds.upperBound)
    self.transitions = transitions.sorted { $0.at < $1.at }.map {
      Transition(at: $0.at, offset: min(max($0.offset, bounds.lowerBound), bounds.upperBound))
    }
  }

  /// UTC.
  public static let utc = UTCOffsets()

  /// Seconds east of UTC at a time.
  public func offset(at time: Int) -> Int { transitions.last { $0.at <= time }?.offset ?? first }

  /// The first time at which local clocks show `local` or later: midnights that are skipped begin with the leap, those that come twice with the first.
  func time(ofLocal local: Int) -> Int {
    var starts = [(at: Int.min, offset: first)]
    starts += transitions.map { ($0.at, $0.offset) }
    for (place, start) in starts.enumerated() {
      let end = place + 1 < starts.count ? starts[place + 1].at : .max
      let time = max(start.at, local - start.offset)
      if time < end { return time }
    }
    return local - first
  }
}

/// A period of the calendar, for quotas and budgets.
public enum CalendarPeriod: Sendable, Hashable {
  /// Midnight to midnight.
  case day
  /// Seven days; they begin on 1 Monday … 7 Sunday.
  case week(firstDay: Int)
  /// First to last.
  case month

  /// One such period.
  public struct Span: Sendable, Hashable {
    /// Its name in keys: the local date on which it begins, `2026-11-01`.
    public let id: String
    /// When it begins, in seconds since 1970.
    public let start: Int
    /// When the next begins.
    public let end: Int
  }

  /// Seconds since 1970 that are reckoned with; others count as the nearest.
  private static let timeBounds = 0...253_402_300_799

  /// The period in which a time lies.
  public func span(at time: Int, _ offsets: UTCOffsets = .utc) -> Span {
    let time = min(max(time, Self.timeBounds.lowerBound), Self.timeBounds.upperBound)
    var day = Self.days(ofSeconds: time + offsets.offset(at: time))
    var span = span(ofDay: day, offsets)
    // Around a transition the local date may run ahead of the period's beginning, or behind its end.
    while time < span.start {
      day -= 1
      span = self.span(ofDay: day, offsets)
    }
    while time >= span.end {
      day += 1
      span = self.span(ofDay: day, offsets)
    }
    return span
  }

  private func span(ofDay day: Int, _ offsets: UTCOffsets) -> Span {
    let (first, next): (Int, Int)
    switch self {
    case .day: (first, next) = (day, day + 1)
    case .week(let firstDay):
      // Day 0 was a Thursday, the fourth.
      let weekday = (((day + 3) % 7) + 7) % 7
      first = day - (weekday - (min(max(firstDay, 1), 7) - 1) + 7) % 7
      next = first + 7
    case .month:
      let date = CivilDate(day: day)
      first = day - date.day + 1
      next = first + CivilDate.days(inMonth: date.month, year: date.year)
    }
    return Span(
      id: CivilDate(day: first).description, start: offsets.time(ofLocal: first * 86_400),
      end: offsets.time(ofLocal: next * 86_400))
  }

  private static func days(ofSeconds seconds: Int) -> Int {
    seconds >= 0 ? seconds / 86_400 : -((-seconds + 86_399) / 86_400)
  }
}

/// A date of the Gregorian calendar, from days since 1970-01-01.
struct CivilDate: Sendable, Hashable, CustomStringConvertible {
  let year: Int
  let month: Int
  let day: Int

  /// Counted from 1 March of year 0, so that the leap day ends a year; 400 years have 146,097 days.
  init(day: Int) {
    let shifted = day + 719_468
    let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
    let dayOfEra = shifted - era * 146_097
    let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let marchMonth = (5 * dayOfYear + 2) / 153
    self.day = dayOfYear - (153 * marchMonth + 2) / 5 + 1
    month = marchMonth < 10 ? marchMonth + 3 : marchMonth - 9
    year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
  }

  static func days(inMonth month: Int, year: Int) -> Int {
    if month == 2 { return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28 }
    return [4, 6, 9, 11].contains(month) ? 30 : 31
  }

  var description: String {
    func digits(_ number: Int, _ count: Int) -> String {
      let text = String(number)
      return String(repeating: "0", count: max(0, count - text.count)) + text
    }
    return "\(digits(year, 4))-\(digits(month, 2))-\(digits(day, 2))"
  }
}
