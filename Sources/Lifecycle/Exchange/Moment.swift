/// A point on the monotonic clock of whoever drives a machine, in nanoseconds. The machines have no clock of their own.
public struct Moment: Comparable, Hashable, Sendable {
  /// Since the clock's own beginning.
  public let nanoseconds: UInt64

  /// That point.
  @inlinable
  public init(nanoseconds: UInt64) { self.nanoseconds = nanoseconds }

  /// Later than any.
  @inlinable public static var never: Moment { Moment(nanoseconds: .max) }

  @inlinable
  public static func < (left: Moment, right: Moment) -> Bool { left.nanoseconds < right.nanoseconds }

  /// Saturates at ``never``.
  @inlinable
  public static func + (moment: Moment, span: Span) -> Moment {
    let (sum, overflow) = moment.nanoseconds.addingReportingOverflow(span.nanoseconds)
    return overflow ? .never : Moment(nanoseconds: sum)
  }
}

/// A length of time in nanoseconds. Smaller than `Duration`, and compared in one instruction.
public struct Span: Comparable, Hashable, Sendable {
  public let nanoseconds: UInt64

  @inlinable
  public init(nanoseconds: UInt64) { self.nanoseconds = nanoseconds }

  @inlinable
  public static func milliseconds(_ count: UInt64) -> Span { Span(nanoseconds: count &* 1_000_000) }

  @inlinable
  public static func < (left: Span, right: Span) -> Bool { left.nanoseconds < right.nanoseconds }
}
