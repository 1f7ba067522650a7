import Lifecycle
import TestKit

/// What a request's world is like: drawn once from the seed, so that worlds differ and not only the events in them.
struct ExchangePlan {
  var isStream: Bool
  var isRepeatable: Bool
  /// Whether comments may be put into its streams.
  var showsLife: Bool
  /// The one that is in use when the request begins.
  var configuration: SimulatedConfiguration
  /// The gateway answers by itself; with a refusal or not.
  var answersItself: Bool?
  /// In percent.
  var faults: Int
  /// Of the faults that come before an answer, dead connections.
  var deadConnections = 20
  var slowness: Int
  var limits: Int
  var waits: Int
  var leavesAt: Int?
  var mustEndAt: Int?
  var reloadsAt: Int?
  /// So many units of an answer's beginning are held back.
  var heldMax: Int
  /// Of 100 things that happen, so many come only after seconds.
  var pauses: Int
  /// Whether the client's slowness is told before what was delivered.
  var slowFirst: Bool
  /// Whether an upstream that is held can be seen to break.
  var seesBreaks: Bool

  static func random(_ generator: inout SeededGenerator) -> ExchangePlan {
    let isStream = generator.int(in: 0...3) > 0
    let showsLife = generator.int(in: 0...4) > 0
    let count = generator.int(in: 0...40) == 0 ? 0 : generator.int(in: 1...4)
    var plan = ExchangePlan(
      isStream: isStream, isRepeatable: generator.int(in: 0...4) > 0,
      showsLife: showsLife,
      configuration: .random(candidates: count, isStream: isStream, showsLife: showsLife, &generator),
      faults: generator.oneOf([0, 30, 70, 100]), slowness: generator.oneOf([0, 0, 15, 60]),
      limits: generator.oneOf([0, 30, 90]), waits: generator.oneOf([0, 20, 60]), heldMax: generator.int(in: 1...4),
      pauses: generator.oneOf([0, 3, 30]),
      slowFirst: generator.int(in: 0...1) == 0, seesBreaks: generator.int(in: 0...1) == 0)
    if generator.int(in: 0...30) == 0 { plan.answersItself = generator.int(in: 0...1) == 0 }
    if generator.int(in: 0...5) == 0 { plan.leavesAt = generator.moment() }
    if generator.int(in: 0...11) == 0 { plan.mustEndAt = generator.moment() }
    if generator.int(in: 0...5) == 0 { plan.reloadsAt = generator.moment() }
    switch generator.int(in: 0...19) {
    case 0: plan.dwellOnSlowness(&generator)
    case 1: (plan.faults, plan.deadConnections) = (100, 90)
    default: break
    }
    return plan
  }

  /// A rare thing made frequent: a client that is slow with the gateway's comments alone, while one upstream after the
  /// other fails.
  private mutating func dwellOnSlowness(_ generator: inout SeededGenerator) {
    (isStream, showsLife) = (true, true)
    (faults, slowness, pauses, waits) = (100, 60, 40, 50)
    configuration = .random(candidates: 4, isStream: true, showsLife: true, &generator)
    for index in configuration.candidates.indices { configuration.candidates[index].isPatient() }
    leavesAt = nil
  }
}

extension SeededGenerator {
  /// One of a few numbers.
  mutating func oneOf(_ choices: [Int]) -> Int { choices[int(in: 0...choices.count - 1)] }

  /// A fault; one that comes before an answer is often a dead connection.
  mutating func fault(isEarly: Bool, _ plan: ExchangePlan) -> FaultClass {
    if isEarly && happens(plan.deadConnections) { return .stale }
    return element(of: FaultClass.allCases) ?? .network
  }

  /// Whether something happens that does so in `percent` of 100 cases.
  mutating func happens(_ percent: Int) -> Bool { int(in: 0...99) < percent }

  /// Milliseconds until the next event: often none at all, so that much happens at one instant.
  mutating func delay(_ plan: ExchangePlan) -> Int {
    if happens(plan.pauses) { return int(in: 400...12_000) }
    return switch int(in: 0...19) {
    case 0...8: 0
    case 9...15: int(in: 1...20)
    default: int(in: 20...400)
    }
  }

  /// A time in a request's life.
  mutating func moment() -> Int {
    switch int(in: 0...3) {
    case 0: int(in: 0...3)
    case 1: int(in: 0...60)
    case 2: int(in: 0...600)
    default: int(in: 0...15_000)
    }
  }
}
