import Foundation
import Gateway
import ScriptedUpstream
import TestKit
import Testing

extension LimitedGateway {
  /// Whether a request may begin: refused with words, waiting, or served by another candidate.
  @Suite("A limit before an answer")
  struct LimitAdmissionStories {
    private static let quick = "events=1 \(LimitHouse.steady)"

    @Test("of requests refuses the one too many with 429, in OpenAI's words and headers")
    func requests() async throws {
      try await LimitHouse.story("  few: { requests: 3, per: minute }\n") { house async throws in
        for left in [2, 1, 0] {
          let answer = try house.ask(chat(Self.quick))
          #expect(answer.status == 200 && answer.header("x-ratelimit-limit-requests") == "3")
          #expect(answer.header("x-ratelimit-remaining-requests") == "\(left)")
          #expect(answer.header("x-ratelimit-limit-tokens") == nil)
          let reset = try #require(answer.header("x-ratelimit-reset-requests"))
          #expect(reset.hasSuffix("s"), "\(reset)")
        }
        let refused = try house.ask(chat(Self.quick))
        #expect(refused.status == 429 && refused.header("content-type") == "application/json")
        let error = try errorObject(refused.body)
        #expect(error["code"] as? String == "rate_limit_exceeded" && error["type"] as? String == "requests")
        #expect(error.keys.contains("param"))
        let message = try #require(error["message"] as? String)
        #expect(
          message.wholeMatch(
            of:
              #/Limit 'few' for all requests together is used up: 3 of 3 requests\. It is whole again in (1m0s|5\d(\.\d)?s)\./#
          ) != nil, "\(message)")
        // One comes back every twenty seconds; a tenth more spreads those who were refused together.
        let wait = try #require(refused.header("retry-after-ms").flatMap { Int($0) })
        let seconds = try #require(refused.header("retry-after").flatMap { Int($0) })
        #expect((1_000...22_000).contains(wait) && seconds == (wait + 999) / 1000)
        #expect(refused.header("x-should-retry") == nil)
        #expect(refused.header("x-ratelimit-remaining-requests") == "0")
        #expect(refused.header("x-sluice-upstream") == nil && refused.header("x-sluice-attempts") == nil)
        #expect(house.upstream.seen.requestsTotal == 3)
        let line = try #require(try await house.log(count: 4).last)
        #expect(
          line["outcome"] as? String == "refused" && line["limit"] as? String == "few" && line["status"] as? Int == 429)
        #expect(line["error"] as? String == "rate_limit_exceeded" && line["attempts"] as? Int == 0)
        #expect(try await house.limit("few").denied == 1)
      }
    }

    @Test("that does not come back soon tells SDKs not to ask again, and when it does come back")
    func quota() async throws {
      let limits = "  monthly: { match: { consumer: \"*\" }, outputTokens: 100, per: month, calendar: true }\n"
      try await LimitHouse.story(limits) { house async throws in
        _ = try house.ask(chat("events=20 \(LimitHouse.steady)"))
        let refused = try house.ask(chat(Self.quick))
        #expect(refused.status == 429)
        #expect(try errorCode(refused) == "insufficient_quota")
        let wait = try #require(refused.header("retry-after-ms").flatMap { Int($0) })
        #expect(wait >= 0 && wait <= 31 * 86_400_000)
        // Unless the month ends within a minute from now.
        if wait > 60_000 { #expect(refused.header("x-should-retry") == "false") }
        #expect(refused.header("x-ratelimit-limit-tokens") == "100")
        #expect(refused.header("x-ratelimit-remaining-tokens") == "0")
        #expect(refused.header("x-ratelimit-reset-tokens")?.hasSuffix("s") == true)
        let message = try #require(try errorObject(refused.body)["message"] as? String)
        #expect(
          message.contains("'monthly' for this consumer is used up") && message.contains("of 100 tokens"), "\(message)")
      }
    }

    @Test(
      "refuses a prompt that is larger than the whole limit at once, with both numbers, and tells SDKs not to ask again",
      arguments: ["tokens: 1000, per: minute", "inputTokens: 1000, per: day, calendar: true"])
    func promptTooLarge(limit: String) async throws {
      let limits = "  small: { each: consumer, \(limit), wait: 30s }\n"
      try await LimitHouse.story(limits) { house async throws in
        // No two letters of it make one token.
        let text = (0..<1500).map { _ in "z" }.joined(separator: " ")
        let body = """
          {"model":"m","messages":[{"role":"user","content":"\(text)"}],"stream":true}
          """
        let refused = try house.ask(body)
        #expect(refused.status == 429 && refused.header("content-type") == "application/json")
        let error = try errorObject(refused.body)
        #expect(error["code"] as? String == "rate_limit_exceeded" && error["type"] as? String == "tokens")
        let message = try #require(error["message"] as? String)
        let words =
          #/Request too large for limit 'small' for this consumer: limit 1000 tokens, prompt (\d+) tokens\. Send a shorter prompt\./#
        let prompt = try #require(try words.wholeMatch(in: message)?.1, "\(message)")
        #expect((1500...3100).contains(Int(prompt) ?? 0), "\(message)")
        // No time makes it fit: none is told, and nobody is to try.
        #expect(refused.header("x-should-retry") == "false")
        #expect(refused.header("retry-after") == nil && refused.header("retry-after-ms") == nil)
        #expect(refused.header("x-ratelimit-limit-tokens") == "1000")
        #expect(refused.header("x-ratelimit-remaining-tokens") == "1000")
        #expect(house.upstream.seen.requestsTotal == 0)
        let line = try #require(try await house.log(count: 1).first)
        #expect(line["outcome"] as? String == "refused" && line["limit"] as? String == "small", "\(line)")
        #expect(line["error"] as? String == "rate_limit_exceeded" && line["status"] as? Int == 429)
        // It has cost nothing: what fits is served.
        #expect(try house.ask(chat(Self.quick)).status == 200)
      }
    }

    @Test("speaks Anthropic's words and headers on /v1/messages")
    func anthropic() async throws {
      let limits = "  few: { requests: 2, per: minute }\n  many: { tokens: 60000, per: hour }\n"
      try await LimitHouse.story(limits) { house async throws in
        let way = TokenStories.Way(provider: "anthropic", endpoint: .messages, path: "/v1/messages")
        for left in ["1", "0"] {
          let answer = try house.ask(way.body(Self.quick), path: way.path)
          #expect(answer.status == 200 && !answer.head.lowercased().contains("x-ratelimit"))
          #expect(answer.header("anthropic-ratelimit-requests-limit") == "2")
          #expect(answer.header("anthropic-ratelimit-requests-remaining") == left)
          #expect(answer.header("anthropic-ratelimit-tokens-limit") == "60000")
          #expect((answer.header("anthropic-ratelimit-tokens-remaining").flatMap { Int($0) } ?? -1) > 0)
          for kind in ["requests", "tokens"] {
            let reset = try #require(answer.header("anthropic-ratelimit-\(kind)-reset"))
            let date = try #require(try? Date(reset, strategy: .iso8601), "\(reset)")
            #expect(date.timeIntervalSinceNow > -5 && date.timeIntervalSinceNow < 3700)
          }
        }
        let refused = try house.ask(way.body(Self.quick), path: way.path)
        #expect(refused.status == 429 && refused.header("anthropic-ratelimit-requests-remaining") == "0")
        let body = try #require(try JSONSerialization.jsonObject(with: Data(refused.body)) as? [String: Any])
        let error = try #require(body["error"] as? [String: Any])
        #expect(body["type"] as? String == "error" && error["type"] as? String == "rate_limit_error")
        #expect((error["message"] as? String)?.contains("'few'") == true)
        #expect(refused.header("retry-after") != nil)
      }
    }

    @Test("adds Higress' header to refusals by tokens where it is wished for, and nowhere else")
    func higress() async throws {
      let limits =
        "  daily: { each: \"header:x-run\", outputTokens: 100, per: day, calendar: true }\n  few: { requests: 3, per: day }\n"
      for isWished in [true, false] {
        try await LimitHouse.story(limits, server: isWished ? "higressHeaders: true" : "") { house async throws in
          let spent = try house.ask(chat("events=20 \(LimitHouse.steady)"))
          #expect(spent.header("x-tokenratelimit-reset") == nil)
          let refused = try house.ask(chat(Self.quick))
          #expect(refused.status == 429)
          #expect((refused.header("x-tokenratelimit-reset").flatMap { Int($0) } != nil) == isWished)
          for run in 0..<3 { _ = try house.ask(chat(Self.quick), headers: "x-run: \(run)\r\n") }
          let byRequests = try house.ask(chat(Self.quick), headers: "x-run: 9\r\n")
          #expect(byRequests.status == 429 && byRequests.header("x-tokenratelimit-reset") == nil)
        }
      }
    }

    @Test("with fallback has the next candidate serve, which the answer's headers tell")
    func fallback() async throws {
      let limits = "  first: { match: { upstream: a }, requests: 2, per: day, onExceeded: fallback }\n"
      try await LimitHouse.story(upstreams: 2, limits, models: LimitHouse.twoCandidates) { house async throws in
        var served: [String?] = []
        for stream in [true, false, true, false] {
          let answer = try house.ask(chat(Self.quick, stream: stream))
          #expect(answer.status == 200 && answer.header("x-sluice-attempts") == "1")
          served.append(answer.header("x-sluice-upstream"))
        }
        #expect(served == ["a", "a", "b", "b"])
        #expect(house.upstreams.map(\.seen.requestsTotal) == [2, 2])
        let lines = try await house.log(count: 4)
        #expect(lines[0]["failures"] == nil && lines[0]["limit"] == nil)
        #expect(lines[2]["limit"] as? String == "first" && lines[2]["outcome"] as? String == "completed")
        #expect(lines[2]["failures"] as? [String] == ["a: limit first"] && lines[2]["upstream"] as? String == "b")
      }
    }

    @Test("is by the model that serves, not by the one that was asked for")
    func byServingModel() async throws {
      let models =
        "models:\n  big: { serve: a, vocabulary: qwen, fallback: [small] }\n  small: { serve: b, vocabulary: qwen }\n"
      let limits =
        "  big-only: { match: { model: big }, requests: 1, per: day, onExceeded: fallback }\n"
        + "  small-only: { match: { model: small }, requests: 2, per: day }\n"
      try await LimitHouse.story(upstreams: 2, limits, models: models) { house async throws in
        let answers = try (0..<4).map { _ in try house.ask(chat(Self.quick, model: "big")) }
        #expect(answers.map(\.status) == [200, 200, 200, 429])
        #expect(answers.map { $0.header("x-sluice-upstream") } == ["a", "b", "b", nil])
        // The public name stays the one that was asked for.
        #expect(answers[1].header("x-sluice-model") == "big")
        #expect(try house.ask(chat(Self.quick, model: "small")).status == 429)
        #expect(try await house.limit("big-only").denied == 3)
      }
    }

    @Test("that refuses every candidate tells of the one that is over soonest")
    func soonest() async throws {
      let limits =
        "  slow: { match: { upstream: a }, requests: 1, per: day, onExceeded: fallback }\n"
        + "  fast: { match: { upstream: b }, requests: 1, per: minute, onExceeded: fallback }\n"
      try await LimitHouse.story(upstreams: 2, limits, models: LimitHouse.twoCandidates) { house async throws in
        for _ in 0..<2 { #expect(try house.ask(chat(Self.quick)).status == 200) }
        let refused = try house.ask(chat(Self.quick))
        #expect(refused.status == 429)
        let message = try #require(try errorObject(refused.body)["message"] as? String)
        #expect(message.contains("'fast'"), "\(message)")
        #expect((refused.header("retry-after-ms").flatMap { Int($0) } ?? .max) <= 60_000)
      }
    }

    @Test("with fallback does not have a request wait that another candidate can serve; the last one waits")
    func fallbackAtOnce() async throws {
      let limits =
        "  first: { match: { upstream: a }, requests: 1, per: 2s, wait: 30s, onExceeded: fallback }\n"
        + "  last: { match: { upstream: b }, requests: 1, per: 2s, wait: 30s, onExceeded: fallback }\n"
      try await LimitHouse.story(upstreams: 2, limits, models: LimitHouse.twoCandidates) { house async throws in
        let served = try (0..<3).map { _ in try house.ask(chat(Self.quick)) }
        #expect(served.allSatisfy { $0.status == 200 })
        #expect(served.map { $0.header("x-sluice-upstream") } == ["a", "b", "b"])
      }
    }

    @Test("in money refuses a model of which nobody has said what it costs")
    func withoutPrice() async throws {
      let models = "models:\n  m: { serve: a, vocabulary: qwen, price: { input: 1, output: 2 } }\n"
      let limits = "  purse: { budget: 10, per: month }\n"
      try await LimitHouse.story(limits, models: models + "routes: [{ path: /v1/files, upstream: a }]\n") {
        house async throws in
        #expect(try house.ask(chat(Self.quick)).status == 200)
        let refused = try house.ask(chat(Self.quick, model: "a/other"))
        #expect(refused.status == 403 && refused.header("x-should-retry") == "false")
        #expect(try errorCode(refused) == "model_without_price")
        let message = try #require(try errorObject(refused.body)["message"] as? String)
        #expect(message.contains("'purse'") && message.contains("no price"), "\(message)")
        // What no model stands behind costs no tokens.
        #expect(try house.get("/v1/files").status == 200)
      }
    }

    @Test(
      "without fallback does not send a request to the next candidate",
      arguments: ["truncate", "error", "wait, wait: 1s"])
    func noFallback(exceeded: String) async throws {
      let limits = "  first: { match: { upstream: a }, requests: 1, per: day, onExceeded: \(exceeded) }\n"
      try await LimitHouse.story(upstreams: 2, limits, models: LimitHouse.twoCandidates) { house async throws in
        #expect(try house.ask(chat(Self.quick)).status == 200)
        #expect(try house.ask(chat(Self.quick)).status == 429)
        #expect(house.upstreams[1].seen.requestsTotal == 0)
      }
    }

    @Test("lets a request wait as long as it says, and then serves it")
    func waits() async throws {
      try await LimitHouse.story("  slow: { requests: 2, per: 1s, wait: 20s }\n") { house async throws in
        let clients = try (0..<5).map { _ in try house.client() }
        for client in clients {
          client.timeout = .seconds(30)
          try client.post("/v1/chat/completions", chat(Self.quick))
        }
        for client in clients { #expect(try client.readResponse().status == 200) }
        #expect(try await house.limit("slow").denied == 0)
        #expect(house.upstream.seen.requestsTotal == 5)
      }
    }

    @Test("refuses who has waited in vain, at the end of the wait")
    func waitsInVain() async throws {
      try await LimitHouse.story("  slow: { concurrency: 1, wait: 300ms }\n") { house async throws in
        let running = try house.client()
        try running.post("/v1/chat/completions", chat("events=3000 gap=5ms"))
        _ = try running.read(until: "data: ")
        let clock = ContinuousClock()
        let start = clock.now
        let refused = try house.ask(chat(Self.quick))
        #expect(refused.status == 429 && clock.now - start >= .milliseconds(280))
        running.close()
      }
    }

    // MARK: Concurrency

    @Test("of concurrency refuses the third of two, and says so")
    func concurrency() async throws {
      try await LimitHouse.story("  side: { concurrency: 2 }\n") { house async throws in
        let running = try (0..<2).map { _ in try house.client() }
        for client in running {
          try client.post("/v1/chat/completions", chat("events=5000 gap=5ms"))
          _ = try client.read(until: "data: ")
        }
        #expect(await house.gateway.limitReport().slots == 2)
        let refused = try house.ask(chat(Self.quick))
        #expect(refused.status == 429)
        let error = try errorObject(refused.body)
        #expect(error["code"] as? String == "rate_limit_exceeded")
        #expect(
          error["message"] as? String
            == "Limit 'side' for all requests together: 2 requests run at once, which is all it allows. Try again when one has ended."
        )
        #expect(refused.header("retry-after") == "1" || refused.header("retry-after") == "2")
        running[0].close()
        #expect(try waitUntil { try house.ask(chat(Self.quick)).status == 200 })
        running[1].close()
      }
    }

    @Test(
      "frees its slot however the request ends",
      arguments: [
        "events=3", "fault=status:500", "fault=status:429", "fault=reset after=2 events=9 gap=1ms",
        "fault=closeBeforeAnswer",
        "fault=neverAnswer", "fault=endEarly after=3 events=9", "fault=htmlError", "fault=badHead",
      ])
    func slotsComeBack(script: String) async throws {
      try await LimitHouse.story(
        "  one: { concurrency: 1 }\n", options: "timeouts: { firstToken: 100ms }"
      ) { house async throws in
        for stream in [true, false] where stream || !script.contains("never") {
          let client = try house.client()
          try client.post("/v1/chat/completions", chat(script, stream: stream))
          _ = client.readSome()
          let isFree = await eventually { await house.gateway.limitReport().slots == 0 }
          #expect(isFree)
          #expect(try house.ask(chat(Self.quick)).status == 200)
        }
      }
    }

    @Test("of concurrency lets the next one begin when one leaves")
    func slotPassedOn() async throws {
      try await LimitHouse.story("  one: { concurrency: 1, wait: 30s }\n") { house async throws in
        let running = try house.client()
        try running.post("/v1/chat/completions", chat("events=5000 gap=5ms"))
        _ = try running.read(until: "data: ")
        let waiting = try house.client()
        waiting.timeout = .seconds(30)
        try waiting.post("/v1/chat/completions", chat(Self.quick))
        #expect(await eventually { await house.gateway.limitReport().waiting == 1 })
        #expect(house.upstream.seen.requestsTotal == 1)
        running.close()
        #expect(try waiting.readResponse().status == 200)
      }
    }

    // MARK: Several

    @Test("admits together with all others or not at all: what one has given goes back")
    func allOf() async throws {
      let limits =
        LimitHouse.probe + "  tokens: { tokens: 100000, per: day, calendar: true }\n"
        + "  side: { match: { header: { x-side: s } }, each: global, concurrency: 5 }\n"
        + "  few: { match: { header: { x-few: f } }, each: global, requests: 1, per: day }\n"
      try await LimitHouse.story(limits) { house async throws in
        #expect(try house.ask(chat(Self.quick), headers: "x-few: f\r\n").status == 200)
        let before = try house.left()
        for _ in 0..<20 {
          #expect(try house.ask(chat(Self.quick), headers: "x-few: f\r\nx-side: s\r\n").status == 429)
        }
        #expect(try house.left() == before)
        #expect(await house.gateway.limitReport().slots == 0)
        #expect(try await house.limit("few").denied == 20)
        #expect(try await house.limit("tokens").denied == 0)
      }
    }

    @Test("of tokens tells the tightest of several in the headers")
    func tightest() async throws {
      let limits =
        "  wide: { tokens: 100000, per: day, calendar: true }\n  narrow: { tokens: 5000, per: day, calendar: true }\n"
        + "  few: { requests: 70, per: day }\n  fewer: { requests: 7, per: day }\n"
      try await LimitHouse.story(limits) { house async throws in
        let answer = try house.ask(chat(Self.quick))
        #expect(answer.header("x-ratelimit-limit-tokens") == "5000")
        #expect(answer.header("x-ratelimit-limit-requests") == "7")
        #expect(answer.header("x-ratelimit-remaining-requests") == "6")
        let left = try #require(answer.header("x-ratelimit-remaining-tokens").flatMap { Int($0) })
        #expect(left > 4000 && left < 5000)
      }
    }
  }
}
