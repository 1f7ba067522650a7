import ScriptedUpstream
import TestKit
import Testing
import Upstreams

@Suite("When an upstream fails")
struct FailoverStories {
  static let faultsBeforeContent = [
    "fault=status:503", "fault=status:429 retryAfter=7", "fault=status:500", "fault=status:408", "fault=htmlError",
    "fault=closeBeforeAnswer", "fault=resetBeforeAnswer", "fault=badHead", "fault=neverAnswer", "fault=stall",
    "fault=errorEvent", "fault=errorEvent firstDelay=5ms", "fault=endEarly", "fault=truncate", "fault=close",
    "fault=reset", "fault=badFraming", "fault=endEarly firstDelay=5ms", "fault=truncate firstDelay=5ms",
    "fault=status:401",
  ]

  @Test(
    "before the first content, the next candidate answers and the client notices nothing",
    arguments: faultsBeforeContent)
  func beforeContent(script: String) async throws {
    try await House.story(upstreams: 2, options: "timeouts: { firstToken: 400ms, betweenTokens: 400ms }") {
      house async throws in
      house.upstreams[0].defaultScript = try Script(parsing: script)
      house.upstreams[1].defaultScript = try Script(parsing: "events=4")
      for stream in [true, false] {
        // Without a stream only the status, the connection and the total timeout tell.
        if !stream, script.contains("neverAnswer") || script.contains("stall") || script.contains("badFraming") {
          continue
        }
        if !stream, script.contains("errorEvent") || script.contains("endEarly") { continue }
        if !stream, script.contains("truncate") || script == "fault=close" || script == "fault=reset" { continue }
        let response = try house.ask(chat(stream: stream))
        #expect(response.status == 200, "stream \(stream): \(response.text)")
        if stream { #expect(response.body == (try expected("events=4"))) }
        #expect(response.header("x-sluice-upstream") == "b")
        #expect(response.header("x-sluice-attempts") == "2")
      }
      let first = house.upstreams[0].seen.requests.map(\.bodyText)
      #expect(house.upstreams[1].seen.requests.allSatisfy { first.contains($0.bodyText) })
      let log = try await house.log(count: 1)
      #expect((log[0]["failures"] as? [String])?.count == 1, "\(log[0])")
      #expect(log[0]["outcome"] as? String == "completed")
    }
  }

  @Test("after long silence, the client has had a life sign and then reads the next candidate's answer whole")
  func lifeSign() async throws {
    try await House.story(upstreams: 2, options: "timeouts: { firstToken: 6s, betweenTokens: 6s }") {
      house async throws in
      house.upstreams[0].defaultScript = try Script(parsing: "fault=stall keepAlive=500ms")
      house.upstreams[1].defaultScript = try Script(parsing: "events=4")
      let client = try RawClient(port: house.port, timeout: .seconds(20))
      try client.post("/v1/chat/completions", chat(stream: true))
      let response = try client.readResponse()
      #expect(response.status == 200)
      let sign = Array(": waiting for the model\n\n".utf8)
      #expect(response.body.starts(with: sign), "\(response.text)")
      #expect(Array(response.body.dropFirst(sign.count)) == (try expected("events=4")))
      let log = try await house.log(count: 1)
      #expect(log[0]["outcome"] as? String == "completed")
      #expect(log[0]["attempts"] as? Int == 2)
    }
  }

  @Test("by refusing the connection, the next candidate answers")
  func refusedConnection() async throws {
    let dead = try freePort()
    try await House.story(configuration: { "anonymous: true\n" + House.upstreams([dead] + $0) + House.models(2) }) {
      house async throws in
      for _ in 0..<5 {
        let response = try house.ask(chat("events=2"))
        #expect(response.body == (try expected("events=2")))
        #expect(response.header("x-sluice-upstream") == "b")
      }
    }
  }

  @Test(
    "after the first content, the client is told and nobody else is asked",
    arguments: [
      "events=5 fault=reset after=2 gap=25ms", "events=5 fault=close after=2 gap=25ms",
      "events=5 fault=endEarly after=2 gap=25ms", "events=5 fault=stall after=2 gap=25ms",
      "events=5 fault=errorEvent after=2 gap=25ms",
    ])
  func afterContent(script: String) async throws {
    try await House.story(upstreams: 2, options: "timeouts: { firstToken: 500ms, betweenTokens: 100ms }") {
      house async throws in
      house.upstreams[0].defaultScript = try Script(parsing: script)
      let client = try house.client()
      try client.post("/v1/chat/completions", chat())
      let response = try client.readResponse()
      #expect(response.status == 200)
      #expect(response.text.contains("\"content\":\"Hello!\""))
      if !script.contains("errorEvent") {
        #expect(lastEventErrorCode(response.body)?.hasPrefix("upstream_") == true)
        #expect(!response.text.contains("[DONE]"))
      }
      #expect(house.upstreams[1].seen.requestsTotal == 0)
      house.upstreams[0].defaultScript = try Script(parsing: "events=1")
      try client.post("/v1/chat/completions", chat())
      #expect(try client.readResponse().body == (try expected("events=1")))
    }
  }

  @Test(
    "behind the last finish reason, the answer is whole all the same",
    arguments: [
      RawUpstream.Ending.close, .reset, .wait,
    ])
  func behindTheEnd(ending: RawUpstream.Ending) async throws {
    let finish = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"x\"},\"finish_reason\":\"stop\"}]}\n\n"
    let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
    for done in ["", "data: [DONE]\n\n"] {
      let events = finish + done
      let raw = try RawUpstream("\(head)\(String(events.utf8.count, radix: 16))\r\n\(events)\r\n", ending: ending)
      let options = "timeouts: { firstToken: 100ms, betweenTokens: 100ms }"
      try await House.story(configuration: { _ in
        "anonymous: true\n" + House.upstreams([raw.port], options: options) + House.models(1)
      }) { house async throws in
        let response = try house.ask(chat())
        #expect(response.text == finish + "data: [DONE]\n\n")
        let log = try await house.log(count: 1)
        #expect(log[0]["outcome"] as? String == "completed")
      }
    }
  }

  @Test("on one of its endpoints, the other one answers: 40 of 40")
  func otherEndpoint() async throws {
    try await House.story(
      upstreams: 2,
      configuration: { ports in
        let urls = ports.map { "{ url: http://127.0.0.1:\($0)/v1 }" }.joined(separator: ", ")
        return
          "anonymous: true\nupstreams:\n  a: { provider: vllm, endpoints: [\(urls)], apiKeys: [\(House.upstreamKey)] }\n"
          + House.models(1)
      }
    ) { house async throws in
      for fault in ["resetBeforeAnswer", "status:503", "endEarly", "badHead"] {
        house.upstreams[0].defaultScript = try Script(parsing: "events=3 fault=\(fault)")
        house.upstreams[1].defaultScript = try Script(parsing: "events=3")
        for _ in 0..<10 {
          let response = try house.ask(chat())
          #expect(response.body == (try expected("events=3")), "\(fault): \(response.status)")
        }
      }
    }
  }

  @Test("in the middle of what may not be done twice, nobody else is asked to do it")
  func unsafeMethods() async throws {
    try await House.story(
      upstreams: 2,
      configuration: { ports in
        let urls = ports.map { "{ url: http://127.0.0.1:\($0)/v1 }" }.joined(separator: ", ")
        return
          "anonymous: true\nupstreams:\n  a: { provider: vllm, endpoints: [\(urls)], apiKeys: [\(House.upstreamKey)] }\n"
          + "routes: [{ path: /v1/batches, upstream: a }]\n"
      }
    ) { house async throws in
      for upstream in house.upstreams { upstream.defaultScript = try Script(parsing: "fault=resetBeforeAnswer") }
      #expect(try house.ask("{}", path: "/v1/batches").status == 502)
      #expect(house.upstreams.map(\.seen.requestsTotal).reduce(0, +) == 1)
      #expect(try house.get("/v1/batches").status == 502)
      #expect(house.upstreams.map(\.seen.requestsTotal).reduce(0, +) == 3)
    }
  }

  @Test("with an error that has no end, the client gets one all the same", arguments: [100_000, 10])
  func endlessError(count: Int) async throws {
    let body = String(repeating: "x", count: count)
    let raw = try RawUpstream(
      "HTTP/1.1 400 No\r\ncontent-type: text/plain\r\ncontent-length: 99999999\r\n\r\n\(body)", ending: .wait)
    try await House.story(configuration: { _ in
      "anonymous: true\n" + House.upstreams([raw.port], options: "timeouts: { firstToken: 200ms }") + House.models(1)
    }) { house async throws in
      let response = try house.ask(chat(stream: false))
      #expect(response.status == (count > 64 << 10 ? 400 : 504))
      #expect(try errorObject(response.body)["message"] is String)
    }
  }

  @Test("with a kept session gone stale, a fresh one answers and the client notices nothing")
  func staleSession() async throws {
    try await House.story { house async throws in
      for round in 0..<20 {
        // The close meets the idle session sooner or later than the next request: both must do.
        let first = try house.ask(chat("events=1 fault=closeAfterAnswer tag=\(round)", stream: round % 2 == 0))
        #expect(first.status == 200)
        #expect(try house.ask(chat("events=1")).status == 200)
      }
    }
  }

  @Test("the fallback is asked for its own model, and for usage only if it knows the option")
  func bodyPerCandidate() async throws {
    try await House.story(
      upstreams: 2,
      configuration: { ports in
        """
        anonymous: true
        upstreams:
          a: { provider: vllm, baseURL: http://127.0.0.1:\(ports[0])/v1, apiKeys: [\(House.upstreamKey)] }
          b: { provider: vllm, baseURL: http://127.0.0.1:\(ports[1])/v1, apiKeys: [\(House.upstreamKey)], usage: false }
        models:
          first: { serve: [{ upstream: a, model: a-large }], fallback: [second] }
          second: { serve: [{ upstream: b, model: b-small }] }
        """
      }
    ) { house async throws in
      house.upstreams[0].defaultScript = try Script(parsing: "fault=status:503")
      let response = try house.ask(chat(model: "first"))
      #expect(response.status == 200)
      #expect(response.header("x-sluice-model") == "first")
      let asked = house.upstreams.flatMap { $0.seen.requests.map(\.bodyText) }
      try #require(asked.count == 2)
      #expect(asked[0].contains("\"model\":\"a-large\"") && asked[0].contains("include_usage"))
      #expect(asked[1].contains("\"model\":\"b-small\""))
      #expect(!asked[1].contains("include_usage"), "\(asked[1])")
      let log = try await house.log(count: 1)
      #expect(log[0]["upstream_model"] as? String == "b-small")
      #expect(log[0]["model"] as? String == "first")
    }
  }

  @Test("the record names the model that was asked of who answered")
  func recordedModel() async throws {
    try await House.story(
      upstreams: 2,
      configuration: {
        "anonymous: true\n" + House.upstreams($0)
          + "models:\n  m: { serve: [{ upstream: a, model: a-large }, { upstream: b, model: m }] }\n"
      }
    ) { house async throws in
      house.upstreams[0].defaultScript = try Script(parsing: "fault=status:503")
      #expect(try house.ask(chat()).header("x-sluice-upstream") == "b")
      #expect(house.upstreams[1].seen.requests.first?.bodyText.contains("\"model\":\"m\"") == true)
      let log = try await house.log(count: 1)
      #expect(log[0]["upstream_model"] as? String != "a-large")
    }
  }

  @Test("with 401, the client learns neither its words nor that a key is wrong with it")
  func upstreamUnauthorized() async throws {
    try await House.story { house async throws in
      house.upstream.defaultScript = try Script(parsing: "fault=status:401")
      let response = try house.ask(chat())
      #expect(response.status == 502)
      #expect(try errorCode(response) == "upstream_unauthorized")
      #expect(!response.text.contains("Incorrect"))
      #expect(response.header("www-authenticate") == nil)
    }
  }

  @Test("with a web page, the client gets OpenAI's form, the status and retry-after")
  func foreignError() async throws {
    try await House.story { house async throws in
      let client = try house.client()
      for stream in [true, false] {
        try client.post("/v1/chat/completions", chat("fault=htmlError retryAfter=3", stream: stream))
        let response = try client.readResponse()
        #expect(response.status == 502)
        #expect(response.header("retry-after") == "3")
        #expect(response.header("content-type") == "application/json")
        #expect(try errorCode(response) == "upstream_error")
        #expect(!response.text.contains("nginx"))
      }
    }
  }

  @Test("with an error of its own in JSON, it is passed on as it is", arguments: [400, 422, 429, 500])
  func ownError(status: Int) async throws {
    try await House.story { house async throws in
      let client = try house.client()
      try client.post("/v1/chat/completions", chat("fault=status:\(status) retryAfter=2"))
      let response = try client.readResponse()
      #expect(response.status == status)
      #expect(response.header("retry-after") == "2")
      #expect(try errorObject(response.body)["message"] as? String != nil)
      try client.post("/v1/chat/completions", chat("events=1"))
      #expect(try client.readResponse().status == 200)
      let log = try await house.log(count: 2)
      #expect(log[0]["outcome"] as? String == "upstream_error")
    }
  }

  @Test("whose pool is full, the next is asked; with none left 503 and retry-after")
  func fullPool() async throws {
    try await House.story(options: "pool: { maxSessions: 1, maxQueue: 0 }") { house async throws in
      let first = try house.client()
      try first.post("/v1/chat/completions", chat("events=100000 gap=5ms"))
      _ = try first.read(until: "data: ")
      let response = try house.ask(chat("events=1"))
      #expect(response.status == 503)
      #expect(try errorCode(response) == "upstream_overloaded")
      #expect(response.header("retry-after") == "1")
    }
  }

  @Test("a client that leaves while it waits for a session leaves nothing behind")
  func leavesWhileWaiting() async throws {
    try await House.story(options: "pool: { maxSessions: 1, queueTimeout: 60s }") { house async throws in
      let first = try house.client()
      try first.post("/v1/chat/completions", chat("events=100000 gap=50ms"))
      _ = try first.read(until: "data: ")
      let second = try house.client()
      try second.post("/v1/chat/completions", chat("events=1"))
      #expect(await eventually { await house.pool().waiting == 1 })
      second.close()
      #expect(await eventually { await house.pool().waiting == 0 })
      first.close()
      #expect(try house.ask(chat("events=1")).status == 200)
    }
  }
}
