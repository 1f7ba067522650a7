import Foundation
import Gateway
import Quotas
import ScriptedUpstream
import TestKit
import Testing

extension LimitedGateway {
  /// Limits while other things happen: clients that leave or are slow, reloads, the end of the gateway.
  @Suite("A limit lives with")
  struct LimitLifeStories {
    private static let quick = "events=1 \(LimitHouse.steady)"
    private static let daily = "  daily: { outputTokens: 100, per: day, calendar: true }\n"

    private func reload(_ house: House, _ limits: String) async throws {
      let text = LimitHouse.configuration(house.upstreams.map(\.port), limits)
      try await house.gateway.reload(try House.settings(text), shelf: try LimitHouse.shelf())
    }

    // MARK: Clients

    @Test("a client that leaves while its request waits: its place and its slot go to the next")
    func leavesWaiting() async throws {
      try await LimitHouse.story("  one: { concurrency: 1, wait: 60s }\n") { house async throws in
        let running = try house.client()
        try running.post("/v1/chat/completions", chat("events=200000 gap=5ms"))
        _ = try running.read(until: "data: ")
        let waiting = try (0..<3).map { _ in try house.client() }
        for (index, client) in waiting.enumerated() {
          try client.post("/v1/chat/completions", chat(Self.quick))
          #expect(await eventually { await house.gateway.limitReport().waiting == index + 1 })
        }
        waiting[0].close()
        waiting[1].reset()
        #expect(await eventually { await house.gateway.limitReport().waiting == 1 })
        running.close()
        #expect(try waiting[2].readResponse().status == 200)
        let lines = try await house.log(count: 4)
        let left = lines.filter { $0["outcome"] as? String == "client_left" && $0["attempts"] as? Int == 0 }
        #expect(left.count == 2 && left.allSatisfy { $0["total_tokens"] as? Int ?? 0 == 0 }, "\(lines)")
        #expect(house.upstream.seen.requestsTotal == 2)
      }
    }

    @Test("a client that leaves while its stream waits for more")
    func leavesInsideWait() async throws {
      let limits = "  slow: { outputTokens: 120, per: minute, burst: 100, onExceeded: wait, wait: 60s }\n"
      try await LimitHouse.story(limits) { house async throws in
        let client = try house.client()
        try client.post("/v1/chat/completions", chat("events=20000 gap=2ms \(LimitHouse.steady)"))
        _ = try client.read(until: "[12]")
        #expect(await eventually { await house.gateway.limitReport().waiting == 1 })
        client.close()
        #expect(waitUntil { house.upstream.seen.cancelsTotal == 1 })
        let line = try #require(try await house.log(count: 1).first)
        #expect(line["outcome"] as? String == "client_left" && line["completion_tokens"] as? Int == 104, "\(line)")
      }
    }

    @Test("a client that reads slowly: it gets the whole answer, or the same cut as any other")
    func slowReader() async throws {
      let script = "events=60 text=big:20000"
      let limits = "  wide: { outputTokens: 1000000, per: 1s, onExceeded: wait, wait: 30s }\n"
      try await LimitHouse.story(limits, models: "models:\n  m: { serve: a, vocabulary: none }\n") {
        house async throws in
        let client = try house.client(receiveBufferBytes: 4096)
        try client.post("/v1/chat/completions", chat(script))
        _ = try client.read(until: "\r\n\r\n")
        try await Task.sleep(for: .milliseconds(300))
        var all: [UInt8] = []
        while !String(decoding: all.suffix(200), as: UTF8.self).hasSuffix("0\r\n\r\n") {
          guard case .bytes(let bytes) = client.readSome() else { break }
          all += bytes
        }
        #expect(String(decoding: all.suffix(40), as: UTF8.self).contains("[DONE]"))
      }
      try await LimitHouse.story("  daily: { outputTokens: 60000, per: day, calendar: true }\n") { house async throws in
        let client = try house.client(receiveBufferBytes: 4096)
        try client.post("/v1/chat/completions", chat("events=60 text=big:20000 gap=1ms"))
        try await Task.sleep(for: .milliseconds(300))
        let answer = try client.readResponse()
        #expect(LimitHouse.finishReasons(answer) == [0: "length"])
        #expect(ReceivedText.payloads(answer.body).last == Array("[DONE]".utf8))
      }
    }

