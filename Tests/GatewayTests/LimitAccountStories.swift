import Foundation
import Gateway
import ScriptedUpstream
import TestKit
import Testing

extension LimitedGateway {
  /// What limits charge: no more and no less than the record says.
  @Suite("What a limit charges")
  struct LimitAccountStories {
    private static let quota = LimitHouse.probe + "  tokens: { tokens: 100000, per: day, calendar: true }\n"

    /// What requests took of the quota, and what their records say.
    private func charge(
      _ house: House, records count: Int, _ body: () async throws -> Void
    ) async throws -> (charged: Int, lines: [[String: Any]]) {
      let before = try house.left()
      // The first probe is a request like others.
      let earlier = try await house.requests(count: 1).count
      try await body()
      let lines = try await house.requests(count: earlier + count).dropFirst(earlier)
      return (before - (try house.left()), Array(lines))
    }

    private func total(_ lines: [[String: Any]]) -> Int { lines.reduce(0) { $0 + ($1["total_tokens"] as? Int ?? 0) } }

    @Test("is the record's, for answers in one piece and streams, as the upstream tells them")
    func told() async throws {
      try await LimitHouse.story(Self.quota) { house async throws in
        let (charged, lines) = try await charge(house, records: 6) { () async throws in
          for run in 0..<3 {
            let script = "events=\(10 + 40 * run) prompt=\(37 + run) cached=5 hidden=\(run) tag=\(run)"
            for stream in [true, false] { #expect(try house.ask(chat(script, stream: stream)).status == 200) }
          }
        }
        #expect(lines.allSatisfy { $0["token_source"] as? String == "upstream" })
        #expect(charged == total(lines) && charged == 2 * (37 + 10 + 38 + 51 + 39 + 92), "\(charged) \(lines)")
      }
    }

    @Test("is the record's, as counted, where the upstream tells nothing")
    func counted() async throws {
      try await LimitHouse.story(Self.quota) { house async throws in
        let (charged, lines) = try await charge(house, records: 2) { () async throws in
          _ = try house.ask(chat("events=30 usage=never \(LimitHouse.steady)"))
          _ = try house.ask(chat("events=200 usage=never text=mixed"))
        }
        #expect(charged == total(lines) && lines.allSatisfy { $0["token_source"] as? String == "exact" }, "\(lines)")
        #expect(lines[0]["completion_tokens"] as? Int == 240)
      }
    }

    @Test("is what was delivered when the client leaves", arguments: [0, 1, 7, 30])
    func clientLeft(events: Int) async throws {
      try await LimitHouse.story(Self.quota) { house async throws in
        let (charged, lines) = try await charge(house, records: 1) { () async throws in
          let client = try house.client()
          try client.post("/v1/chat/completions", chat("events=5000 gap=3ms \(LimitHouse.steady)"))
          for _ in 0..<events { _ = try client.read(until: "}\n\n") }
          if events == 0 { #expect(waitUntil { house.upstream.seen.requestsTotal == 2 }) }
          client.close()
          #expect(waitUntil { house.upstream.seen.cancelsTotal == 1 })
        }
        let line = try #require(lines.first)
        #expect(line["outcome"] as? String == "client_left")
        #expect(charged == total(lines) && charged > 0, "\(charged) \(line)")
        #expect((line["completion_tokens"] as? Int ?? 0) >= (events - 1) * 8)
      }
    }

    @Test(
      "is what was delivered when the upstream breaks off inside its answer",
      arguments: ["fault=reset", "fault=endEarly", "fault=errorEvent", "fault=truncate"])
    func brokenOff(fault: String) async throws {
      try await LimitHouse.story(Self.quota) { house async throws in
        let (charged, lines) = try await charge(house, records: 1) { () async throws in
          let answer = try house.ask(chat("events=50 after=20 gap=1ms \(fault) \(LimitHouse.steady)"))
          #expect(try LimitHouse.tokens(answer) == 160)
        }
        let line = try #require(lines.first)
        #expect(line["outcome"] as? String == "cut" && line["completion_tokens"] as? Int == 160, "\(line)")
        #expect(charged == total(lines), "\(charged) \(line)")
      }
    }

    @Test(
      "is nothing for a request whose upstream fails before its answer",
      arguments: [
        "fault=status:500", "fault=status:400", "fault=closeBeforeAnswer", "fault=resetBeforeAnswer", "fault=htmlError",
        "fault=neverAnswer", "fault=badHead",
      ])
    func failedBefore(fault: String) async throws {
      try await LimitHouse.story(Self.quota, options: "timeouts: { firstToken: 100ms }") { house async throws in
        let (charged, lines) = try await charge(house, records: 1) { () async throws in
          #expect(try house.ask(chat("events=5 \(fault)")).status >= 400)
        }
        #expect(charged == 0, "\(charged) \(lines)")
      }
    }

    @Test("is charged once when another candidate takes over, and to the limits of that one")
    func failover() async throws {
      let limits =
        Self.quota + "  few: { requests: 4, per: day }\n  at-a: { match: { upstream: a }, requests: 2, per: day }\n"
      try await LimitHouse.story(upstreams: 2, limits, models: LimitHouse.twoCandidates) { house async throws in
        _ = try house.left()
        house.upstreams[0].defaultScript = try Script(parsing: "fault=status:503")
        house.upstreams[1].defaultScript = try Script(parsing: "events=40 prompt=60")
        let (charged, lines) = try await charge(house, records: 2) { () async throws in
          for _ in 0..<2 {
            let answer = try house.ask(chat())
            #expect(answer.status == 200 && answer.header("x-sluice-upstream") == "b")
          }
        }
        #expect(charged == 2 * (60 + 40) && charged == total(lines), "\(charged) \(lines)")
        // What it did not answer is not held against the one that failed, nor twice against the request.
        #expect(try house.ask(chat()).status == 200)
        let refused = try house.ask(chat())
        #expect(refused.status == 429 && refused.text.contains("'few'"), "\(refused.text)")
      }
    }

    @Test("is nothing for a candidate that stays silent, whatever the one before it had begun to answer")
    func silentBehindBeginnings() async throws {
      let begun = try RawUpstream(
        "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n: soon\n\n", ending: .close)
      let silent = try RawListener()
      let models = "models:\n  m: { serve: [{ upstream: a }, { upstream: b }, { upstream: c }], vocabulary: qwen }\n"
      try await House.story(
        shelf: try LimitHouse.shelf(),
        configuration: { ports in
          LimitHouse.configuration(
            [begun.port, silent.port, ports[0]], "  tokens: { tokens: 100000, per: day, calendar: true }\n",
            models: models, options: "timeouts: { firstToken: 300ms }")
        }
      ) { house async throws in
        let answer = try house.ask(chat("events=5"))
        #expect(answer.status == 200 && answer.header("x-sluice-attempts") == "3")
        let line = try #require(try await house.log(count: 1).first)
        #expect(line["abandoned_tokens"] == nil && (line["failures"] as? [String])?.count == 2, "\(line)")
      }
    }

    @Test(
      "leaves nothing open: asked until it is used up, a limit has given what the records say, and at most one event more"
    )
    func untilUsedUp() async throws {
      let limits = "  tokens: { outputTokens: 2000, per: day, calendar: true }\n"
      try await LimitHouse.story(limits, reactors: 2) { house async throws in
        var (answers, refusals) = (0, 0)
        while answers < 100, refusals < 2 {
          // What a client that left had in hand comes back when the gateway has noticed.
          if refusals > 0 { _ = try await house.requests(count: answers + refusals) }
          let client = try house.client()
          let size = 5 + answers * 7 % 40
          try client.post(
            "/v1/chat/completions", chat("events=\(size) gap=1ms usage=never tag=\(answers) \(LimitHouse.steady)"))
          if answers % 5 == 4 {
            let head = String(decoding: try client.read(until: "\r\n\r\n"), as: UTF8.self)
            let isRefused = head.hasPrefix("HTTP/1.1 429")
            if isRefused { refusals += 1 } else { _ = try client.read(until: "}\n\n") }
            client.close()
            if isRefused { continue }
          } else if try client.readResponse().status == 429 {
            refusals += 1
            continue
          }
          answers += 1
        }
        #expect(answers < 100)
        let lines = try await house.requests(count: answers + refusals)
        let delivered = lines.reduce(0) { $0 + ($1["completion_tokens"] as? Int ?? 0) }
        // What is too little for an answer stays.
        #expect(delivered <= 2000 + 8 && delivered > 2000 - 80, "\(delivered)")
      }
    }

    @Test("in money is by the model's prices, and used up it says how much of how much")
    func money() async throws {
      let models =
        "models:\n  m: { serve: a, vocabulary: qwen, price: { input: 1000, output: 2000, cached: 500, currency: EUR } }\n"
      let limits = "  purse: { budget: 1.5, currency: EUR, per: month }\n"
      try await LimitHouse.story(limits, models: models) { house async throws in
        var answers = 0
        var refused: RawResponse?
        while answers < 60, refused == nil {
          let answer = try house.ask(chat("events=40 prompt=50 cached=20 tag=\(answers)", stream: answers % 2 == 0))
          if answer.status == 429 { refused = answer } else { answers += 1 }
        }
        let lines = try await house.requests(count: answers)
        let spent = lines.filter { $0["outcome"] as? String != "refused" }.reduce(0.0) { sum, line in
          let (prompt, cached) = (line["prompt_tokens"] as? Int ?? 0, line["cached_tokens"] as? Int ?? 0)
          return sum + Double(prompt - cached) * 0.001 + Double(cached) * 0.0005
            + Double(line["completion_tokens"] as? Int ?? 0) * 0.002
        }
        // Each takes 0.12; the last may be cut or, where its draw finds too little, refused.
        #expect(spent > 1.2 && spent < 1.5 + 0.05, "\(spent) in \(answers)")
        let refusal = try #require(refused)
        let message = try #require(try errorObject(refusal.body)["message"] as? String)
        #expect(message.contains("'purse'") && message.contains("of 1.50 EUR"), "\(message)")
        #expect(try errorCode(refusal) == "insufficient_quota")
        #expect(refusal.header("x-ratelimit-limit-tokens") == nil)
      }
    }

    // MARK: The bound that goes upstream

    /// The bodies that the first upstream received, as objects.
    private func received(_ house: House) throws -> [[String: Any]] {
      try house.upstream.seen.requests.map {
        try #require(try JSONSerialization.jsonObject(with: Data($0.body)) as? [String: Any])
      }
    }

    @Test("bounds the answer that is asked of the upstream by what a quota has left")
    func clamps() async throws {
      let limits = "  daily: { each: \"header:x-run\", outputTokens: 200, per: day, calendar: true }\n"
      try await LimitHouse.story(limits) { house async throws in
        func ask(_ run: Int, _ extra: String, n: String = "") throws {
          let answer = try house.ask(chat("events=1", extra: extra + n), headers: "x-run: \(run)\r\n")
          #expect(answer.status == 200)
        }
        try ask(0, "")
        try ask(1, ",\"max_tokens\":5000")
        try ask(2, ",\"max_tokens\":150")
        try ask(3, ",\"max_completion_tokens\":5000")
        try ask(4, ",\"max_tokens\":5000", n: ",\"n\":2")
        // The first has used one.
        try ask(0, ",\"max_tokens\":5000")
        let bodies = try received(house)
        #expect(bodies.map { $0["max_tokens"] as? Int } == [200, 200, 150, nil, 100, 199])
        #expect(bodies[3]["max_completion_tokens"] as? Int == 200)
      }
    }

    @Test("bounds by the name that the endpoint has for it")
    func clampNames() async throws {
      let limits = "  daily: { each: route, outputTokens: 200, per: day, calendar: true }\n"
      try await LimitHouse.story(limits) { house async throws in
        let body =
          "{\"model\":\"m\",\"input\":\"hi\",\"prompt\":\"hi\",\"messages\":[],\"metadata\":{\"script\":\"provider=openai events=1\"}}"
        for path in ["/v1/completions", "/v1/responses", "/v1/messages"] {
          _ = try house.ask(body, path: path)
        }
        let bodies = try received(house)
        #expect(bodies.map { $0["max_tokens"] as? Int } == [200, nil, 200])
        #expect(bodies.map { $0["max_output_tokens"] as? Int } == [nil, 200, nil])
      }
    }

    @Test("does not bound by limits that refill, nor touch a body that asks for less")
    func unclamped() async throws {
      let limits = "  slow: { tokens: 1200, per: minute }\n  daily: { outputTokens: 500, per: day, calendar: true }\n"
      try await LimitHouse.story(limits) { house async throws in
        let body = chat("events=1", stream: false, extra: ",\"max_tokens\" : 300")
        #expect(try house.ask(body).status == 200)
        #expect(house.upstream.seen.requests.first?.bodyText == body)
      }
    }

    @Test("bounds each candidate by its own limits")
    func clampsOfCandidates() async throws {
      let limits =
        "  at-a: { match: { upstream: a }, outputTokens: 200, per: day, calendar: true }\n"
        + "  at-b: { match: { upstream: b }, outputTokens: 300, per: day, calendar: true }\n"
      try await LimitHouse.story(upstreams: 2, limits, models: LimitHouse.twoCandidates) { house async throws in
        house.upstreams[0].defaultScript = try Script(parsing: "fault=status:503")
        for stream in [true, false] { #expect(try house.ask(chat(stream: stream)).status == 200) }
        let bodies = try house.upstreams.map { upstream in
          try upstream.seen.requests.map {
            try (JSONSerialization.jsonObject(with: Data($0.body)) as? [String: Any])?["max_tokens"] as? Int ?? 0
          }
        }
        #expect(bodies[0] == [200, 200])
        #expect(bodies[1].first == 300 && bodies[1].count == 2 && (bodies[1].last ?? 999) < 300, "\(bodies)")
      }
    }

    @Test("whose upstream keeps to that bound ends as the upstream ends it")
    func upstreamKeepsToIt() async throws {
      try await LimitHouse.story("  daily: { outputTokens: 200, per: day, calendar: true }\n") { house async throws in
        // 200 tokens, then the end a little later.
        let script = "events=25 gap=2ms usage=always \(LimitHouse.steady)"
        let answer = try house.ask(chat(script, usage: true))
        let isSame = answer.body == (try expected(script, usage: true))
        #expect(isSame, "\(answer.text.suffix(500))")
        let line = try #require(try await house.log(count: 1).first)
        #expect(line["outcome"] as? String == "completed" && line["token_source"] as? String == "upstream", "\(line)")
        #expect(house.upstream.seen.cancelsTotal == 0)
      }
    }
  }
}
