import Foundation
import GatewayConfiguration
import TestKit
import Testing

@testable import RateLimiting

@Suite("Limit rules")
struct LimitRuleTests {
  @Test(
    "a burst of the whole amount leaves room for the refill: no window holds more than the amount",
    arguments: [1, 2, 7, 10, 1000, 100_000])
  func burstOfAll(amount: Int) {
    for quantity in [LimitedQuantity.tokens(.total), .money(currency: "USD")] {
      var rule = LimitRule("l", quantity, .minute, cases: [])
      rule.burst = amount
      let terms = rule.terms(amount: amount, unixTime: 0).terms
      var bucket = BucketState()
      var monitor = DeliveryMonitor(rate: terms.bucket.rate, windowMilliseconds: 60_000)
      for step in 1...1300 {
        let request = LeaseRequest(sequence: step, want: amount, least: 1, adjust: 0, seen: .none)
        // Idle for a minute first, then everything that there is, as soon as it is there.
        let clock = 60_000 + step * 100
        monitor.delivered(bucket.lease(request, terms.bucket, node: "a", clock: clock).grant, at: clock)
      }
      #expect(monitor.worstWindow <= amount && monitor.total >= amount)
    }
  }

  private struct Facts: SubjectFacts {
    var values: [SubjectPart: String]
    func value(of part: SubjectPart) -> String? { values[part] }
  }

  private func noDigest(_ text: String) -> String { "D\(text.utf8.count)" }

