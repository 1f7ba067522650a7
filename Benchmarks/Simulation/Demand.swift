import Glibc
import RateLimiting
import TestKit

/// Requests as they come: at random times, on random nodes, with prompts and answers of random length.
struct Demand {
  private let scenario: SimulationScenario
  private var generator: SeededGenerator
  private var due = 0.0
  private let perStep: Double
  private var nextID: UInt64 = 0

  init(_ scenario: SimulationScenario, seed: UInt64) {
    self.scenario = scenario
    generator = SeededGenerator(seed: seed)
    let mean = Double(scenario.prompts.lowerBound + scenario.prompts.upperBound) / 2 + scenario.outputMean
    perStep = scenario.demand * Double(scenario.limit) / 60_000 / mean * Double(scenario.stepMilliseconds)
    due = -log(chance())
  }

  private mutating func chance() -> Double { Double(generator.next() >> 11) / Double(1 << 53) + 1e-18 }

  /// The requests of one step: their distances are exponential.
  mutating func arrivals(at now: Int) -> [(request: LeaseNode.Request, node: Int)] {
    due -= perStep
    var requests: [(LeaseNode.Request, Int)] = []
    while due <= 0 {
      requests.append((request(), generator.int(in: 0...scenario.nodes - 1)))
      due += -log(chance())
    }
    return requests
  }

  private mutating func request() -> LeaseNode.Request {
    nextID += 1
    let prompt = generator.int(in: scenario.prompts)
    // Log-normal with sigma 1: the mean is e^(mu + 1/2).
    let normal = sqrt(-2 * log(chance())) * cos(2 * .pi * chance())
    let output = max(1, Int(min(exp(log(scenario.outputMean) - 0.5 + normal), scenario.outputMean * 20)))
    let wrong = (chance() * 2 - 1) * scenario.promptError - scenario.promptBias
    let guess = max(1, Int(Double(prompt) * (1 + wrong)))
    return LeaseNode.Request(id: nextID, prompt: prompt, guess: guess, output: output)
  }
}
