import Foundation
import Gateway
import ScriptedUpstream
import TestKit
import Testing

extension LimitedGateway {
  /// A limit that is reached while the answer streams: which event is the last, and how each endpoint's stream ends.
  @Suite("A limit inside an answer")
  struct LimitStreamStories {
    private static let daily = "  daily: { outputTokens: 100, per: day, calendar: true }\n"

    @Test("ends the stream at the event that reaches it, as one whose length was bounded, and says which limit it was")
    func truncates() async throws {
      try await LimitHouse.story(Self.daily) { house async throws in
        let answer = try house.ask(chat("events=100 gap=1ms \(LimitHouse.steady)"))
        #expect(answer.status == 200)
        // Twelve events leave four tokens; the thirteenth is the last.
        #expect(try LimitHouse.tokens(answer) == 104)
        #expect(ReceivedText.payloads(answer.body).last == Array("[DONE]".utf8))
        let events = LimitHouse.objects(answer)
        let (last, first) = (try #require(events.last), try #require(events.first))
        #expect(events.count == 15)
        for name in ["id", "object", "model"] { #expect(last[name] as? String == first[name] as? String) }
        #expect(last["created"] as? Int == first["created"] as? Int)
        let choice = try #require((last["choices"] as? [[String: Any]])?.first)
        #expect(choice["finish_reason"] as? String == "length" && choice["index"] as? Int == 0)
        #expect((choice["delta"] as? [String: Any])?.isEmpty == true)
        let extras = try #require(last["sluice"] as? [String: Any])
        #expect(extras["limit"] as? String == "daily" && extras["unit"] as? String == "tokens")
        #expect(extras["code"] as? String == "insufficient_quota" && extras["allowed"] as? Int == 100)
        #expect(extras["used"] as? Int ?? 0 >= 90 && extras["reset_ms"] as? Int ?? -1 >= 0, "\(extras)")
        let line = try #require(try await house.log(count: 1).first)
        #expect(line["outcome"] as? String == "limited" && line["limit"] as? String == "daily", "\(line)")
        #expect(line["completion_tokens"] as? Int == 104 && line["status"] as? Int == 200 && line["error"] == nil)
        #expect(try await house.limit("daily").cut == 1)
        let second = try house.ask(chat("events=1"))
        #expect(second.status == 429)
        #expect(try errorCode(second) == "insufficient_quota")
      }
    }

    @Test("tells the upstream at once, which stops", arguments: ["gap=1ms", "gap=5ms coalesce=3"])
    func cancels(pace: String) async throws {
      try await LimitHouse.story(Self.daily) { house async throws in
        let answer = try house.ask(chat("events=5000 \(pace) \(LimitHouse.steady)"))
        #expect(LimitHouse.finishReasons(answer) == [0: "length"])
        #expect(waitUntil { house.upstream.seen.cancelsTotal == 1 })
        let cancel = try #require(house.upstream.seen.cancels.first)
        #expect(cancel.tokensSent < 1000, "\(cancel)")
      }
    }

    @Test(
      "keeps to itself what came in the same read behind the last event",
      arguments: ["", "coalesce=400", "chunkSplit=9000"])
    func oneRead(shape: String) async throws {
      try await LimitHouse.story(Self.daily) { house async throws in
        let answer = try house.ask(chat("events=300 \(shape) \(LimitHouse.steady)", usage: true))
        #expect(try LimitHouse.tokens(answer) == 104)
        #expect(LimitHouse.finishReasons(answer) == [0: "length"])
        #expect(answer.text.components(separatedBy: "[DONE]").count == 2)
        #expect(answer.text.components(separatedBy: "\"usage\":{").count == 2)
      }
    }

    @Test("gives the same stream however the upstream's bytes are split")
    func everySplit() async throws {
      // Each request has a quota of its own.
      let limits = "  daily: { each: \"header:x-run\", outputTokens: 150, per: day, calendar: true }\n"
      for script in ["events=18 reasoning=4", "events=22 lineEnd=crlf", "events=22 lineEnd=cr bom comments=1"] {
        try await LimitHouse.story(limits) { house async throws in
          let base = "\(script) \(LimitHouse.steady)"
          let wanted = LimitHouse.timeless(try house.ask(chat(base, usage: true), headers: "x-run: 0\r\n"))
          #expect(wanted.contains(#""finish_reason":"length""#))
          var run = 0
          for split in [1, 2, 3, 5, 7, 11, 64, 190, 191, 192, 193, 194, 195, 400, 1000, 3000] {
            for way in ["writeSplit", "chunkSplit"] {
              run += 1
              let answer = try house.ask(chat("\(base) \(way)=\(split)", usage: true), headers: "x-run: \(run)\r\n")
              let isSame = LimitHouse.timeless(answer) == wanted
              #expect(isSame, "\(way)=\(split) of \(script): \(answer.text.suffix(700))")
            }
          }
        }
      }
    }

    @Test(
      "does not touch an answer that ends exactly where it is reached", arguments: ["gap=1ms", "", "writeSplit=40"])
    func exactEnd(shape: String) async throws {
      try await LimitHouse.story(
        "  daily: { each: \"header:x-run\", outputTokens: 104, per: day, calendar: true }\n"
      ) { house async throws in
        for (run, usage) in [false, true].enumerated() {
          let script = "events=13 \(shape) \(LimitHouse.steady)"
          let answer = try house.ask(chat(script, usage: usage), headers: "x-run: \(run)\r\n")
          let isSame = answer.body == (try expected(script, usage: usage))
          #expect(isSame, "\(answer.text.suffix(600))")
        }
        let lines = try await house.log(count: 2)
        #expect(lines.allSatisfy { $0["outcome"] as? String == "completed" && $0["limit"] == nil }, "\(lines)")
        // One token more in the answer, and it is cut.
        let answer = try house.ask(chat("events=14 \(shape) \(LimitHouse.steady)"), headers: "x-run: 9\r\n")
        #expect(LimitHouse.finishReasons(answer) == [0: "length"])
        #expect(try LimitHouse.tokens(answer) == 104)
      }
    }

    @Test("ends every choice that is not whole, and their sum is what counts")
    func choices() async throws {
      try await LimitHouse.story(Self.daily) { house async throws in
        let answer = try house.ask(chat("provider=openai events=30 \(LimitHouse.steady)", extra: ",\"n\":2"))
        #expect(LimitHouse.finishReasons(answer) == [0: "length", 1: "length"])
        #expect(try LimitHouse.tokens(answer) == 104)
        let texts = ReceivedText.texts(answer.body, .chat)
        #expect(Set(texts.map(\.choice)) == [0, 1])
      }
    }

    @Test(
      "counts reasoning and tool calls as it counts text",
      arguments: ["reasoning=50 events=2", "tools=9", "refusal=60", "think reasoning=40"])
    func channels(script: String) async throws {
      try await LimitHouse.story(Self.daily) { house async throws in
        let answer = try house.ask(chat("\(script) gap=1ms \(LimitHouse.steady)"))
        #expect(LimitHouse.finishReasons(answer) == [0: "length"])
        let delivered = try LimitHouse.tokens(answer)
        // An event of a tool call has up to a few words.
        #expect(delivered >= 100 && delivered < 100 + 32, "\(delivered)")
        let line = try #require(try await house.log(count: 1).first)
        #expect(line["completion_tokens"] as? Int == delivered)
      }
    }

    @Test("tells usage to a client that asked for it, as it was counted, and to no other")
    func usage() async throws {
      try await LimitHouse.story(
        "  daily: { each: \"header:x-run\", outputTokens: 100, per: day, calendar: true }\n"
      ) { house async throws in
        let plain = try house.ask(chat("events=50 \(LimitHouse.steady)"), headers: "x-run: 0\r\n")
        #expect(!plain.text.contains("usage"))
        let asked = try house.ask(chat("events=50 \(LimitHouse.steady)", usage: true), headers: "x-run: 1\r\n")
        let usages = LimitHouse.objects(asked).compactMap { $0["usage"] as? [String: Any] }
        #expect(usages.count == 1 && usages[0]["completion_tokens"] as? Int == 104)
        let lines = try await house.log(count: 2)
        #expect(lines[1]["prompt_tokens"] as? Int == usages.first?["prompt_tokens"] as? Int)
        let reason = try #require(asked.text.range(of: "\"length\""))
        let usage = try #require(asked.text.range(of: "\"completion_tokens\""))
        #expect(reason.lowerBound < usage.lowerBound)
      }
    }

    // MARK: Other endpoints

    @Test("ends a stream of /v1/completions with an empty text and the reason")
    func completions() async throws {
      try await LimitHouse.story(Self.daily) { house async throws in
        let way = TokenStories.Way(provider: "openai", endpoint: .completions, path: "/v1/completions")
        let answer = try house.ask(way.body("events=60 \(LimitHouse.steady)"), path: way.path)
        #expect(try LimitHouse.tokens(answer, .completions) == 104)
        let last = try #require(LimitHouse.objects(answer).last)
        let choice = try #require((last["choices"] as? [[String: Any]])?.first)
        #expect(last["object"] as? String == "text_completion" && choice["text"] as? String == "")
        #expect(choice["finish_reason"] as? String == "length")
        #expect(ReceivedText.payloads(answer.body).last == Array("[DONE]".utf8))
      }
    }

    @Test(
      "ends a stream of /v1/messages with its block's stop, max_tokens and message_stop",
      arguments: [("events=60", 0), ("reasoning=3 events=60", 1), ("reasoning=60", 0), ("events=2 tools=20", -1)])
    func messages(script: String, block: Int) async throws {
      try await LimitHouse.story(Self.daily) { house async throws in
        let way = TokenStories.Way(provider: "anthropic", endpoint: .messages, path: "/v1/messages")
        let answer = try house.ask(way.body("\(script) gap=1ms \(LimitHouse.steady)"), path: way.path)
        let delivered = try LimitHouse.tokens(answer, .messages)
        #expect(delivered >= 100 && delivered < 132, "\(delivered)")
        let events = LimitHouse.objects(answer)
        #expect(
          events.suffix(3).map { $0["type"] as? String } == ["content_block_stop", "message_delta", "message_stop"])
        // Each block that was begun has its stop, once.
        func indices(_ type: String) -> [Int] {
          events.filter { $0["type"] as? String == type }.compactMap { $0["index"] as? Int }
        }
        #expect(indices("content_block_start") == indices("content_block_stop"))
        if block >= 0 { #expect(indices("content_block_stop").last == block) }
        let delta = try #require(events.dropLast().last)
        #expect((delta["delta"] as? [String: Any])?["stop_reason"] as? String == "max_tokens")
        #expect((delta["usage"] as? [String: Any])?["output_tokens"] as? Int == delivered)
        #expect((delta["sluice"] as? [String: Any])?["limit"] as? String == "daily")
        for name in ["content_block_stop", "message_delta", "message_stop"] {
          #expect(answer.text.contains("event: \(name)\ndata: {\"type\":\"\(name)\""))
        }
        #expect(!answer.text.contains("[DONE]"))
        let line = try #require(try await house.log(count: 1).first)
        #expect(line["outcome"] as? String == "limited" && line["completion_tokens"] as? Int == delivered, "\(line)")
      }
    }

    @Test("does not end a block of /v1/messages twice when the limit is reached with its last event")
    func lastOfBlock() async throws {
      // Twenty thoughts of eight tokens are the whole of the first block.
      try await LimitHouse.story("  daily: { outputTokens: 160, per: day, calendar: true }\n") { house async throws in
        let way = TokenStories.Way(provider: "anthropic", endpoint: .messages, path: "/v1/messages")
        for shape in ["", "gap=1ms"] {
          let answer = try house.ask(
            way.body("reasoning=20 events=10 \(shape) \(LimitHouse.steady)"), path: way.path)
          guard answer.status == 200 else { continue }
          let events = LimitHouse.objects(answer)
          let starts = events.filter { $0["type"] as? String == "content_block_start" }.compactMap {
            $0["index"] as? Int
          }
          let stops = events.filter { $0["type"] as? String == "content_block_stop" }.compactMap { $0["index"] as? Int }
          #expect(starts == stops, "\(answer.text)")
          #expect(events.last?["type"] as? String == "message_stop")
        }
      }
    }

    @Test(
      "ends a stream of /v1/responses as incomplete, for its length", arguments: ["events=60", "reasoning=60 events=3"])
    func responses(script: String) async throws {
      try await LimitHouse.story(Self.daily) { house async throws in
        let way = TokenStories.Way(provider: "openai", endpoint: .responses, path: "/v1/responses")
        let answer = try house.ask(way.body("\(script) gap=1ms \(LimitHouse.steady)"), path: way.path)
        #expect(try LimitHouse.tokens(answer, .responses) == 104)
        let events = LimitHouse.objects(answer)
        let numbers = events.compactMap { $0["sequence_number"] as? Int }
        #expect(numbers == Array(0..<numbers.count) && numbers.count == events.count)
        let last = try #require(events.last)
        #expect(last["type"] as? String == "response.incomplete")
        let response = try #require(last["response"] as? [String: Any])
        let created = try #require(events.first?["response"] as? [String: Any])
        for name in ["id", "object", "model"] { #expect(response[name] as? String == created[name] as? String) }
        #expect(response["created_at"] as? Int == created["created_at"] as? Int)
        #expect(response["status"] as? String == "incomplete")
        #expect((response["incomplete_details"] as? [String: Any])?["reason"] as? String == "max_output_tokens")
        #expect((response["usage"] as? [String: Any])?["output_tokens"] as? Int == 104)
        #expect((last["sluice"] as? [String: Any])?["limit"] as? String == "daily")
      }
    }

    @Test("does not touch an answer of /v1/messages or /v1/responses that ends exactly where it is reached")
    func exactEndElsewhere() async throws {
      let limits = "  daily: { each: route, outputTokens: 104, per: day, calendar: true }\n"
      try await LimitHouse.story(limits) { house async throws in
        for way in TokenStories.ways.suffix(2) {
          for shape in ["gap=1ms"] {
            let script = "events=13 \(shape) \(LimitHouse.steady)"
            let answer = try house.ask(way.body(script), path: way.path)
            let isSame = answer.body == (try way.plan(script).eventBytes.flatMap { $0 })
            #expect(isSame, "\(answer.text.suffix(600))")
          }
        }
        let lines = try await house.log(count: 2)
        #expect(lines.allSatisfy { $0["outcome"] as? String == "completed" }, "\(lines)")
      }
    }

    @Test("cuts a stream of an endpoint that is passed through, visibly, for it has no words there")
    func gemini() async throws {
      let models = LimitHouse.models + "routes: [{ pathPrefix: /v1/models, upstream: a }]\n"
      try await LimitHouse.story(Self.daily, models: models) { house async throws in
        let way = TokenStories.gemini
        let client = try house.client()
        try client.post(way.path, way.body("events=5000 gap=1ms \(LimitHouse.steady)"))
        let (bytes, _) = client.readAll()
        let text = String(decoding: bytes, as: UTF8.self)
        #expect(text.hasPrefix("HTTP/1.1 200"))
        // No last chunk: the client can tell.
        #expect(!text.hasSuffix("\r\n0\r\n\r\n"))
        #expect(waitUntil { house.upstream.seen.cancelsTotal == 1 })
        let line = try #require(try await house.log(count: 1).first)
        #expect(line["outcome"] as? String == "limited" && line["limit"] as? String == "daily", "\(line)")
        let counted = try #require(line["completion_tokens"] as? Int)
        #expect(counted >= 100 && counted < 132, "\(line)")
      }
    }

    // MARK: What else can be wanted

    @Test("ends with an error event and nothing behind it where onExceeded says so")
    func error() async throws {
      let limits = "  daily: { each: route, outputTokens: 100, per: day, calendar: true, onExceeded: error }\n"
      try await LimitHouse.story(limits) { house async throws in
        let answer = try house.ask(chat("events=100 \(LimitHouse.steady)", usage: true))
        #expect(answer.status == 200 && !answer.text.contains("[DONE]") && !answer.text.contains("\"length\""))
        #expect(lastEventErrorCode(answer.body) == "insufficient_quota")
        #expect(try LimitHouse.tokens(answer) == 104)
        let error = try errorObject(try #require(ReceivedText.payloads(answer.body).last))
        let message = try #require(error["message"] as? String)
        #expect(message.contains("daily") && message.contains("of 100 tokens"), "\(message)")
        for way in TokenStories.ways.suffix(2) {
          let answer = try house.ask(way.body("events=100 gap=1ms \(LimitHouse.steady)"), path: way.path)
          let last = way.path == "/v1/responses" ? "response.failed" : "error"
          #expect(LimitHouse.objects(answer).last?["type"] as? String == last, "\(answer.text.suffix(300))")
        }
        let lines = try await house.log(count: 3)
        #expect(
          lines.allSatisfy { $0["outcome"] as? String == "limited" && $0["error"] as? String == "insufficient_quota" })
      }
    }

    @Test("waits for more where onExceeded says so, and the answer goes on to its end")
    func waits() async throws {
      let limits = "  slow: { outputTokens: 600, per: 1s, onExceeded: wait, wait: 20s }\n"
      try await LimitHouse.story(limits) { house async throws in
        let script = "events=112 \(LimitHouse.steady)"
        let clock = ContinuousClock()
        let start = clock.now
        let client = try house.client()
        client.timeout = .seconds(30)
        try client.post("/v1/chat/completions", chat(script, usage: true))
        let answer = try client.readResponse()
        #expect(answer.body == (try expected(script, usage: true)))
        // 896 tokens, of which 50 are there at once and the rest comes at 550 a second.
        #expect(clock.now - start > .milliseconds(1000))
        let line = try #require(try await house.log(count: 1).first)
        #expect(line["outcome"] as? String == "completed" && line["limit"] == nil, "\(line)")
        #expect(try await house.limit("slow").cut == 0)
      }
    }

    @Test("ends the stream when what it waits for does not come in time")
    func waitsInVain() async throws {
      let limits = "  slow: { outputTokens: 120, per: minute, onExceeded: wait, wait: 300ms, burst: 100 }\n"
      try await LimitHouse.story(limits) { house async throws in
        let answer = try house.ask(chat("events=50 gap=1ms \(LimitHouse.steady)"))
        #expect(LimitHouse.finishReasons(answer) == [0: "length"])
        #expect(try LimitHouse.tokens(answer) == 104)
        #expect(waitUntil { house.upstream.seen.connectionsOpen == 0 })
        let line = try #require(try await house.log(count: 1).first)
        #expect(line["outcome"] as? String == "limited" && line["limit"] as? String == "slow")
      }
    }

    @Test("holds for a model that has no vocabulary: then tokens are estimated", arguments: ["none", "auto"])
    func uncounted(vocabulary: String) async throws {
      try await LimitHouse.story(
        Self.daily, models: "models:\n  m: { serve: a, vocabulary: \(vocabulary) }\n"
      ) { house async throws in
        let answer = try house.ask(chat("events=3000 gap=1ms"))
        #expect(LimitHouse.finishReasons(answer) == [0: "length"])
        let line = try #require(try await house.log(count: 1).first)
        #expect(line["outcome"] as? String == "limited" && line["token_source"] as? String == "estimated", "\(line)")
        let counted = try #require(line["completion_tokens"] as? Int)
        #expect(counted >= 95 && counted < 115, "\(line)")
      }
    }

    @Test("is reached inside an answer by the tightest of several, and that one is told")
    func tightest() async throws {
      let limits =
        "  wide: { outputTokens: 500, per: day, calendar: true }\n"
        + "  narrow: { outputTokens: 60, per: day, calendar: true }\n"
        + "  total: { tokens: 400, per: day, calendar: true }\n"
      try await LimitHouse.story(limits) { house async throws in
        let answer = try house.ask(chat("events=100 \(LimitHouse.steady)"))
        #expect(try LimitHouse.tokens(answer) == 64)
        let line = try #require(try await house.log(count: 1).first)
        #expect(line["limit"] as? String == "narrow")
        #expect(try await house.limit("narrow").cut == 1)
        #expect(try await house.limit("wide").cut == 0)
      }
    }

    @Test("weighs reasoning and output as the settings say")
    func weights() async throws {
      let limits =
        "  daily: { each: \"header:x-run\", outputTokens: 400, per: day, calendar: true, weights: { reasoning: 0.5, output: 2 } }\n"
      try await LimitHouse.story(limits) { house async throws in
        let thoughts = try house.ask(chat("reasoning=200 gap=1ms \(LimitHouse.steady)"), headers: "x-run: 1\r\n")
        let text = try house.ask(chat("events=60 gap=1ms \(LimitHouse.steady)"), headers: "x-run: 2\r\n")
        let delivered = try [LimitHouse.tokens(thoughts), LimitHouse.tokens(text)]
        #expect(delivered == [800, 200])
      }
    }

    @Test("with fallback ends a running stream as truncate does, and the next request goes to the next candidate")
    func fallback() async throws {
      let limits =
        "  first: { match: { upstream: a }, outputTokens: 100, per: day, calendar: true, onExceeded: fallback }\n"
      try await LimitHouse.story(upstreams: 2, limits, models: LimitHouse.twoCandidates) { house async throws in
        let script = "events=60 gap=1ms \(LimitHouse.steady)"
        let first = try house.ask(chat(script))
        #expect(LimitHouse.finishReasons(first) == [0: "length"] && first.header("x-sluice-upstream") == "a")
        let second = try house.ask(chat(script))
        #expect(LimitHouse.finishReasons(second) == [0: "stop"] && second.header("x-sluice-upstream") == "b")
      }
    }

    @Test("does not cut an answer in one piece, which is there already; what it took is charged")
    func inOnePiece() async throws {
      try await LimitHouse.story(Self.daily) { house async throws in
        let answer = try house.ask(chat("events=500", stream: false))
        #expect(answer.status == 200 && answer.text.contains("\"stop\""))
        let refused = try house.ask(chat("events=1", stream: false))
        #expect(refused.status == 429 && refused.text.contains("of 100 tokens"), "\(refused.text)")
      }
    }

    @Test(
      "lets a stream that waits get the whole answer, whatever its endpoint and pace",
      arguments: TokenStories.ways.suffix(4) + [TokenStories.gemini])
    func waitsElsewhere(way: TokenStories.Way) async throws {
      let limits = "  slow: { each: \"header:x-run\", outputTokens: 1200, per: 1s, onExceeded: wait, wait: 20s }\n"
      let models = LimitHouse.models + "routes: [{ pathPrefix: /v1/models, upstream: a }]\n"
      try await LimitHouse.story(limits, models: models) { house async throws in
        for (run, shape) in ["", "gap=2ms", "writeSplit=700", "framing=close"].enumerated() {
          let script = "events=60 \(shape) \(LimitHouse.steady)"
          let client = try house.client()
          client.timeout = .seconds(30)
          try client.post(way.path, way.body(script), headers: "x-run: \(run)\r\n")
          let answer = try client.readResponse()
          let texts = ReceivedText.texts(answer.body, way.endpoint).map(\.text)
          #expect(
            texts == [(0..<60).map { StreamPlan.text(model: "m", event: $0, style: .big(8)) }.joined()], "\(shape)")
        }
        let lines = try await house.log(count: 4)
        #expect(lines.allSatisfy { $0["outcome"] as? String == "completed" }, "\(lines)")
      }
    }

    @Test("does not take the time that a stream waits for the upstream's")
    func noTimeout() async throws {
      let limits = "  slow: { outputTokens: 120, per: 1s, burst: 100, onExceeded: wait, wait: 30s }\n"
      try await LimitHouse.story(limits, options: "timeouts: { betweenTokens: 120ms }") { house async throws in
        let script = "events=22 gap=1ms \(LimitHouse.steady)"
        let client = try house.client()
        client.timeout = .seconds(30)
        try client.post("/v1/chat/completions", chat(script))
        let isSame = try client.readResponse().body == (try expected(script))
        #expect(isSame)
      }
    }

    @Test("tells of an upstream that breaks off while its stream waits", arguments: ["reset", "close", "endEarly"])
    func breaksOffWaiting(fault: String) async throws {
      let limits = "  slow: { outputTokens: 130, per: minute, burst: 100, onExceeded: wait, wait: 2s }\n"
      try await LimitHouse.story(limits) { house async throws in
        let answer = try house.ask(chat("events=40 after=20 fault=\(fault) gap=1ms \(LimitHouse.steady)"))
        #expect(answer.status == 200 && !answer.text.contains("\"stop\""))
        #expect(try LimitHouse.tokens(answer) >= 104)
        // Either what broke off is told, or, behind a limit that never gave more, the cut.
        if LimitHouse.finishReasons(answer) != [0: "length"] {
          #expect(lastEventErrorCode(answer.body)?.hasPrefix("upstream_") == true, "\(answer.text.suffix(300))")
        }
      }
    }

    @Test("ends a stream to a client of HTTP/1.0 too")
    func oldClient() async throws {
      try await LimitHouse.story(Self.daily) { house async throws in
        let client = try house.client()
        let body = chat("events=60 gap=1ms \(LimitHouse.steady)")
        try client.send("POST /v1/chat/completions HTTP/1.0\r\ncontent-length: \(body.utf8.count)\r\n\r\n\(body)")
        let answer = try client.readResponse()
        #expect(answer.header("transfer-encoding") == nil && LimitHouse.finishReasons(answer) == [0: "length"])
        #expect(answer.text.hasSuffix("data: [DONE]\n\n"))
      }
    }

    @Test("holds to the last event where the limit is smaller than what a request begins with")
    func tiny() async throws {
      try await LimitHouse.story("  daily: { outputTokens: 30, per: day, calendar: true }\n") { house async throws in
        let answer = try house.ask(chat("events=60 gap=1ms \(LimitHouse.steady)"))
        #expect(try LimitHouse.tokens(answer) == 32, "\(answer.status) \(answer.text)")
      }
    }
  }
}