    @Test("several requests of one connection, one after the other, before and behind a cut")
    func keptConnection() async throws {
      let limits = "  daily: { each: \"header:x-run\", outputTokens: 100, per: day, calendar: true }\n"
      try await LimitHouse.story(limits) { house async throws in
        let client = try house.client()
        for run in 0..<3 {
          for (script, status) in [("events=40 gap=1ms", 200), ("events=1", 429)] {
            try client.post(
              "/v1/chat/completions", chat("\(script) \(LimitHouse.steady)"), headers: "x-run: \(run)\r\n")
            let answer = try client.readResponse()
            #expect(answer.status == status)
            if status == 200 { #expect(LimitHouse.finishReasons(answer) == [0: "length"]) }
          }
        }
        #expect(try await house.limit("daily").cut == 3)
      }
    }

    @Test("many clients at once: together they get what there is")
    func many() async throws {
      try await LimitHouse.story("  daily: { outputTokens: 4000, per: day, calendar: true }\n", reactors: 2) {
        house async throws in
        let clients = try (0..<24).map { _ in try house.client() }
        for client in clients {
          client.timeout = .seconds(30)
          try client.post("/v1/chat/completions", chat("events=100 gap=2ms \(LimitHouse.steady)"))
        }
        var delivered = 0
        for client in clients {
          let answer = try client.readResponse()
          #expect(answer.status == 200 || answer.status == 429)
          if answer.status == 200 { delivered += try LimitHouse.tokens(answer) }
        }
        let lines = try await house.log(count: 24)
        #expect(delivered == lines.reduce(0) { $0 + ($1["completion_tokens"] as? Int ?? 0) })
        // One event more for each stream that was cut.
        #expect(delivered <= 4000 + 24 * 8 && delivered > 3000, "\(delivered)")
      }
    }

    // MARK: Reloads

    @Test("a reload that adds limits: from the next request on, and none is forgotten that stays")
    func added() async throws {
      try await LimitHouse.story("") { house async throws in
        let running = try house.client()
        try running.post("/v1/chat/completions", chat("events=300 gap=2ms \(LimitHouse.steady)"))
        _ = try running.read(until: "[0]")
        try await reload(house, Self.daily)
        // What runs goes on as it began.
        let rest = try running.read(until: "0\r\n\r\n")
        #expect(String(decoding: rest, as: UTF8.self).contains("\"stop\""))
        let cut = try house.ask(chat("events=50 gap=1ms \(LimitHouse.steady)"))
        #expect(LimitHouse.finishReasons(cut) == [0: "length"])
        try await reload(house, Self.daily + "  few: { requests: 1, per: day }\n")
        let refused = try house.ask(chat(Self.quick))
        #expect(refused.status == 429 && refused.text.contains("'daily'"))
        #expect(try await house.limit("daily").cut == 1)
      }
    }

    @Test("a reload that raises or lowers a quota: what is used of it stays used")
    func changed() async throws {
      try await LimitHouse.story(Self.daily) { house async throws in
        _ = try house.ask(chat("events=50 gap=1ms \(LimitHouse.steady)"))
        #expect(try house.ask(chat(Self.quick)).status == 429)
        try await reload(house, "  daily: { outputTokens: 400, per: day, calendar: true }\n")
        var more = try house.ask(chat("events=80 gap=1ms \(LimitHouse.steady)"))
        // Who was refused a moment ago does not ask the store again at once.
        #expect(
          try waitUntil {
            if more.status == 429 { more = try house.ask(chat("events=80 gap=1ms \(LimitHouse.steady)")) }
            return more.status == 200
          })
        let delivered = try LimitHouse.tokens(more)
        #expect(delivered >= 296 && delivered <= 304, "\(delivered)")
        try await reload(house, Self.daily)
        #expect(try house.ask(chat(Self.quick)).status == 429)
      }
    }

