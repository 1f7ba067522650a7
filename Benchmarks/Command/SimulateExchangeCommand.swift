import ArgumentParser
import ExchangeSimulation

/// Requests in random worlds, each promise looked at after each step.
struct SimulateExchangeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "exchange", abstract: "A request's life in random worlds: faults, limits, slow clients, drains.")

  @Option(help: "Random worlds.") var seeds: UInt64 = 100_000
  @Option(help: "One seed alone; prints all that happens in it.") var seed: UInt64?

  func run() throws {
    let coverage = ExchangeCoverage()
    if let seed { return try show(seed, coverage) }
    var broken: [String] = []
    var brokenCount = 0
    var stepCount = 0
    for seed in 1...max(1, seeds) {
      let result = ExchangeSimulation.run(seed: seed, coverage: coverage)
      stepCount += result.stepCount
      guard result.violation != nil else { continue }
      brokenCount += 1
      if broken.count < 20 { broken.append("seed \(seed): \(result.detail)") }
    }
    print(coverage.description)
    let gaps =
      coverage.gaps.isEmpty ? "all that must occur did" : "did not occur: " + coverage.gaps.joined(separator: ", ")
    print("\(seeds) worlds, \(stepCount) steps, \(brokenCount) with a broken promise; \(gaps)")
    guard broken.isEmpty else { throw ValidationError("Promises broken:\n\(broken.joined(separator: "\n"))") }
  }

  private func show(_ seed: UInt64, _ coverage: ExchangeCoverage) throws {
    let result = ExchangeSimulation.run(seed: seed, coverage: coverage, traces: true)
    for line in result.trace { print(line) }
    if result.violation != nil { throw ValidationError(result.detail) }
  }
}
