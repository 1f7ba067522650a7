import Foundation
import Gateway
import GatewayConfiguration
import ScriptedUpstream
import TestKit
import Testing
import Upstreams

@Suite("A stream through the gateway")
struct StreamStories {
  static let shapes = [
    "events=5", "events=5 lineEnd=crlf", "events=5 lineEnd=cr", "events=40 writeSplit=7", "events=40 chunkSplit=3",
    "events=5 bom", "events=6 comments=2", "events=3 text=emoji writeSplit=1", "events=3 text=escaped",
    "events=4 text=big:9000", "events=2 text=big:200000 writeSplit=5000", "events=5 reasoning=4", "tools=2",
    "events=300 coalesce=50", "events=5 framing=close", "events=5 framing=length", "events=5 interim=103",
    "events=5 lineEnd=crlf writeSplit=1", "events=5 lineEnd=cr writeSplit=1", "events=3 usage=onFinish",
  ]

  @Test("arrives byte for byte, whatever its shape", arguments: shapes)
  func byteEqual(shape: String) async throws {
    try await House.story { house async throws in
      for usage in [false, true] {
        let response = try house.ask(chat(shape, usage: usage))
        #expect(response.status == 200)
        #expect(response.header("content-type") == "text/event-stream; charset=utf-8")
        #expect(response.header("transfer-encoding") == "chunked")
        #expect(response.header("x-sluice-model") == "m")
        #expect(response.header("x-sluice-upstream") == "a")
        #expect(response.header("x-sluice-attempts") == "1")
        let wanted = try expected(shape, usage: usage)
        #expect(response.body == wanted, "\(shape), usage \(usage)")
      }
      for request in house.upstream.seen.requests {
        #expect(request.bodyText.contains("\"include_usage\":true"))
      }
      let log = try await house.log(count: 2)
      #expect(log.allSatisfy { $0["outcome"] as? String == "completed" && $0["stream"] as? Bool == true })
      #expect(log.allSatisfy { $0["total_tokens"] as? Int ?? 0 > 0 && $0["ttft_ms"] != nil })
    }
  }

  @Test("is told usage only when it asked, also when the upstream tells it always")
  func usage() async throws {
    try await House.story { house async throws in
      let plain = try house.ask(chat("events=3 usage=always"))
      #expect(!plain.text.contains("prompt_tokens"))
      let asked = try house.ask(chat("events=3 usage=always", usage: true))
      #expect(asked.text.contains("prompt_tokens"))
      let never = try house.ask(chat("events=3 usage=never", usage: true))
      #expect(never.body == (try expected("events=3 usage=never", usage: true)))
    }
  }

  @Test("gets the [DONE] that its upstream forgot, in a well-formed end")
  func noDone() async throws {
    try await House.story { house async throws in
      let response = try house.ask(chat("events=3 fault=noDone"))
      #expect(response.body == (try expected("events=3 fault=noDone")) + Array("data: [DONE]\n\n".utf8))
    }
  }

  @Test(
    "never ends clean without a finish reason: error event, no [DONE]",
    arguments: [
      "events=5 fault=endEarly after=2", "events=5 fault=truncate after=2", "events=5 fault=reset after=2 gap=1ms",
      "events=5 fault=close after=2", "events=5 fault=noFinish gap=1ms",
      "events=5 fault=badFraming after=2 gap=1ms", "events=5 fault=endEarly after=2 framing=close gap=1ms",
    ])
  func incomplete(script: String) async throws {
    try await House.story { house async throws in
      let client = try house.client()
      try client.post("/v1/chat/completions", chat("firstDelay=5ms \(script)"))
      let response = try client.readResponse()
      #expect(response.status == 200 || response.status == 502)
      if response.status == 200 {
        #expect(lastEventErrorCode(response.body)?.hasPrefix("upstream_") == true, "\(response.text)")
        let plan = try expected("firstDelay=5ms \(script)")
        let before = String(decoding: response.body, as: UTF8.self).components(before: "data: {\"error\"")
        #expect(String(decoding: plan, as: UTF8.self).hasPrefix(before))
      } else {
        #expect(try errorCode(response).hasPrefix("upstream_"))
      }
      #expect(!response.text.contains("[DONE]"))
      // The connection is in order: the chunked end was well-formed.
      try client.post("/v1/chat/completions", chat("events=1"))
      #expect(try client.readResponse().status == 200)
    }
  }

  @Test(
    "that has finished is whole, however its connection ends",
    arguments: [
      "closeAfterAnswer", "lateBytes",
    ])
  func wholeAnswers(fault: String) async throws {
    try await House.story { house async throws in
      let response = try house.ask(chat("events=2 fault=\(fault)"))
      #expect(response.body == (try expected("events=2 fault=\(fault)")))
    }
  }

  @Test("passes an in-band error on when nobody else can answer, without [DONE] of ours")
  func inBandError() async throws {
    try await House.story { house async throws in
      let response = try house.ask(chat("events=5 fault=errorEvent after=2 gap=1ms"))
      #expect(response.body == (try expected("events=5 fault=errorEvent after=2 gap=1ms")))
      let log = try await house.log(count: 1)
      #expect(log[0]["outcome"] as? String == "cut")
    }
  }

  @Test("survives an event that is not JSON")
  func malformedEvent() async throws {
    try await House.story { house async throws in
      let response = try house.ask(chat("events=5 fault=malformed after=2"))
      #expect(response.body == (try expected("events=5 fault=malformed after=2")))
    }
  }

