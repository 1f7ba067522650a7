import GatewayConfiguration
import RateLimiting
import Testing

@testable import Quotas

@Suite struct PlanTests {
  private func plan(_ limits: [LimitSettings]) -> LimitPlan {
    LimitPlan(GatewaySettings(limits: limits), nodesAssumed: 3) { TimeZoneTable.offsets($0, from: 1_790_000_000) }
  }

  @Test("a limit's settings become its rule: quantity, window, zone, amounts, subjects, modes")
  func rules() throws {
    var weights = LimitWeights()
    weights.cached = 100
    let limits = [
      LimitSettings(
        name: "month", quantity: .tokens(weights), window: .calendar(.month, timeZone: "Europe/Berlin"),
        amounts: [LimitAmount(units: 1000)], each: [.consumer, .client], onExceeded: .error,
        wait: .milliseconds(1500), whenStoreIsAway: .closed),
      LimitSettings(
        name: "money", quantity: .budget(currency: "EUR"), window: .sliding(.seconds(60)),
        amounts: [LimitAmount(units: 5)], burst: 2),
      LimitSettings(
        name: "week", quantity: .requests, window: .calendar(.week, timeZone: "UTC"),
        amounts: [LimitAmount(units: 7)]),
      LimitSettings(name: "streams", quantity: .concurrency, window: nil, amounts: [LimitAmount(units: 4)]),
    ]
    let rules = plan(limits).limits.map(\.rule)
    #expect(rules.map(\.name) == ["month", "money", "week", "streams"])
    #expect(rules[0].waitMilliseconds == 1500 && rules[0].exceeded == .error && rules[0].absence == .closed)
    #expect(rules[0].nodesAssumed == 3 && rules[0].each.count == 2)
    #expect(plan(limits).limits[0].subjectClass == "consumer and client address")
    // Noon of 30 June 2026 in Berlin: the month ends at 22:00 UTC.
    let (terms, suffix, endsAt) = rules[0].terms(amount: 1000, unixTime: 1_782_813_600)
    #expect(suffix == ":2026-06-01" && endsAt == 1_782_856_800 && terms.bucket.burst == 1_000_000)
    #expect(rules[1].quantity == .money(currency: "EUR") && rules[1].burst == 2 && rules[1].window == .minute)
    #expect(rules[2].window == .calendar(.week(firstDay: 1), .utc) || rules[2].quantity == .requests)
    #expect(rules[3].quantity == .concurrency)
  }

  @Test("of several patterns of a condition one must match, and all share the amount")
  func patterns() throws {
    let limit = LimitSettings(
      name: "models", quantity: .requests, window: .sliding(.seconds(60)),
      match: LimitMatch([LimitCondition(.consumer, [.exact("a"), .prefix("b"), .regex("c.*")])]),
      amounts: [
        LimitAmount(match: LimitMatch([LimitCondition(.model, [.exact("big"), .exact("huge")])]), units: 1),
        LimitAmount(units: 10),
      ])
    let rule = try #require(plan([limit]).limits.first?.rule)
    func applied(_ consumer: String, _ model: String) -> AppliedLimit? {
      rule.applied(to: Facts([.consumer: consumer, .model: model])) { $0 }
    }
    #expect(applied("a", "big")?.amount == 1 && applied("bb", "huge")?.amount == 1)
    #expect(applied("a", "big")?.id == applied("cc", "huge")?.id)
    #expect(applied("cx", "small")?.amount == 10 && applied("d", "small") == nil)
  }

  @Test("a case's buckets are its own by what it matches: order, amount and other cases do not move them")
  func caseIDs() throws {
    func amount(_ patterns: [LimitPattern], _ units: Int) -> LimitAmount {
      LimitAmount(match: LimitMatch([LimitCondition(.model, patterns)]), units: units)
    }
    func ids(_ amounts: [LimitAmount]) throws -> [String: String] {
      let limit = LimitSettings(name: "l", quantity: .requests, window: .sliding(.seconds(60)), amounts: amounts)
      let rule = try #require(plan([limit]).limits.first?.rule)
      return Dictionary(
        uniqueKeysWithValues: ["big", "huge", "x1", "y1", "other"].map { model in
          (model, rule.applied(to: Facts([.model: model])) { $0 }?.id ?? "")
        })
    }
    let first = try ids([
      amount([.exact("big"), .exact("huge")], 1), amount([.regex("x.*")], 2), amount([.regex("y.*")], 3),
      LimitAmount(units: 10),
    ])
    let second = try ids([
      amount([.regex("y.*")], 30), amount([.prefix("z")], 5), amount([.regex("x.*")], 20),
      amount([.exact("huge"), .exact("big")], 7), LimitAmount(units: 100),
    ])
    #expect(first == second && first["big"] == first["huge"] && first["other"] == "l:0:")
    #expect(Set(first.values).count == 4)
    // Kept in stores: it must not change with the program.
    #expect(LimitKey.caseID([("model", ["exact big"])]) == "1th1thtzhi92e")
    #expect(LimitKey.caseID([("a", ["b", "c"])]) != LimitKey.caseID([("a", ["b"]), ("c", [])]))
  }

  @Test("time zones are known by their names, with the hours at which their clocks change")
  func zones() throws {
    #expect(TimeZoneTable.knows("Asia/Shanghai") && !TimeZoneTable.knows("Atlantis/Centre"))
    let berlin = try #require(TimeZoneTable.offsets("Europe/Berlin", from: 1_790_000_000))
    #expect(berlin.offset(at: 1_782_813_600) == 7200)
    // 15 January 2036.
    #expect(berlin.offset(at: 2_083_968_000) == 3600)
    #expect(TimeZoneTable.offsets("Atlantis/Centre", from: 0) == nil)
  }
}
