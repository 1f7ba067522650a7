import GatewayConfiguration
import Testing

@Suite("Reading limits")
struct LimitStoryTests {
  static let digest = String(repeating: "ab", count: 32)
  static let house = """
    upstreams: { local: { provider: ollama }, far: { provider: vllm } }
    models:
      small: { serve: local, price: { input: 0.1, output: 0.2 } }
      large: { serve: [far, local], aliases: [big], price: { input: 3, output: 15, cached: 0.3, cacheWrite: 3.75, reasoning: 12.000001 } }
      "gpt-*": { serve: far }
    anonymous: true
    consumers:
      team-a: { keys: ["sha256:\(digest)"], models: [small] }
      team-b: { keys: ["sha256:\(String(repeating: "cd", count: 32))"] }

    """

  private func limits(_ text: String) throws -> [LimitSettings] { try parse(Self.house + "limits:\n" + text).limits }

  private func limit(_ text: String) throws -> LimitSettings { try #require(try limits("  a: \(text)").first) }

  @Test("a burst that leaves nothing to refill it is told")
  func burstNotes() throws {
    #expect(try limit("{ tokens: 1000, per: minute, burst: 900 }").notes.isEmpty)
    #expect(try limit("{ requests: 10, per: minute, burst: 10 }").notes.isEmpty)
    let notes = try limit("{ tokens: 1000, per: minute, burst: 1000 }").notes
    #expect(notes.count == 1 && notes[0].hasPrefix("limits.a.burst counts as 900: "))
    let money = try limit("{ budget: 0.5, per: day, burst: 0.5, match: { model: small } }").notes
    #expect(money.count == 1 && money[0].hasPrefix("limits.a.burst counts as 0.45: "))
  }

  @Test("a full section means what it says")
  func fullSection() throws {
    let limits = try limits(
      """
        tokens-by-team:
          match:
            consumer: ["team-*", anonymous]
            key: "sha256:\(Self.digest)"
            model: [small, "gpt-*", "/o[0-9]/"]
            upstream: [local, far]
            route: [/v1/chat/completions, "/v1/files/*", /v1/files/]
            header: { X-Team: [core, "/g[a-z]+/"] }
            query: { tenant: "*" }
            cookie: { session: abc }
            client: [10.0.0.0/8, "fd00::/8"]
          each: [consumer, "header:X-Team", "query:tenant", "cookie:session", client, key, model, upstream, route]
          tokens: 1000000
          per: 10m
          burst: 50000
          weights: { input: 0.5, cached: 0.05, cacheWrite: 1.25, output: 4, reasoning: 0 }
          onExceeded: wait
          wait: 1500ms
          whenStoreIsAway: closed
        money: { match: { model: [small, large] }, budget: 12.5, per: day, burst: 0.25, whenStoreIsAway: open }
        streams: { concurrency: 40, onExceeded: error }
        daily: { requests: 1000, per: day, calendar: true, timeZone: America/Argentina/Buenos_Aires }
        weekly: { inputTokens: 5, per: week, calendar: true }
        answers: { outputTokens: 7, per: second, weights: { reasoning: 2 } }
      """)
    #expect(limits.map(\.name) == ["tokens-by-team", "money", "streams", "daily", "weekly", "answers"])
    let first = limits[0]
    #expect(
      first.match.conditions == [
        LimitCondition(.consumer, [.prefix("team-"), .exact("anonymous")]),
        LimitCondition(.key, [.exact(Self.digest)]),
        LimitCondition(.model, [.exact("small"), .prefix("gpt-"), .regex("o[0-9]")]),
        LimitCondition(.upstream, [.exact("local"), .exact("far")]),
        LimitCondition(.route, [.exact("/v1/chat/completions"), .prefix("/v1/files/"), .exact("/v1/files/")]),
        LimitCondition(
          .client, [.network(try #require(CIDR("10.0.0.0/8"))), .network(try #require(CIDR("fd00::/8")))]),
        LimitCondition(.header("x-team"), [.exact("core"), .regex("g[a-z]+")]),
        LimitCondition(.query("tenant"), [.any]),
        LimitCondition(.cookie("session"), [.exact("abc")]),
      ])
    #expect(
      first.each == [
        .consumer, .header("x-team"), .query("tenant"), .cookie("session"), .client, .key, .model, .upstream, .route,
      ])
    var weights = LimitWeights()
    (weights.input, weights.cached, weights.cacheWrite, weights.output, weights.reasoning) = (500, 50, 1250, 4000, 0)
    #expect(first.quantity == .tokens(weights))
    #expect(first.amounts == [LimitAmount(units: 1_000_000)])
    #expect(first.window == .sliding(.seconds(600)) && first.burst == 50_000)
    #expect(first.onExceeded == .wait && first.wait == .milliseconds(1500) && first.whenStoreIsAway == .closed)
    #expect(limits[1].quantity == .budget(currency: "USD") && limits[1].amounts.map(\.units) == [12_500_000])
    #expect(limits[1].window == .sliding(.seconds(86_400)) && limits[1].burst == 250_000)
    #expect(limits[1].whenStoreIsAway == .open && limits[1].onExceeded == .truncate && limits[1].wait == .seconds(1))
    #expect(limits[2].quantity == .concurrency && limits[2].window == nil && limits[2].each.isEmpty)
    #expect(limits[3].window == .calendar(.day, timeZone: "America/Argentina/Buenos_Aires"))
    #expect(limits[4].window == .calendar(.week, timeZone: "UTC") && limits[4].quantity == .tokens(.ofInput))
    var answers = LimitWeights.ofOutput
    answers.reasoning = 2000
    #expect(limits[5].quantity == .tokens(answers) && limits[5].burst == nil)
  }

  @Test("words for windows mean their length; a month is the calendar's")
  func windows() throws {
    let seconds = ["second": 1, "minute": 60, "hour": 3600, "day": 86_400, "week": 604_800, "1h30m": 5400]
    for (word, length) in seconds {
      #expect(try limit("{ requests: 1, per: \(word) }").window == .sliding(.seconds(length)), "\(word)")
    }
    #expect(try limit("{ requests: 1, per: month }").window == .calendar(.month, timeZone: "UTC"))
    #expect(
      try limit("{ requests: 1, per: month, calendar: true, timeZone: Asia/Tokyo }").window
        == .calendar(.month, timeZone: "Asia/Tokyo"))
    #expect(try limit("{ requests: 1, per: week, calendar: false }").window == .sliding(.seconds(604_800)))
  }

  @Test("who has the amount alone, when nothing says so: the one thing that is named, else all share")
  func each() throws {
    let cases: [(String, [LimitSubject])] = [
      ("{ requests: 1, per: day }", []),
      ("{ requests: 1, per: day, match: { consumer: \"*\" } }", [.consumer]),
      ("{ requests: 1, per: day, match: { header: { X-User: \"*\" } } }", [.header("x-user")]),
      ("{ requests: 1, per: day, match: { header: { a: \"*\", b: \"*\" } } }", []),
      ("{ requests: 1, per: day, match: { consumer: \"*\", model: small } }", []),
      ("{ requests: 1, per: day, match: { consumer: \"*\" }, each: global }", []),
      ("{ requests: 1, per: day, match: { consumer: \"*\" }, each: [model] }", [.model]),
      ("{ requests: 1, per: day, rules: [{ match: { client: 10.0.0.0/8 }, requests: 9 }] }", [.client]),
      ("{ match: { model: small }, rules: [{ match: { key: \"sha256:\(Self.digest)\" }, concurrency: 9 }] }", []),
    ]
    for (text, expected) in cases { #expect(try limit(text).each == expected, "\(text)") }
  }

  @Test("rules keep the file's order before the limit's own amount, which may be left out")
  func rules() throws {
    let limit = try limit(
      """
      { each: consumer, match: { model: small }, tokens: 100, per: minute, burst: 20, rules: [
          { match: { consumer: team-a }, tokens: 300 }, { match: { consumer: "team-*", header: { X-Job: "*" } }, tokens: 20 } ] }
      """)
    #expect(limit.match == LimitMatch([LimitCondition(.model, [.exact("small")])]))
    #expect(
      limit.amounts == [
        LimitAmount(match: LimitMatch([LimitCondition(.consumer, [.exact("team-a")])]), units: 300),
        LimitAmount(
          match: LimitMatch([LimitCondition(.consumer, [.prefix("team-")]), LimitCondition(.header("x-job"), [.any])]),
          units: 20), LimitAmount(units: 100),
      ])
    let ownless = try self.limit("{ per: minute, rules: [{ match: { consumer: team-a }, requests: 3 }] }")
    #expect(ownless.amounts.map(\.units) == [3] && ownless.quantity == .requests)
  }

  @Test("prices are exact integers; what has none of its own costs as its kind")
  func prices() throws {
    let models = try parse(Self.house).models
    #expect(
      models.map(\.price) == [
        ModelPrice(input: 100_000, output: 200_000, cached: 100_000, cacheWrite: 100_000, reasoning: 200_000),
        ModelPrice(input: 3_000_000, output: 15_000_000, cached: 300_000, cacheWrite: 3_750_000, reasoning: 12_000_001),
        nil,
      ])
    #expect(models[0].price?.currency == "USD")
  }