  @Test("that stalls ends with an error event after betweenTokens; comments are no content")
  func stall() async throws {
    try await House.story(options: "timeouts: { firstToken: 5s, betweenTokens: 80ms }") { house async throws in
      for script in ["events=5 fault=stall after=2 gap=1ms", "events=5 fault=stall after=2 gap=1ms keepAlive=20ms"] {
        let began = monotonicNanoseconds()
        let response = try house.ask(chat(script))
        let elapsed = monotonicNanoseconds() - began
        #expect(lastEventErrorCode(response.body) == "upstream_stalled")
        #expect(!response.text.contains("[DONE]"))
        #expect(elapsed > 80_000_000 && elapsed < 2_000_000_000)
      }
      #expect(waitUntil { house.upstream.seen.cancelsTotal == 2 || house.upstream.seen.connectionsOpen == 0 })
    }
  }

  @Test("that takes longer than the total timeout ends with an error event")
  func totalTimeout() async throws {
    try await House.story(options: "timeouts: { firstToken: 1s, total: 1s }") { house async throws in
      let response = try house.ask(chat("events=100000 gap=10ms"))
      #expect(lastEventErrorCode(response.body) == "upstream_timeout")
    }
  }

  @Test("goes to a client of HTTP/1.0 delimited by the connection's end")
  func http10() async throws {
    try await House.story { house async throws in
      let client = try house.client()
      let body = chat("events=5")
      try client.send("POST /v1/chat/completions HTTP/1.0\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)")
      let response = try client.readResponse()
      #expect(response.header("transfer-encoding") == nil)
      #expect(response.header("connection") == "close")
      #expect(response.body == (try expected("events=5")))
      #expect(client.readSome() == .end)
    }
  }

  @Test("is cancelled upstream at once when its client leaves mid-stream, and before the first byte")
  func clientLeaves() async throws {
    try await House.story { house async throws in
      let midway = try house.client()
      try midway.post("/v1/chat/completions", chat("events=100000 gap=2ms"))
      _ = try midway.read(until: "data: ")
      midway.close()
      #expect(waitUntil { house.upstream.seen.cancelsTotal == 1 })
      let early = try house.client()
      try early.post("/v1/chat/completions", chat("headDelay=60s"))
      #expect(waitUntil { house.upstream.seen.requestsTotal == 2 })
      early.reset()
      #expect(waitUntil { house.upstream.seen.cancelsTotal == 2 })
      let log = try await house.log(count: 2)
      #expect(log.allSatisfy { $0["outcome"] as? String == "client_left" })
    }
  }

  @Test("waits for a client that does not read, and loses nothing")
  func slowClient() async throws {
    try await House.story { house async throws in
      let script = "events=600 text=big:20000"
      let client = try house.client(receiveBufferBytes: 4096)
      try client.post("/v1/chat/completions", chat(script))
      // The upstream comes to a standstill long before its 12 MB are sent.
      var sent = 0
      var repeats = 0
      while repeats < 50 {
        let now = house.upstream.seen.answersCompleted
        repeats = now == sent ? repeats + 1 : 0
        sent = now
        _ = waitUntil(timeout: .milliseconds(2)) { false }
      }
      #expect(house.upstream.seen.answersCompleted == 0)
      let response = try client.readResponse()
      let wanted = try expected(script)
      #expect(response.body == wanted)
    }
  }

  @Test("to a client that reads nothing for the write timeout is given up, and its upstream with it")
  func stalledClient() async throws {
    try await House.story { house async throws in
      var settings = house.gateway.settings
      settings.server.timeouts.write = .milliseconds(150)
      try await house.gateway.reload(settings)
      let client = try house.client(receiveBufferBytes: 4096)
      try client.post("/v1/chat/completions", chat("events=100000 text=big:20000"))
      let log = try await house.log(count: 1)
      #expect(log[0]["outcome"] as? String == "client_stalled")
      #expect(waitUntil { house.upstream.seen.cancelsTotal == 1 })
      #expect(client.readAll().ending == .reset)
    }
  }

  @Test("and 99 more succeed although the upstream closes after every answer")
  func closingUpstream() async throws {
    try await House.story { house async throws in
      let client = try house.client()
      let wanted = try expected("events=2 fault=closeAfterAnswer")
      for _ in 0..<100 {
        try client.post("/v1/chat/completions", chat("events=2 fault=closeAfterAnswer"))
        #expect(try client.readResponse().body == wanted)
      }
    }
  }

  @Test("never gets bytes that came late for another request")
  func lateBytes() async throws {
    try await House.story { house async throws in
      for round in 0..<30 {
        let response = try house.ask(chat("events=2 fault=lateBytes tag=\(round)"))
        #expect(response.body == (try expected("events=2 fault=lateBytes")))
        // The late bytes have come, and with them the session's end.
        let isGone = await eventually { await house.pool().idle == 0 }
        #expect(isGone)
      }
    }
  }

  @Test("with n choices is whole only when each has finished")
  func choices() async throws {
    try await House.story { house async throws in
      let response = try house.ask(chat("events=3 gap=25ms fault=noDone", extra: ",\"n\":2"))
      #expect(lastEventErrorCode(response.body) == "upstream_incomplete")
    }
  }

  @Test("of /v1/completions arrives byte for byte")
  func completions() async throws {
    try await House.story { house async throws in
      let response = try house.ask(chat("events=4"), path: "/v1/completions")
      let plan = StreamPlan(try Script(parsing: "events=4"), model: "m", includeUsage: false, endpoint: .completions)
      #expect(response.body == plan.eventBytes.flatMap { $0 })
    }
  }
}

extension String {
  /// What stands before the first occurrence of `marker`, or all of it.
  func components(before marker: String) -> String {
    range(of: marker).map { String(self[..<$0.lowerBound]) } ?? self
  }
}
