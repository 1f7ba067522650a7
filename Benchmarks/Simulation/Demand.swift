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
  /// When each client asks next; `Int.max` while its request runs.
  private var asksAt: [Int]
  /// A client that has been refused asks again after so long.
  private static let retryMilliseconds = 500

  init(_ scenario: SimulationScenario, seed: UInt64) {
    self.scenario = scenario
    generator = SeededGenerator(seed: seed)
    let mean = Double(scenario.prompts.lowerBound + scenario.prompts.upperBound) / 2 + scenario.outputMean
    asksAt = Array(repeating: 0, count: scenario.clients)
    perStep = scenario.demand * Double(scenario.limit) / 60_000 / mean * Double(scenario.stepMilliseconds)
    due = -log(chance())
  }

  private mutating func chance() -> Double { Double(generator.next() >> 11) / Double(1 << 53) + 1e-18 }

  /// A request has ended: whose it was asks again.
  mutating func ended(_ request: LeaseNode.Request, isRefused: Bool, at now: Int) {
    guard asksAt.indices.contains(request.client) else { return }
    asksAt[request.client] = now + (isRefused ? Self.retryMilliseconds : 1)
  }

  /// The requests of one step: those of clients that have nothing running, or, without clients, at exponential distances.
  mutating func arrivals(at now: Int) -> [(request: LeaseNode.Request, node: Int)] {
    guard asksAt.isEmpty else {
      let due = asksAt.indices.filter { asksAt[$0] <= now }
      return due.map { client in
        asksAt[client] = .max
        return (request(client: client), Int(nextID % UInt64(scenario.nodes)))
      }
    }
    due -= perStep
    var requests: [(LeaseNode.Request, Int)] = []
    while due <= 0 {
      requests.append((request(client: -1), generator.int(in: 0...scenario.nodes - 1)))
      due += -log(chance())
    }
    return requests
  }

  private mutating func request(client: Int) -> LeaseNode.Request {
    nextID += 1
    let prompt = generator.int(in: scenario.prompts)
    // Log-normal with sigma 1: the mean is e^(mu + 1/2).
    let normal = sqrt(-2 * log(chance())) * cos(2 * .pi * chance())
    let output = max(1, Int(min(exp(log(scenario.outputMean) - 0.5 + normal), scenario.outputMean * 20)))
    let wrong = (chance() * 2 - 1) * scenario.promptError - scenario.promptBias
    let guess = max(1, Int(Double(prompt) * (1 + wrong)))
    return LeaseNode.Request(
      id: nextID, prompt: prompt, guess: guess, output: output,
      maxTokens: scenario.maxTokensFactor.map { max(1, Int(Double(output) * $0)) }, client: client)
  }
}