    @Test("a reload that takes limits away: what runs is still held to them, what comes later is free")
    func removed() async throws {
      try await LimitHouse.story("  daily: { outputTokens: 1000, per: day, calendar: true }\n") { house async throws in
        let running = try house.client()
        try running.post("/v1/chat/completions", chat("events=400 gap=2ms \(LimitHouse.steady)"))
        _ = try running.read(until: "[0]")
        try await reload(house, "")
        let free = try house.ask(chat("events=200 \(LimitHouse.steady)"))
        #expect(LimitHouse.finishReasons(free) == [0: "stop"] && !free.head.lowercased().contains("x-ratelimit"))
        #expect(await house.gateway.limitReport().limits.isEmpty)
        let rest = String(decoding: try running.read(until: "0\r\n\r\n"), as: UTF8.self)
        #expect(rest.contains("\"length\""))
        // Put back, it has not forgotten.
        try await reload(house, "  daily: { outputTokens: 1000, per: day, calendar: true }\n")
        #expect(try house.ask(chat(Self.quick)).status == 429)
      }
    }

    @Test("a reload while requests and streams wait: they go on waiting, and are served")
    func reloadedWaiting() async throws {
      let limits = "  one: { concurrency: 1, wait: 60s }\n"
      try await LimitHouse.story(limits) { house async throws in
        let running = try house.client()
        try running.post("/v1/chat/completions", chat("events=200000 gap=5ms"))
        _ = try running.read(until: "data: ")
        let waiting = try house.client()
        waiting.timeout = .seconds(30)
        try waiting.post("/v1/chat/completions", chat(Self.quick))
        #expect(await eventually { await house.gateway.limitReport().waiting == 1 })
        try await reload(house, "  other: { requests: 100, per: day }\n" + limits)
        running.close()
        #expect(try waiting.readResponse().status == 200)
      }
    }

    // MARK: The end

    @Test("the end of the gateway: who waits is told, who streams is told, nobody hangs")
    func drains() async throws {
      let limits =
        "  one: { match: { header: { x-side: s } }, each: global, concurrency: 1, wait: 60s }\n"
        + "  slow: { match: { header: { x-slow: s } }, each: global, outputTokens: 120, per: minute, burst: 100, onExceeded: wait, wait: 60s }\n"
      try await LimitHouse.story(limits) { house async throws in
        let running = try house.client()
        try running.post("/v1/chat/completions", chat("events=200000 gap=5ms"), headers: "x-side: s\r\n")
        _ = try running.read(until: "data: ")
        let waiting = try house.client()
        try waiting.post("/v1/chat/completions", chat(Self.quick), headers: "x-side: s\r\n")
        let held = try house.client()
        try held.post("/v1/chat/completions", chat("events=500 gap=1ms \(LimitHouse.steady)"), headers: "x-slow: s\r\n")
        #expect(await eventually { await house.gateway.limitReport().waiting == 2 })
        let cut = await house.gateway.drain(within: .milliseconds(100))
        #expect(cut == 3)
        let refused = try waiting.readResponse()
        #expect(refused.status == 503)
        #expect(try errorCode(refused) == "shutting_down")
        let ended = try held.readResponse()
        #expect(ended.status == 200 && lastEventErrorCode(ended.body) == "shutting_down", "\(ended.text.suffix(300))")
        let lines = try await house.log(count: 3)
        #expect(lines.allSatisfy { $0["outcome"] as? String == "shut_down" }, "\(lines)")
      }
    }

