/// Counts times in steps of less than 2 % of their size, so that millions of them cost 15 kB and a percentile is
/// exact to 1 %.
struct LatencyHistogram {
  /// 0 ..< 128 one by one, then 64 equal steps to every doubling.
  private static let stepBits = 7
  private var counts = ContiguousArray<UInt32>(repeating: 0, count: 60 << (stepBits - 1))
  private var total: UInt64 = 0
  private var sum: Double = 0
  private var largest: UInt64 = 0

  /// Counts one time.
  @inline(__always)
  mutating func record(_ nanoseconds: UInt64) {
    counts[Self.index(nanoseconds)] &+= 1
    total &+= 1
    sum += Double(nanoseconds)
    if nanoseconds > largest { largest = nanoseconds }
  }

  /// What the times come to; nil when there is none.
  var summary: LatencySummary? {
    guard total > 0 else { return nil }
    return LatencySummary(
      count: total, mean: sum / Double(total) / 1000, p50: percentile(0.50), p90: percentile(0.90),
      p99: percentile(0.99),
      max: Double(largest) / 1000)
  }

  private func percentile(_ share: Double) -> Double {
    let rank = max(1, UInt64((Double(total) * share).rounded(.up)))
    var seen: UInt64 = 0
    for (index, count) in counts.enumerated() {
      seen += UInt64(count)
      if seen >= rank { return Double(min(Self.middle(index), largest)) / 1000 }
    }
    return Double(largest) / 1000
  }

  @inline(__always)
  private static func index(_ value: UInt64) -> Int {
    let magnitude = 63 - (value | 127).leadingZeroBitCount
    let shift = magnitude - (stepBits - 1)
    // 0 ..< 128 stand for themselves; each later block of 64 covers one doubling.
    return shift == 0 ? Int(value) : (shift << (stepBits - 1)) + Int(value >> UInt64(shift))
  }

  private static func middle(_ index: Int) -> UInt64 {
    let shift = max(0, (index >> (stepBits - 1)) - 1)
    let low = UInt64(index - (shift << (stepBits - 1))) << UInt64(shift)
    return low + (UInt64(1) << UInt64(shift)) / 2
  }
}

/// Percentiles of a set of times, in microseconds.
struct LatencySummary: Codable {
  var count: UInt64
  var mean: Double
  var p50: Double
  var p90: Double
  var p99: Double
  var max: Double
}
