import Quotas
import RateLimiting
import Reactor

/// Limits alone: admission, events and settlement of requests of 64 consumers on an embedded store, with a lease in hand. One unit is a request
/// (admitted and settled), or an event of one token of a long stream.
struct LimitAdmitScenario: Scenario {
  let name = "limit-admit"
  let summary = "limits alone: admission and settlement of a request, an event of a stream, with 1 and 4 limits"

  private static let requests = 4096
  private static let events = 100_000
  /// So much in a minute that nothing runs dry.
  private static let amount = 1 << 44

  func run(_ bench: Bench) throws -> ScenarioReport {
    var report = ScenarioReport(name: name, summary: summary, parameters: [])
    var variants: [MicroVariant] = []
    let plans: [(name: String, rules: [LimitRule])] = [
      ("1 limit", Array(Self.buckets.prefix(1))), ("4 limits", Self.buckets),
      ("4 limits, one of concurrency", Self.buckets.prefix(3) + [Self.rule("streams", .concurrency, .minute)]),
    ]
    for plan in plans {
      let desk = try Self.desk(plan.rules)
      guard Self.pass(desk, requests: 64, events: 200) == 64 * 200 else {
        throw BenchmarkError("\(plan.name): not every request was admitted, or a stream ran dry")
      }
      variants.append(
        MicroVariant(name: plan.name, bytes: 0, units: Self.requests) {
          UInt64(Self.pass(desk, requests: Self.requests, events: 0))
        })
      variants.append(
        MicroVariant(name: "\(plan.name), an event", bytes: 0, units: Self.events) {
          UInt64(Self.pass(desk, requests: 1, events: Self.events))
        })
    }
    report.checked = "all requests were admitted, no stream ran dry"
    try MicroRun.run(variants, unit: "request, or event", bench, into: &report)
    return report
  }

  private static func rule(
    _ name: String, _ quantity: LimitedQuantity, _ window: LimitWindow, each: [SubjectPart] = [.consumer]
  ) -> LimitRule {
    LimitRule(name, quantity, window, cases: [LimitRule.Case(amount: amount)], each: each)
  }

  private static let buckets = [
    rule("tokens", .tokens(.total), .minute), rule("requests", .requests, .minute),
    rule("answers", .tokens(.output), .calendar(.month, .utc), each: [.consumer, .model]),
    rule("all", .tokens(.total), .day, each: []),
  ]

  /// On a reactor that does not run, so that this thread may be its own.
  private static func desk(_ rules: [LimitRule]) throws -> LimitDesk {
    let reactor = try Reactor(index: 0)
    let store = try EmbeddedStore(clock: unixMilliseconds)
    let desk = LimitDesk(
      LimitPlan(rules), on: reactor, storage: store, node: "bench", unixTime: { unixMilliseconds() / 1000 })
    desk.start()
    return desk
  }

  /// The monotonic clock will do: it costs the same, and no period ends while this runs.
  @Sendable private static func unixMilliseconds() -> Int {
    1_800_000_000_000 + Int(MonotonicTime.readClock().nanoseconds / 1_000_000)
  }

  private final class Facts: SubjectFacts, Sendable {
    let consumer: String
    let model: String

    init(consumer: String, model: String) { (self.consumer, self.model) = (consumer, model) }

    func value(of part: SubjectPart) -> String? {
      switch part {
      case .consumer: consumer
      case .model: model
      default: nil
      }
    }
  }

  private static let asked = (0..<64).map { number in
    let model = number % 2 == 0 ? "a-large-language-model" : "a-small-one"
    return LimitRequest(
      facts: Facts(consumer: "consumer-number-\(number)", model: model), model: model, promptTokens: 100,
      maxTokens: 1000)
  }

  /// How many events passed, or requests if there were none.
  private static func pass(_ desk: LimitDesk, requests: Int, events: Int) -> Int {
    var passed = 0
    for number in 0..<requests {
      guard case .admitted(let grant) = desk.admit(asked[number % 64], waiter: nil) else { continue }
      for _ in 0..<events {
        if case .dry = grant.spend(outputTokens: 1) { break }
        passed += 1
      }
      grant.settle(prompt: 100, completion: events)
      if events == 0 { passed += 1 }
    }
    return passed
  }
}
