import ArgumentParser
import Foundation
import LimitSimulation
import RateLimiting

/// `Benchmarks simulate`: runs on a virtual clock, nothing is measured.
struct SimulateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "simulate", abstract: "Runs the gateway's pure machines on a virtual clock.",
    subcommands: [SimulateLimitsCommand.self, SimulateExchangeCommand.self])
}

/// Limits over many nodes, next to what others do; then random schedules against the stated bound.
struct SimulateLimitsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "limits", abstract: "Limits over many nodes under demand and faults, next to two other schemes.")

  @Option(help: "The seed of demand.") var seed: UInt64 = 1
  @Option(help: "Random schedules with faults whose bound is checked afterwards.") var seeds: UInt64 = 10_000
  @Option(help: "Only scenarios whose heading or name contains this.") var filter: String?

  func run() throws {
    for (heading, scenarios) in SimulationScenario.catalogue {
      let chosen = scenarios.filter { filter.map(($0.name + heading).contains) ?? true }
      guard !chosen.isEmpty else { continue }
      print("\n### \(heading)\n")
      print("| scenario | worst 60 s, % | mean, % | calls/s | done / cut / rejected | beyond the rate | allowed |")
      print("|---|---|---|---|---|---|---|")
      for scenario in chosen { show(scenario) }
    }
    try check()
  }

  private func show(_ scenario: SimulationScenario) {
    let result = Simulation.run(scenario, seed: seed)
    let isLease = scenario.scheme == .lease
    let columns = [
      scenario.name, String(format: "%.1f", result.worstPercent(of: scenario.limit)),
      String(format: "%.1f", result.meanPercent(of: scenario.limit)), String(format: "%.1f", result.callsPerSecond),
      "\(result.done) / \(result.cut) / \(result.rejected)", "\(result.worstExcess)",
      isLease ? "\(result.bound.allowed)\(result.holds ? "" : " **broken**")" : "–",
    ]
    print("| \(columns.joined(separator: " | ")) |")
  }

  private func check() throws {
    guard seeds > 0 else { return }
    var broken: [UInt64] = []
    var worst = 0.0
    for seed in 1...seeds {
      let result = Simulation.run(.random(seed: seed), seed: seed)
      if !result.holds { broken.append(seed) }
      worst = max(worst, Double(result.worstExcess) / Double(max(1, result.bound.allowed)))
    }
    print("\n\(seeds) random schedules with faults and crashes: \(broken.count) beyond their bound; ", terminator: "")
    print("the worst used \(String(format: "%.0f", worst * 100)) % of it.")
    guard broken.isEmpty else { throw ValidationError("Beyond the bound: seeds \(broken.prefix(10))") }
  }
}
