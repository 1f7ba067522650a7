/// One request's life with all that can happen to it, repeated from a seed.
public enum ExchangeSimulation {
  /// What came of a seed.
  public struct Result: Sendable {
    /// The first promise that was broken, and how.
    public let violation: ExchangeViolation?
    /// In words.
    public let detail: String
    /// How many things happened.
    public let stepCount: Int
    /// Each event with the machine's answer; empty unless it was asked for.
    public let trace: [String]
  }

  /// Lets a request live.
  ///
  /// - Parameters:
  ///   - flaw: a break in the build; nil for the gateway's own.
  ///   - coverage: notes what occurs.
  ///   - traces: whether to note all that happens.
  public static func run(
    seed: UInt64, flaw: ExchangeFlaw? = nil, coverage: ExchangeCoverage, traces: Bool = false
  ) -> Result {
    let world = ExchangeWorld(seed: seed, flaw: flaw, coverage: coverage, traces: traces)
    world.run()
    return Result(
      violation: world.violation?.what, detail: world.violation?.detail ?? "", stepCount: world.stepCount,
      trace: world.trace ?? [])
  }
}
