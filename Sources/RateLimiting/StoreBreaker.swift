/// Decides when a store counts as away, one for each store and reactor: three failures in a row, then one probe a second until it answers.
/// While it is away nobody waits for it.
public struct StoreBreaker: Sendable {
  /// Failures in a row that make it away.
  public var failuresMax: Int
  /// Milliseconds between probes.
  public var probeMilliseconds: Int

  /// Whether the store answers.
  public private(set) var condition = StoreCondition.present
  private var failures = 0
  private var probeAt = 0

  /// A breaker that is closed.
  public init(failuresMax: Int = 3, probeMilliseconds: Int = 1000) {
    self.failuresMax = max(1, failuresMax)
    self.probeMilliseconds = max(1, probeMilliseconds)
  }

  /// Whether a request may be sent now; while the store is away, one a probe interval. A yes counts as sent.
  public mutating func maySend(now: Int) -> Bool {
    guard condition == .away else { return true }
    guard now >= probeAt else { return false }
    probeAt = now + probeMilliseconds
    return true
  }

  /// It answered in time. True when that changes the condition.
  public mutating func answered() -> Bool {
    failures = 0
    defer { condition = .present }
    return condition == .away
  }

  /// It did not answer in time, or the connection broke. True when that changes the condition.
  public mutating func failed(now: Int) -> Bool {
    failures = min(failures + 1, failuresMax)
    guard failures >= failuresMax, condition == .present else { return false }
    condition = .away
    probeAt = now + probeMilliseconds
    return true
  }
}
