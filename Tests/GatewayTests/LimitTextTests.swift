import Foundation
import GatewayConfiguration
import HTTPWire
import Quotas
import RateLimiting
import Reactor
import TestKit
import Testing

@testable import Gateway

@Suite("What limits write")
struct LimitTextTests {
  @Test("durations are as OpenAI writes them")
  func durations() {
    let samples: [(Int, String)] = [
      (0, "0ms"), (1, "1ms"), (350, "350ms"), (999, "999ms"), (1000, "1s"), (1099, "1s"), (1200, "1.2s"),
      (59_999, "59.9s"),
      (60_000, "1m0s"), (61_500, "1m1s"), (360_000, "6m0s"), (3_599_999, "59m59s"), (3_600_000, "1h0m0s"),
      (7_380_000, "2h3m0s"), (86_400_000, "24h0m0s"), (-5, "0ms"), (.min, "0ms"),
    ]
    for (milliseconds, text) in samples { #expect(TimeText.duration(milliseconds: milliseconds) == text) }
    #expect(TimeText.duration(milliseconds: .max).hasSuffix("s"))
  }

  @Test("dates are as Anthropic writes them")
  func dates() {
    func date(_ time: Int) -> String { String(decoding: TimeText.date(unixTime: time), as: UTF8.self) }
    #expect(date(0) == "1970-01-01T00:00:00Z")
    #expect(date(1_795_250_045) == "2026-11-21T08:34:05Z")
    #expect(date(951_782_399) == "2000-02-28T23:59:59Z")
    #expect(date(4_102_444_799) == "2099-12-31T23:59:59Z")
    // Whatever comes, there is a text.
    // The last year that fits 32 bits, and what lies beyond what a year can be.
    for time in [67_768_036_191_676_799, 67_767_976_233_532_799, .max] { #expect(date(time) == "9999-12-31T23:59:59Z") }
    #expect(date(.min) == "1970-01-01T00:00:00Z")
    #expect(String(decoding: TimeText.date(unixTime: .max, plusMilliseconds: .max), as: UTF8.self).hasPrefix("9999-"))
    #expect(String(decoding: TimeText.date(unixTime: 0, plusMilliseconds: 1), as: UTF8.self) == "1970-01-01T00:00:01Z")
  }

  private func plan(_ limits: String) throws -> (LimitPlan, GatewaySettings) {
    let settings = try House.settings(
      "anonymous: true\n" + House.upstreams([1])
        + "models:\n  m: { serve: a, price: { input: 1000000, output: 1000000, currency: EUR } }\nlimits:\n" + limits)
    return (LimitPlan(settings) { _ in nil }, settings)
  }

  private struct Nobody: SubjectFacts, Sendable {
    func value(of part: SubjectPart) -> String? { part == .consumer ? "c" : nil }
  }

  /// The refusal that a limit gives in the end, to requests with such prompts.
  private func refusal(_ limits: String, prompt: Int = 10) async throws -> LimitRefusal {
    let plan = try plan(limits).0
    let group = ReactorGroup.started(count: 1)
    defer { group.shutDown() }
    let reactor = group.reactors[0]
    let refusal = await reactor.run { () -> LimitRefusal? in
      guard let store = try? EmbeddedStore(clock: { 1_795_250_045_000 }) else { return nil }
      let desk = LimitDesk(plan, on: reactor, storage: store, node: "n", unixTime: { 1_795_250_045 })
      desk.start()
      var grants: [LimitGrant] = []
      for _ in 0..<10_000 {
        let request = LimitRequest(
          facts: Nobody(), model: "m", promptTokens: prompt, expectedOutput: 0, maxTokens: nil)
        switch desk.admit(request, waiter: nil) {
        case .admitted(let grant): grants.append(grant)
        case .refused(let refusal): return refusal
        case .waiting: return nil
        }
      }
      return nil
    }
    return try #require(refusal)
  }

  @Test("a refusal's words name the limit, whose it is, used and allowed, and when it is whole again")
  func words() async throws {
    let requests = try await refusal("  few: { each: consumer, requests: 5, per: minute }\n")
    #expect(
      requests.words.hasPrefix(
        "Limit 'few' for this consumer is used up: 5 of 5 requests. It is whole again in "))
    let all = try await refusal("  few: { requests: 5, per: minute }\n")
    #expect(all.words.hasPrefix("Limit 'few' for all requests together is used up"))
    let tokens = try await refusal("  day: { inputTokens: 1000, per: day, calendar: true }\n")
    #expect(tokens.words.contains(" of 1000 tokens. It is whole again in 15h"), "\(tokens.words)")
    let money = try await refusal("  purse: { budget: 100.25, currency: EUR, per: month }\n")
    #expect(money.words.contains(" of 100.25 EUR."), "\(money.words)")
    let fractions = try await refusal("  purse: { budget: 100.255, currency: EUR, per: month }\n")
    #expect(fractions.words.contains(" of 100.255 EUR."), "\(fractions.words)")
    let side = try await refusal("  side: { each: [consumer, route], concurrency: 3 }\n")
    #expect(
      side.words
        == "Limit 'side' for this consumer and route: 3 requests run at once, which is all it allows. Try again when one has ended."
    )
  }

