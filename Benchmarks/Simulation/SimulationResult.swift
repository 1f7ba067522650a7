public import RateLimiting

/// What came of a run.
public struct SimulationResult: Sendable {
  /// The most units in any 60 s.
  public internal(set) var worstWindow = 0
  /// The most units beyond the rate in windows of any length.
  public internal(set) var worstExcess = 0
  /// All units.
  public internal(set) var delivered = 0
  /// Calls to the store.
  public internal(set) var calls = 0
  /// Answers that ended by themselves.
  public internal(set) var done = 0
  /// Answers that the limit ended.
  public internal(set) var cut = 0
  /// Requests that were refused.
  public internal(set) var rejected = 0
  /// Answers that went with a node that crashed.
  public internal(set) var lost = 0
  /// The most streams that ran at once.
  public internal(set) var peakRunning = 0
  /// The most streams that ran, or had ended without being paid at the store yet.
  public internal(set) var peakStreams = 0
  /// The most credit that nodes and streams held together.
  public internal(set) var peakHeld = 0
  /// The largest request that began, with its answer.
  public internal(set) var largest = 0
  /// The largest answer in one piece.
  public internal(set) var largestPiece = 0
  /// What the design promises for this scenario, faults included.
  public internal(set) var bound = LimitBound(rate: .none, burst: 0, held: 0, error: 0)
  /// Milliseconds of the run.
  public internal(set) var milliseconds = 0

  /// Whether the promise was kept in windows of every length.
  public var holds: Bool { worstExcess <= bound.allowed }

  /// Whether no more was delivered in all than the rate gives in the time, a full bucket, what nodes hold, and one request of each client.
  public func isWithinRate(of scenario: SimulationScenario) -> Bool {
    let terms = scenario.terms
    return delivered <= terms.bucket.burst + terms.bucket.rate.units(inMilliseconds: milliseconds)
      + scenario.clients * largest + scenario.nodes * (terms.leaseMost + terms.leaseLeast)
  }

  /// The worst minute, in percent of the limit.
  public func worstPercent(of limit: Int) -> Double { Double(worstWindow) * 100 / Double(limit) }
  /// The mean minute, in percent of the limit.
  public func meanPercent(of limit: Int) -> Double {
    Double(delivered) * 60_000 * 100 / Double(max(1, milliseconds)) / Double(limit)
  }
  /// Calls to the store in a second.
  public var callsPerSecond: Double { Double(calls) * 1000 / Double(max(1, milliseconds)) }
}
