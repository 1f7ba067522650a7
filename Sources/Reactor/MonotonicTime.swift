internal import CLinux

/// A point on the machine's monotonic clock, in nanoseconds. Wall-clock steps do not touch it.
public struct MonotonicTime: Comparable, Hashable, Sendable {
  /// Nanoseconds since an arbitrary origin (CLOCK_MONOTONIC).
  public var nanoseconds: UInt64

  /// Makes a point from nanoseconds since the clock's origin.
  public init(nanoseconds: UInt64) { self.nanoseconds = nanoseconds }

  /// Reads the clock. The one place in the process that does; pure code gets its times as arguments.
  public static func readClock() -> MonotonicTime {
    MonotonicTime(nanoseconds: sluice_monotonic_nanoseconds())
  }

  /// Never reached: the deadline of "no deadline".
  public static var never: MonotonicTime { MonotonicTime(nanoseconds: .max) }

  /// Orders by time.
  public static func < (left: MonotonicTime, right: MonotonicTime) -> Bool { left.nanoseconds < right.nanoseconds }

  /// The point `duration` later, clamped to `never`; a negative duration counts as zero.
  public static func + (time: MonotonicTime, duration: Duration) -> MonotonicTime {
    let (sum, overflow) = time.nanoseconds.addingReportingOverflow(duration.wholeNanoseconds)
    return overflow ? .never : MonotonicTime(nanoseconds: sum)
  }

  /// Nanoseconds from `earlier` to this point; zero if `earlier` is later.
  public func nanoseconds(since earlier: MonotonicTime) -> UInt64 {
    nanoseconds > earlier.nanoseconds ? nanoseconds &- earlier.nanoseconds : 0
  }
}

extension Duration {
  /// Whole nanoseconds, clamped to 0 ... UInt64.max.
  public var wholeNanoseconds: UInt64 {
    // One division by the processor. `components` calls the library for four, and a request adds durations five times.
    let attoseconds = attoseconds
    guard attoseconds >= 0 else { return 0 }
    let perNanosecond: UInt64 = 1_000_000_000
    let high = UInt64(truncatingIfNeeded: attoseconds >> 64)
    guard high < perNanosecond else { return .max }
    return perNanosecond.dividingFullWidth((high, UInt64(truncatingIfNeeded: attoseconds))).quotient
  }
}