    @Test("the end of the gateway while someone waits whose turn comes in time")
    func drainsInTime() async throws {
      try await LimitHouse.story("  one: { concurrency: 1, wait: 60s }\n") { house async throws in
        let running = try house.client()
        try running.post("/v1/chat/completions", chat("events=600 gap=5ms"))
        _ = try running.read(until: "data: ")
        let waiting = try house.client()
        waiting.timeout = .seconds(30)
        try waiting.post("/v1/chat/completions", chat(Self.quick))
        #expect(await eventually { await house.gateway.limitReport().waiting == 1 })
        #expect(await house.gateway.drain(within: .seconds(30)) == 0)
        #expect(try waiting.readResponse().status == 200)
      }
    }
  }

  /// Gateways that share their limits in Redis.
  @Suite("Limits in Redis")
  struct LimitRedisStories {
    private static func configuration(_ ports: [UInt16], _ redis: UInt16, _ limits: String) -> String {
      "redis: { url: \"redis://127.0.0.1:\(redis)\", timeout: 200ms }\n" + LimitHouse.configuration(ports, limits)
    }

    private func story(_ redis: RedisServer, _ limits: String, _ body: (House) async throws -> Void) async throws {
      try await House.story(
        shelf: try LimitHouse.shelf(), configuration: { Self.configuration($0, redis.port, limits) }, body)
    }

    @Test("are one for two gateways, of requests and of tokens inside answers")
    func shared() async throws {
      let redis = try RedisServer()
      let limits =
        "  few: { each: \"header:x-run\", requests: 5, per: day }\n"
        + "  daily: { each: \"header:x-run\", outputTokens: 1000, per: day, calendar: true }\n"
      try await story(redis, limits) { one async throws in
        try await story(redis, limits) { two async throws in
          var served = 0
          for turn in 0..<12 {
            let house = turn % 2 == 0 ? one : two
            if try house.ask(chat("events=1"), headers: "x-run: a\r\n").status == 200 { served += 1 }
          }
          #expect(served == 5)
          var delivered = 0
          for house in [one, two, one, two] {
            let answer = try house.ask(
              chat("events=70 gap=1ms usage=never \(LimitHouse.steady)"), headers: "x-run: b\r\n")
            if answer.status == 200 { delivered += try LimitHouse.tokens(answer) }
          }
          // A lease of one per cent stays with each for a while; the last event of each may be one too many.
          #expect(delivered >= 900 && delivered <= 1016, "\(delivered)")
          let report = await one.gateway.limitReport()
          #expect(report.store == .redis && report.isStorePresent && report.servers.count == 1)
        }
      }
    }

    @Test("that is away: each limit does what its settings say, and nobody hangs")
    func away() async throws {
      let redis = try RedisServer()
      let limits =
        "  shut: { match: { header: { x-mode: shut } }, each: global, requests: 1000, per: day, whenStoreIsAway: closed }\n"
        + "  wide: { match: { header: { x-mode: wide } }, each: global, requests: 1000, per: day, whenStoreIsAway: open }\n"
        + "  mine: { match: { header: { x-mode: mine } }, each: global, tokens: 6000000, per: minute, whenStoreIsAway: local, wait: 2s }\n"
      try await story(redis, limits) { house async throws in
        func status(_ mode: String) throws -> Int {
          try house.ask(chat("events=2"), headers: "x-mode: \(mode)\r\n").status
        }
        for mode in ["shut", "wide", "mine"] { #expect(try status(mode) == 200) }
        redis.kill9()
        #expect(
          try await eventually {
            _ = try status("shut")
            return await !house.gateway.limitReport().isStorePresent
          })
        #expect(try status("wide") == 200)
        #expect(try status("mine") == 200)
        // Credit that was leased before may still be spent; then nothing new passes.
        #expect(try waitUntil { try status("shut") == 429 })
        #expect(try await house.limit("shut").state == .closed)
        #expect(try house.ask(chat("events=2")).status == 200)
      }
    }
  }
}
