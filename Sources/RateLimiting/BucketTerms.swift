/// What a bucket is to be: its refill, its size, and what it holds when nobody remembers. Sent along with every request to the store, so that a
/// changed configuration applies with the next lease and the store needs none of its own.
public struct BucketTerms: Sendable, Hashable {
  /// The refill; none for quotas and budgets.
  public var rate: LeaseRate
  /// What it holds at most; for quotas and budgets the whole amount of the period.
  public var burst: Int
  /// What it holds when the store has no such key and the caller has never seen one: `burst`, or for a quota what the ledger says is left.
  public var initial: Int
  /// Milliseconds after the last request at which the store may forget it if it owes no more than it may hold. Rates: when it is full in any case. Quotas: after
  /// the period's end.
  public var expiryMilliseconds: Int

  /// The longest expiry and the longest answer to "how long to wait".
  public static let waitMillisecondsMax = 86_400_000

  /// A bucket that refills. Values out of range are moved into it.
  public init(rate: LeaseRate, burst: Int) {
    let burst = min(max(0, burst), LeaseRate.amountMax)
    self.rate = rate
    self.burst = burst
    initial = burst
    let full = rate.milliseconds(for: 2 * burst, max: 2 * LeaseRate.periodMillisecondsMax)
    expiryMilliseconds = max(BucketState.forgetMilliseconds, full ?? Self.waitMillisecondsMax)
  }

  /// A quota or budget: a fixed amount until the period ends. A raised or lowered amount shifts what is left by the difference.
  ///
  /// - Parameters:
  ///   - quota: units in the period.
  ///   - left: what a fresh key begins with, when the records know that some is spent.
  ///   - expiryMilliseconds: time until the period ends and its key is of no use.
  public init(quota: Int, left: Int? = nil, expiryMilliseconds: Int) {
    rate = .none
    burst = min(max(0, quota), LeaseRate.amountMax)
    initial = min(burst, max(-LeaseRate.amountMax, left ?? quota))
    self.expiryMilliseconds = min(
      max(BucketState.forgetMilliseconds, expiryMilliseconds), 2 * LeaseRate.periodMillisecondsMax)
  }

  /// The longest time for which a debt is remembered, a century: what takes longer to be repaid is no debt but a mistake.
  public static let debtMillisecondsMax = 100 * LeaseRate.periodMillisecondsMax

  /// Milliseconds after which a bucket of that level may be forgotten: a debt has been repaid by then, and the bucket is full.
  @inline(__always)
  public func expiryMilliseconds(level: Int) -> Int {
    // Mostly it owes nothing that its usual time does not cover.
    level >= -burst ? expiryMilliseconds : expiryMilliseconds(debt: level)
  }

  @inline(never)
  private func expiryMilliseconds(debt level: Int) -> Int {
    guard let full = rate.milliseconds(for: burst - level, max: Self.debtMillisecondsMax) else {
      return expiryMilliseconds
    }
    return max(expiryMilliseconds, full + BucketState.clockBehindMillisecondsMax)
  }
}
