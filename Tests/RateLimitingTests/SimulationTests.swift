import Glibc
import LimitSimulation
import RateLimiting
import TestKit
import Testing

@Suite("Limits in simulation")
struct SimulationTests {
  /// 10,000 seeds in a release build or with SLUICE_FULL=1; else as many as a debug build does in a minute on a slow machine.
  private static let seeds: Int = {
    #if DEBUG
      getenv("SLUICE_FULL") == nil ? 400 : 10_000
    #else
      10_000
    #endif
  }()

  @Test("the bound holds in every window of random schedules with random faults and crashes")
  func randomSchedules() throws {
    var delivered = 0
    var faults = 0
    try withSeeds(Self.seeds) { generator in
      let scenario = SimulationScenario.random(seed: generator.seed)
      let result = Simulation.run(scenario, seed: generator.seed)
      delivered += result.delivered
      faults += scenario.faults.count
      try #require(
        result.holds,
        "\(generator): \(result.worstExcess) beyond the rate, \(result.bound.allowed) allowed: \(scenario)")
      try #require(
        result.peakHeld <= result.bound.held, "\(generator): \(result.peakHeld) held, \(result.bound.held) allowed")
    }
    // The schedules must use their limits, and things must go wrong.
    #expect(delivered > Self.seeds * 5000 && faults > Self.seeds)
  }

  private var unpaid: SimulationScenario {
    var scenario = SimulationScenario()
    (scenario.nodes, scenario.burstSeconds, scenario.milliseconds, scenario.stepMilliseconds) = (4, 2, 300_000, 50)
    (scenario.promptBias, scenario.promptError) = (0.5, 0.1)
    return scenario
  }

  private var forgetful: SimulationScenario {
    var scenario = SimulationScenario()
    (scenario.nodes, scenario.burstSeconds, scenario.milliseconds, scenario.stepMilliseconds) = (2, 12, 120_000, 50)
    scenario.demand = 5
    return scenario
  }

  @Test("the checker catches a build that drops debts")
  func debtDropped() {
    var scenario = unpaid
    #expect(Simulation.run(scenario, seed: 1).holds)
    scenario.breakage = .debtDropped
    #expect(!Simulation.run(scenario, seed: 1).holds)
  }

  @Test("the checker catches a build that ignores what nodes have seen", arguments: [true, false])
  func snapshotIgnored(isEmptied: Bool) {
    var scenario = forgetful
    scenario.faults = (2...6).map {
      isEmptied ? .storeEmptied(at: $0 * 15_000) : .storeRolledBack(at: $0 * 15_000, by: 14_000)
    }
    #expect(Simulation.run(scenario, seed: 1).holds)
    scenario.breakage = .snapshotIgnored
    #expect(!Simulation.run(scenario, seed: 1).holds)
  }

  @Test("ten times the demand gives no minute beyond the limit, and uses most of it")
  func overload() {
    var scenario = SimulationScenario()
    (scenario.demand, scenario.milliseconds, scenario.stepMilliseconds) = (10, 150_000, 50)
    let lease = Simulation.run(scenario, seed: 3)
    #expect(lease.worstPercent(of: scenario.limit) <= 101 && lease.meanPercent(of: scenario.limit) >= 85)
    #expect(lease.cut * 20 <= lease.done)
    scenario.scheme = .fixedWindow
    #expect(Simulation.run(scenario, seed: 3).worstPercent(of: scenario.limit) > 200)
  }

  @Test("calls for a limit that is not exhausted stay below two a second and node")
  func calls() {
    var scenario = SimulationScenario()
    (scenario.demand, scenario.milliseconds, scenario.stepMilliseconds, scenario.limit) = (0.6, 60_000, 20, 1_000_000)
    let result = Simulation.run(scenario, seed: 5)
    #expect(result.callsPerSecond <= 16 && result.rejected == 0 && result.cut == 0)
  }

  @Test(
    "what was given too much is held against what is asked next, in full", arguments: SimulationScenario.debtMixes)
  func debts(_ mix: SimulationScenario) {
    let result = Simulation.run(mix, seed: 7)
    #expect(result.holds, "\(mix.name): \(result.worstExcess) beyond the rate, \(result.bound.allowed) allowed")
    #expect(result.isWithinRate(of: mix), "\(mix.name): \(result.meanPercent(of: mix.limit)) %")
    // The limit is used, but by prompts that never fit.
    let mean = result.meanPercent(of: mix.limit)
    #expect(mix.prompts.lowerBound > mix.limit ? result.delivered == 0 : mean > 70, "\(mix.name): \(mean) %")
  }

  @Test("the checker catches a build that forgives debts", arguments: SimulationScenario.debtMixes)
  func debtForgiven(_ mix: SimulationScenario) {
    var broken = mix
    broken.breakage = .debtForgiven
    let result = Simulation.run(broken, seed: 7)
    // What never begins owes nothing, and slow answers are reserved so well that they hardly do.
    guard mix.prompts.lowerBound <= mix.limit, mix.clients < 30 else { return #expect(result.isWithinRate(of: mix)) }
    #expect(!result.isWithinRate(of: mix), "\(mix.name): \(result.meanPercent(of: mix.limit)) %")
  }

  @Test(
    "a lone client of a small limit gets nearly all that the rate gives, over whatever nodes, and no more than the bound",
    arguments: SimulationScenario.smallLimits)
  func smallLimit(_ small: SimulationScenario) {
    let rate = small.terms.bucket.rate
    for seed: UInt64 in 1...5 {
      let result = Simulation.run(small, seed: seed)
      #expect(result.holds && result.isWithinRate(of: small), "seed \(seed): \(result.worstExcess)")
      // Streams are paid as they come: no minute holds more than the limit.
      if small.answers == .streamed { #expect(result.worstWindow <= small.limit, "seed \(seed)") }
      // A full bucket at the beginning comes on top: a sixtieth of the hour.
      let mean = Double(result.delivered) / Double(rate.units(inMilliseconds: small.milliseconds))
      #expect((0.98...1.03).contains(mean), "seed \(seed): \(mean)")
    }
  }

  @Test("no state of a lease is stable at one call for a request", arguments: SimulationScenario.leaseTrap)
  func leaseTrap(_ trap: SimulationScenario) {
    let result = Simulation.run(trap, seed: 7)
    #expect(result.done > 10_000 && result.rejected == 0 && result.cut == 0)
    // Two a second, and some at the beginning.
    #expect(result.calls <= trap.nodes * (2 * trap.milliseconds / 1000 + 10))
  }

  @Test("slow answers in one piece of many clients keep to the rate in the long run")
  func slowPieces() throws {
    var mix = try #require(SimulationScenario.debtMixes.last)
    // So long that one request of each client is little against what the rate gives.
    (mix.milliseconds, mix.stepMilliseconds) = (12 * 3_600_000, 1000)
    let result = Simulation.run(mix, seed: 7)
    #expect(result.isWithinRate(of: mix), "\(result.meanPercent(of: mix.limit)) %")
  }

  @Test("a monitor finds the worst window and the worst excess of any window")
  func monitor() throws {
    try withSeeds(100) { generator in
      let rate = LeaseRate(generator.int(in: 0...30), perMilliseconds: 10)
      var monitor = DeliveryMonitor(rate: rate, windowMilliseconds: 100)
      var events: [(time: Int, amount: Int)] = []
      var time = 0
      for _ in 0..<60 {
        time += generator.int(in: 0...40)
        events.append((time, generator.int(in: 1...50)))
        monitor.delivered(events.last?.amount ?? 0, at: time)
      }
      var worst = 0
      var excess = 0
      for first in events.indices {
        var sum = 0
        for event in events[first...] {
          sum += event.amount
          if event.time - events[first].time < 100 { worst = max(worst, sum) }
          excess = max(excess, sum - rate.units(inMilliseconds: event.time - events[first].time))
        }
      }
      try #require(monitor.worstWindow == worst, "\(generator)")
      // Rounding of the rate, a unit.
      try #require(abs(monitor.worstExcess - excess) <= 1, "\(generator)")
    }
  }
}