  @Test("a budget needs prices only of what it can be for")
  func budgets() throws {
    // team-a may use the small model only, which has a price; the local upstream serves none without one.
    #expect(try limit("{ match: { consumer: team-a }, budget: 1, per: month }").amounts.map(\.units) == [1_000_000])
    _ = try limit("{ match: { key: \"sha256:\(Self.digest)\" }, budget: 1, per: month }")
    #expect(
      problems(Self.house + "limits: { a: { match: { upstream: far }, budget: 1, per: month } }").first?
        .contains("without a price: gpt-*. Give `models.gpt-*.price`") == true)
    #expect(
      problems(Self.house + "limits: { a: { match: { model: gpt-4o }, budget: 1, per: month } }").first?
        .contains("without a price: gpt-*") == true)
    _ = try limit("{ match: { upstream: local }, budget: 1, per: month }")
    _ = try limit("{ match: { model: [\"sm*\", large] }, budget: 0.000001, per: month }")
    _ = try limit("{ match: { model: \"/(small|large)/\" , upstream: local }, budget: 1000000000, per: month }")
  }

  @Test("a time zone that the caller does not know is refused")
  func timeZones() throws {
    let text = Self.house + "limits: { a: { requests: 1, per: month, timeZone: Europe/Berlni } }"
    #expect(try parse(text).limits.count == 1)
    #expect(throws: InvalidConfiguration.self) {
      try GatewaySettings.parse(
        text, fileName: "a", variables: { _ in nil }, hashKey: stubHash, knowsTimeZone: { $0 == "Europe/Berlin" })
    }
  }

  @Test("patterns match whole values: text, beginnings, networks, expressions, anything")
  func patterns() throws {
    #expect(LimitPattern.exact("a").matches("a") && !LimitPattern.exact("a").matches("A"))
    #expect(LimitPattern.prefix("te").matches("team") && !LimitPattern.prefix("team-").matches("team"))
    #expect(LimitPattern.regex("[a-c]+").matches("abc") && !LimitPattern.regex("[a-c]+").matches("abcd"))
    #expect(LimitPattern.any.matches(""))
    let network = LimitPattern.network(try #require(CIDR("10.0.0.0/8")))
    #expect(network.matches("10.1.2.3") && !network.matches("11.1.2.3") && !network.matches("x"))
  }
}
