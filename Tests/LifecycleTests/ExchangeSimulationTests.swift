import ExchangeSimulation
import TestKit
import Testing

@Suite("A request's life in simulation")
struct ExchangeSimulationTests {
  /// A debug build has them in two or three seconds, and all that must occur does.
  private static let seeds = 50_000

  @Test("every promise is kept in random worlds, and everything that can happen happens in some")
  func randomWorlds() throws {
    let coverage = ExchangeCoverage()
    try withSeeds(Self.seeds) { generator in
      let result = ExchangeSimulation.run(seed: generator.seed, coverage: coverage)
      try #require(result.violation == nil, "\(generator): \(result.detail)")
    }
    print(coverage.description, "Did not occur: \(coverage.gaps)")
    #expect(coverage.gaps.isEmpty)
  }

  @Test("a seed tells the same story each time")
  func repeats() {
    for seed in UInt64(1)...50 {
      let coverage = ExchangeCoverage()
      let first = ExchangeSimulation.run(seed: seed, coverage: coverage, traces: true)
      #expect(first.trace == ExchangeSimulation.run(seed: seed, coverage: coverage, traces: true).trace)
      #expect(!first.trace.isEmpty)
    }
  }

  /// How each broken build shows.
  private static let signs: [(ExchangeFlaw, Set<ExchangeViolation>)] = [
    (.endsTwice, [.endedTwice]), (.losesGrant, [.holdsDiffer, .grantLost]), (.forwardsUncounted, [.releasedUncounted]),
    (.retriesForever, [.tooManyAttempts]), (.decidesAfterEnd, [.actedAfterEnd]),
    (.readsNewConfiguration, [.changedByReload]),
  ]

  @Test("a broken build is caught within 3,000 worlds", arguments: ExchangeFlaw.allCases)
  func broken(_ flaw: ExchangeFlaw) throws {
    let signs = try #require(Self.signs.first { $0.0 == flaw }?.1)
    let coverage = ExchangeCoverage()
    let caught = (UInt64(1)...3_000).lazy.compactMap {
      ExchangeSimulation.run(seed: $0, flaw: flaw, coverage: coverage).violation
    }.first
    #expect(caught.map { signs.contains($0) } == true, "\(flaw): \(String(describing: caught))")
  }
}