  @Test("a refusal's extras are members of a JSON object, in whatever unit")
  func extras() async throws {
    for (limits, unit) in [
      ("  few: { requests: 5, per: minute }\n", "requests"), ("  side: { concurrency: 3 }\n", "concurrency"),
      ("  day: { tokens: 1000, per: day, calendar: true }\n", "tokens"),
      ("  purse: { budget: 100, currency: EUR, per: month }\n", "EUR"),
    ] {
      let refusal = try await refusal(limits)
      let text = "{\(refusal.extras)}"
      let parsed = try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any]
      let extras = try #require(parsed?["sluice"] as? [String: Any])
      #expect(extras["unit"] as? String == unit && extras["limit"] as? String == refusal.limit)
      #expect(extras["code"] as? String == refusal.code.rawValue && extras["allowed"] as? Int == refusal.allowed)
    }
  }

  @Test("an error's time to wait is spread by at most a tenth, and never beyond what SDKs honour")
  func spread() async throws {
    let soon = try await refusal("  few: { requests: 5, per: minute }\n")
    let base = soon.retryAfterMilliseconds
    #expect((1...12_000).contains(base))
    for random in [0, 1, 12_345, UInt64.max] {
      let error = GatewayError.limited(soon, random: random)
      let wait = try #require(error.retryAfterMilliseconds)
      #expect(wait >= base && wait <= base + base / 10 && error.shouldRetry == nil)
      #expect(error.status == 429 && "\(error.code)" == "rate_limit_exceeded" && "\(error.type)" == "requests")
    }
    let late = try await refusal("  day: { tokens: 1000, per: day, calendar: true }\n")
    let error = GatewayError.limited(late, random: .max)
    #expect(error.retryAfterMilliseconds == late.retryAfterMilliseconds && error.shouldRetry == false)
    #expect("\(error.code)" == "insufficient_quota" && "\(error.type)" == "tokens" && error.tokensResetSeconds != nil)
    let side = GatewayError.limited(try await refusal("  side: { concurrency: 3 }\n"))
    #expect(side.tokensResetSeconds == nil && "\(side.type)" == "requests")
    let money = GatewayError.limited(try await refusal("  purse: { budget: 100, currency: EUR, per: month }\n"))
    #expect("\(money.type)" == "insufficient_quota")
  }
}

@Suite("What limits read of a head")
struct FactsWantedTests {
  private func wanted(_ limits: String) throws -> FactsWanted {
    FactsWanted(
      try House.settings("anonymous: true\n" + House.upstreams([1]) + House.models(1) + "limits:\n" + limits).limits)
  }

  private func facts(_ limits: String, path: String, _ fields: String) throws -> HeadFacts {
    let wanted = try wanted(limits)
    return try withHead(fields, path: path) { head, fields, bytes in
      wanted.read(head, fields, bytes, peer: "192.0.2.9", trusted: [], key: "digest")
    }
  }

  @Test("is nothing where limits are by nothing of it")
  func nothing() throws {
    let limits = "  l: { each: [consumer, model, upstream], requests: 1, per: day }\n"
    #expect(try !wanted(limits).isOfHead)
    #expect(try !wanted(limits).wantsRoute)
    let read = try facts(limits, path: "/v1/x?q=1", "x-team: a\r\ncookie: c=1\r\n")
    #expect(read.values.isEmpty && read.client == nil)
  }

  @Test("is what each, match and rules name, and no more")
  func named() throws {
    let limits =
      "  a: { each: \"header:x-a\", requests: 1, per: day }\n"
      + "  b: { match: { query: { q: \"*\" } }, each: global, requests: 1, per: day }\n"
      + "  c: { each: client, requests: 1, per: day, rules: [{ match: { cookie: { sid: x } }, requests: 2 }] }\n"
    let read = try facts(
      limits, path: "/v1/x?p=0&q=1%202&q=3", "X-A: one\r\nx-b: two\r\ncookie: a=0; sid=y; sid=z\r\n")
    #expect(read.values == [.header("x-a"): "one", .query("q"): "1 2", .cookie("sid"): "y"])
    #expect(read.client == "192.0.2.9")
    #expect(try wanted(limits).isOfHead && !wanted(limits).wantsKey && !wanted(limits).wantsRoute)
    #expect(try wanted("  l: { each: key, requests: 1, per: day }\n").wantsKey)
    #expect(try wanted("  l: { match: { route: /v1/x }, requests: 1, per: day }\n").wantsRoute)
  }

  @Test("is bounded, whatever a stranger sends")
  func bounded() throws {
    let limits =
      "  l: { each: [\"header:x-a\", \"query:q\", \"cookie:c\"], requests: 1, per: day }\n"
    let long = String(repeating: "v", count: 3000)
    let read = try facts(limits, path: "/v1/x?q=\(long)", "x-a: \(long)\r\ncookie: c=\(long)\r\n")
    for part in [SubjectPart.header("x-a"), .query("q"), .cookie("c")] {
      #expect(read.values[part]?.utf8.count == FactsWanted.valueBytesMax)
    }
    let many = try facts(
      limits, path: "/v1/x", String(repeating: "x-a: \(String(repeating: "w", count: 900))\r\n", count: 8))
    #expect((many.values[.header("x-a")]?.utf8.count ?? .max) <= FactsWanted.valueBytesMax)
  }
}
