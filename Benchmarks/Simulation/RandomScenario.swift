import RateLimiting
import TestKit

extension SimulationScenario {
  /// A small scenario of random size with random faults: two to six nodes, half a minute.
  public static func random(seed: UInt64) -> SimulationScenario {
    var generator = SeededGenerator(seed: seed)
    var scenario = SimulationScenario()
    scenario.name = "seed \(seed)"
    scenario.nodes = generator.int(in: 1...6)
    scenario.limit = generator.int(in: 20...200) * 1000
    scenario.burstSeconds = Double(generator.int(in: 1...12))
    scenario.demand = Double(generator.int(in: 5...60)) / 10
    scenario.outputMean = Double(generator.int(in: 50...1500))
    scenario.prompts = generator.int(in: 1...200)...generator.int(in: 200...900)
    scenario.promptError = Double(generator.int(in: 0...3)) / 10
    scenario.milliseconds = 30_000
    scenario.stepMilliseconds = 50
    scenario.absence = generator.int(in: 0...3) == 0 ? .closed : .local
    scenario.looksAhead = generator.int(in: 0...2) > 0
    scenario.waitMilliseconds = [0, 200, 1000].randomElement(using: &generator) ?? 0
    if generator.int(in: 0...2) == 0 { scenario.clients = generator.int(in: 1...40) }
    switch generator.int(in: 0...5) {
    case 0: scenario.answers = .onePiece
    case 1: scenario.answers = .events(units: generator.int(in: 1...scenario.limit / 5))
    case 2: scenario.prompts = scenario.limit / 10...scenario.limit * 11 / 10
    default: break
    }
    if generator.int(in: 0...3) == 0 { scenario.maxTokensFactor = Double(generator.int(in: 10...50)) / 10 }
    scenario.faults = (0..<generator.int(in: 0...4)).map { _ in scenario.fault(&generator) }
    return scenario
  }

  private func fault(_ generator: inout SeededGenerator) -> Fault {
    let at = generator.int(in: 0...milliseconds - 1000)
    let until = at + generator.int(in: 100...12_000)
    return switch generator.int(in: 0...6) {
    case 0: .storeDown(from: at, until: until)
    case 1: .storeSlow(from: at, until: until, milliseconds: generator.int(in: 5...1500))
    case 2: .storeEmptied(at: at)
    case 3: .storeRolledBack(at: at, by: generator.int(in: 50...5000))
    case 4: .clockJumps(at: at, by: generator.int(in: -30_000...30_000))
    case 5: .nodeCrashes(at: at, node: generator.int(in: 0...nodes - 1))
    default: .partition(from: at, until: until, nodes: generator.int(in: 1...nodes))
    }
  }
}