  @Test("the most specific case applies: exact, network, longer prefix, expression, any")
  func specificity() throws {
    let rule = LimitRule(
      "r", .tokens(.total), .minute,
      cases: [
        LimitRule.Case(match: [(.header("x-user"), .any)], amount: 1),
        LimitRule.Case(match: [(.header("x-user"), .regex(try ModelPattern("a.*z")))], amount: 2),
        LimitRule.Case(match: [(.header("x-user"), .prefix("a"))], amount: 3),
        LimitRule.Case(match: [(.header("x-user"), .prefix("abc"))], amount: 4),
        LimitRule.Case(match: [(.header("x-user"), .exact("abcd"))], amount: 5),
        LimitRule.Case(match: [(.header("x-user"), .network(try #require(CIDR("10.0.0.0/8"))))], amount: 6),
        LimitRule.Case(match: [(.header("x-user"), .network(try #require(CIDR("10.1.0.0/16"))))], amount: 7),
      ])
    func amount(_ value: String?) -> Int? {
      let facts = Facts(values: value.map { [.header("x-user"): $0] } ?? [:])
      return rule.applied(to: facts, digest: noDigest)?.amount
    }
    #expect(amount("abcd") == 5 && amount("abcz") == 4 && amount("axz") == 3 && amount("zz") == 1)
    #expect(amount("10.2.0.1") == 6 && amount("10.1.0.1") == 7 && amount(nil) == nil)
    let expression = LimitRule(
      "r", .requests, .second,
      cases: [
        LimitRule.Case(match: [(.model, .any)], amount: 1),
        LimitRule.Case(match: [(.model, .regex(try ModelPattern("a.*z")))], amount: 2),
      ])
    #expect(expression.applied(to: Facts(values: [.model: "abz"]), digest: noDigest)?.amount == 2)
  }

  @Test(
    "each combination has a bucket of its own; what a request lacks is a subject too; no value can pass for another")
  func subjects() {
    let rule = LimitRule(
      "per minute", .requests, .minute, cases: [LimitRule.Case(amount: 5)],
      each: [.consumer, .clientAddress(ipv4Bits: 24, ipv6Bits: 64)])
    func id(_ consumer: String?, _ address: String?) -> String? {
      var values: [SubjectPart: String] = [:]
      values[.consumer] = consumer
      values[.clientAddress(ipv4Bits: 24, ipv6Bits: 64)] = address
      return rule.applied(to: Facts(values: values), digest: noDigest)?.id
    }
    #expect(id("a", "10.1.2.3") == id("a", "10.1.2.99") && id("a", "10.1.2.3") != id("a", "10.1.3.3"))
    #expect(id("a", "2001:db8::1") == id("a", "2001:db8::ffff") && id("a", "2001:db8:0:1::1") != id("a", "2001:db8::1"))
    #expect(id("a:b", nil) != id("a", "b") && id(nil, "x") != id("%", "x") && id("}", "1") == "per%20minute:0:%7D:1")
    #expect(id(String(repeating: "x", count: 1000), nil) == "per%20minute:0:%hD1002")
    let all = LimitRule("all", .requests, .minute, cases: [LimitRule.Case(amount: 5)])
    let applied = all.applied(to: Facts(values: [:]), digest: noDigest)
    #expect(applied?.amount == 5 && applied?.id == "all:0:" && applied?.sharedID == "all:0:%others")
    #expect(LimitKey.bucket("a:0:") == ("sl:{a:0:}:b", "sl:{a:0:}:m"))
  }

  @Test("a token limit leaves room for its burst, a request limit gives all at once")
  func terms() {
    let tokens = LimitRule("t", .tokens(.total), .minute, cases: [])
    let strict = tokens.terms(amount: 120_000, unixTime: 0).terms
    #expect(strict.bucket.burst == 10_000 && strict.bucket.rate == LeaseRate(110_000, perMilliseconds: 60_000))
    #expect(strict.bucket.burst + strict.bucket.rate.units(inMilliseconds: 60_000) == 120_000)
    // A small limit gives half at once, a large one a twelfth, one between an answer's tokens; whatever it is, no minute holds more than the amount.
    for (amount, burst) in [(1000, 500), (2048, 1024), (8192, 1024), (12_288, 1024), (12_300, 1025)] {
      let bucket = tokens.terms(amount: amount, unixTime: 0).terms.bucket
      #expect(bucket.burst == burst && bucket.rate == LeaseRate(amount - burst, perMilliseconds: 60_000))
    }
    let tenth = TokenWeights(input: 1000, cachedInput: 100, cacheWrite: 1000, output: 1000, reasoning: 1000)
    var weighted = LimitRule("w", .tokens(tenth), .minute, cases: [])
    #expect(weighted.terms(amount: 10_000, unixTime: 0).terms.bucket.burst == 1_024_000)
    weighted.burst = 300
    #expect(weighted.terms(amount: 20_000, unixTime: 0).terms.bucket.burst == 300_000)
    let money = LimitRule("d", .money(currency: "USD"), .day, cases: [])
    for (amount, burst) in [(20_000, 10_000), (100_000, 12_500), (1_200_000, 100_000)] {
      #expect(money.terms(amount: amount, unixTime: 0).terms.bucket.burst == burst)
    }
    let requests = LimitRule("q", .requests, .minute, cases: []).terms(amount: 5, unixTime: 0).terms
    #expect(requests.bucket.burst == 5 && requests.bucket.rate == LeaseRate(5, perMilliseconds: 60_000))
    #expect(requests.keptForRunning == 0 && strict.keptForRunning == 2500)
    #expect(requests.keptForRunning == 0 && strict.keptForRunning == 2500)
    let none = tokens.terms(amount: 0, unixTime: 0).terms
    var bucket = BucketState()
    let request = LeaseRequest(sequence: 1, want: 1, least: 1, adjust: 0, seen: .none)
    #expect(bucket.lease(request, none.bucket, node: "a", clock: 1_000_000).grant == 0)
    let month = LimitRule("m", .money(currency: "USD"), .calendar(.month, .utc), cases: [])
    let (budget, suffix, end) = month.terms(amount: 500_000_000, unixTime: 1_795_000_000, left: 1000)
    #expect(
      budget.bucket.rate.isNone && budget.bucket.initial == 1000 && suffix == ":2026-11-01" && end == 1_796_083_200)
  }

  @Test("weights count to the thousandth, and prices lose nothing in small parts")
  func weightsAndMoney() throws {
    let usage = TokenUsage(input: 10, cachedInput: 100, cacheWrite: 1, output: 20, reasoning: 5)
    #expect(
      TokenWeights.total.units(of: usage) == 136 && TokenWeights.input.units(of: usage) == 111
        && TokenWeights.output.units(of: usage) == 25)
    let tenth = TokenWeights(input: 1000, cachedInput: 100, cacheWrite: 1250, output: 1000, reasoning: 1000)
    #expect(tenth.unitsPerToken == 1000 && tenth.units(of: usage) == 46_250)
    let huge = TokenUsage(input: .max, cachedInput: .max, cacheWrite: .max, output: .max, reasoning: .min)
    #expect(
      TokenWeights(input: .max, cachedInput: .max, cacheWrite: .max, output: .max, reasoning: .max).units(of: huge)
        == LeaseRate.amountMax)
    let prices = TokenPrices(
      input: 140_000, cachedInput: 14_000, cacheWrite: 0, output: 2_190_000, reasoning: 2_190_000)
    try withSeeds(50) { generator in
      var meter = MoneyMeter()
      var total = 0
      var outputs = 0
      for _ in 0..<200 {
        let output = generator.int(in: 0...7)
        outputs += output
        total += meter.add(TokenUsage(output: output), prices)
      }
      total += meter.finish()
      try #require(total == (outputs * 2_190_000 + 999_999) / 1_000_000, "\(generator)")
    }
    var meter = MoneyMeter()
    #expect(
      meter.add(huge, TokenPrices(input: .max, cachedInput: .max, cacheWrite: .max, output: .max, reasoning: .max))
        == LeaseRate.amountMax)
  }

  @Test(
    "calendar periods agree with Foundation's, over years and changes of the clock",
    arguments: [
      "UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "America/Sao_Paulo", "Pacific/Apia", "Africa/Cairo",
      "Australia/Lord_Howe",
    ])
  func calendar(zoneName: String) throws {
    let zone = try #require(TimeZone(identifier: zoneName))
    var transitions: [UTCOffsets.Transition] = []
    var at = Date(timeIntervalSince1970: 1_262_304_000)
    let first = zone.secondsFromGMT(for: at)
    while let next = zone.nextDaylightSavingTimeTransition(after: at), next.timeIntervalSince1970 < 1_900_000_000 {
      transitions.append(.init(at: Int(next.timeIntervalSince1970), offset: zone.secondsFromGMT(for: next)))
      at = next
    }
    let offsets = UTCOffsets(first, transitions)
    var calendar = Calendar(identifier: .gregorian)
    calendar.timeZone = zone
    calendar.firstWeekday = 2
    let near = transitions.flatMap { [$0.at - 1, $0.at, $0.at + 3600] }
    let spread = stride(from: 1_262_304_000, to: 1_890_000_000, by: 1_234_567)
    for time in Array(spread) + near
    where offsets.offset(at: time) == zone.secondsFromGMT(for: Date(timeIntervalSince1970: TimeInterval(time))) {
      let date = Date(timeIntervalSince1970: TimeInterval(time))
      for (period, component) in [
        (CalendarPeriod.day, Calendar.Component.day), (.week(firstDay: 1), .weekOfYear), (.month, .month),
      ] {
        let span = period.span(at: time, offsets)
        let expected = try #require(calendar.dateInterval(of: component, for: date))
        #expect(span.start <= time && time < span.end)
        #expect(span.start == Int(expected.start.timeIntervalSince1970), "\(zoneName) \(period) at \(time)")
        // Foundation's week of seven days of 24 hours is wrong where a date was left out.
        if zoneName == "Pacific/Apia" && component == .weekOfYear { continue }
        #expect(span.end == Int(expected.end.timeIntervalSince1970), "\(zoneName) \(period) at \(time)")
      }
    }
    for time in [Int.min, -1, .max] { #expect(CalendarPeriod.month.span(at: time, offsets).start < .max) }
  }
}
