import Gateway
import GatewayConfiguration
import ScriptedUpstream
import TestKit
import Testing
import Upstreams

@Suite("A gateway that lives on")
struct ReloadStories {
  private func base(_ ports: [UInt16], _ rest: String = "") -> String {
    "anonymous: true\n" + House.upstreams(ports) + House.models(ports.count) + rest
  }

  @Test("takes a new configuration without touching a running stream, and closes what it no longer knows")
  func upstreamRemoved() async throws {
    try await House.story(upstreams: 2) { house async throws in
      let running = try house.client()
      let script = "events=400 gap=1ms"
      try running.post("/v1/chat/completions", chat(script))
      _ = try running.read(until: "\r\n\r\n")
      let text =
        "anonymous: true\nupstreams:\n  b: { provider: vllm, baseURL: http://127.0.0.1:\(house.upstreams[1].port)/v1,"
        + " apiKeys: [\(House.upstreamKey)] }\nmodels:\n  m: { serve: b }\n"
      try await house.gateway.reload(try House.settings(text))
      #expect(house.gateway.generation == 2)
      #expect(try house.ask(chat("events=1")).header("x-sluice-upstream") == "b")
      let rest = try running.read(until: "0\r\n\r\n")
      #expect(String(decoding: rest, as: UTF8.self).contains("[DONE]"))
      #expect(waitUntil { house.upstreams[0].seen.connectionsOpen == 0 })
    }
  }

  @Test("sends new requests to new endpoints")
  func endpointsChanged() async throws {
    try await House.story(upstreams: 2, configuration: { self.base([$0[0]]) }) { house async throws in
      #expect(try house.ask(chat("events=1")).status == 200)
      try await house.gateway.reload(try House.settings(base([house.upstreams[1].port])))
      #expect(try house.ask(chat("events=1")).status == 200)
      #expect(house.upstreams.map(\.seen.requestsTotal) == [1, 1])
      #expect(waitUntil { house.upstreams[0].seen.connectionsOpen == 0 })
    }
  }

  @Test("keeps its sessions over a reload that does not concern them, and knows a new consumer")
  func consumerAdded() async throws {
    try await House.story(configuration: {
      House.upstreams($0) + House.models(1) + "consumers: { c: { keys: [\"${ONE}\"] } }\n"
    }) {
      house async throws in
      let client = try house.client()
      try client.post("/v1/chat/completions", chat("events=1"), headers: "api-key: sk-one-0123456789\r\n")
      #expect(try client.readResponse().status == 200)
      #expect(try house.ask(chat(), headers: "api-key: sk-two-0123456789\r\n").status == 401)
      let text = House.upstreams([house.upstream.port]) + House.models(1)
      try await house.gateway.reload(
        try House.settings(text + "consumers: { c: { keys: [\"${ONE}\"] }, d: { keys: [\"${TWO}\"] } }\n"))
      #expect(try house.ask(chat("events=1"), headers: "api-key: sk-two-0123456789\r\n").status == 200)
      try await house.gateway.reload(try House.settings(text + "consumers: { d: { keys: [\"${TWO}\"] } }\n"))
      // A revoked key is refused also on a connection that it opened.
      try client.post("/v1/chat/completions", chat("events=1"), headers: "api-key: sk-one-0123456789\r\n")
      #expect(try client.readResponse().status == 401)
      #expect(house.upstream.seen.connectionsOpened == 1)
    }
  }

  @Test("changes nothing when the new configuration cannot be used")
  func invalid() async throws {
    try await House.story { house async throws in
      let good = House.upstreams([house.upstream.port], options: "pool: { maxSessions: 1 }")
      let missing = "tls: { caFile: /nonexistent/ca.pem }"
      let bad = "  z: { provider: vllm, baseURL: https://127.0.0.1:1/v1, \(missing) }\n"
      let settings = try House.settings("anonymous: true\n" + good + bad + House.models(1))
      await #expect(throws: GatewayStartError.self) { try await house.gateway.reload(settings) }
      #expect(house.gateway.generation == 1)
      // The old pool's bounds hold: two streams at once.
      let first = try house.client()
      try first.post("/v1/chat/completions", chat("events=100000 gap=5ms"))
      _ = try first.read(until: "data: ")
      #expect(try house.ask(chat("events=1")).status == 200)
    }
  }

  @Test("serves without a failure while it is reloaded again and again")
  func reloadUnderLoad() async throws {
    try await House.story(upstreams: 2, reactors: 2) { house async throws in
      let ports = house.upstreams.map(\.port)
      for round in 0..<30 {
        let client = try house.client()
        try client.post("/v1/chat/completions", chat("events=10 gap=1ms"))
        try await house.gateway.reload(try House.settings(base(round % 2 == 0 ? [ports[1], ports[0]] : ports)))
        #expect(try client.readResponse().body == (try expected("events=10 gap=1ms")))
      }
    }
  }

  @Test("drains: the port closes, a running stream finishes, readiness is off")
  func drain() async throws {
    try await House.story { house async throws in
      let running = try house.client()
      try running.post("/v1/chat/completions", chat("events=200 gap=1ms"))
      _ = try running.read(until: "\r\n\r\n")
      let gateway = house.gateway
      async let cut = gateway.drain(within: .seconds(10))
      #expect(await eventually { !gateway.isReady })
      let rest = try running.read(until: "0\r\n\r\n")
      #expect(String(decoding: rest, as: UTF8.self).contains("[DONE]"))
      // Waited for before anything blocks: draining needs a thread as well.
      #expect(await cut == 0)
      #expect(running.readSome() == .end)
      running.close()
      #expect(throws: TestKitError.self) { try house.client() }
    }
  }

  @Test("drains: what is left at the deadline ends with an error event and is counted")
  func drainDeadline() async throws {
    try await House.story { house async throws in
      let running = try house.client()
      try running.post("/v1/chat/completions", chat("events=100000 gap=20ms"))
      _ = try running.read(until: "\r\n\r\n")
      let waiting = try house.client()
      try waiting.post("/v1/chat/completions", chat("headDelay=60s"))
      #expect(waitUntil { house.upstream.seen.requestsTotal == 2 })
      #expect(await house.gateway.drain(within: .milliseconds(30)) == 2)
      let (bytes, ending) = running.readAll()
      let text = String(decoding: bytes, as: UTF8.self)
      #expect(ending == .end)
      #expect(text.contains("\"code\":\"shutting_down\"") && text.hasSuffix("0\r\n\r\n") && !text.contains("[DONE]"))
      #expect(try waiting.readResponse().status == 503)
      #expect(waitUntil { house.upstream.seen.connectionsOpen == 0 })
    }
  }

  @Test("drains: a whole answer that a slow client is still reading is not cut")
  func drainSlowReader() async throws {
    try await House.story { house async throws in
      var settings = house.gateway.settings
      settings.models = (0..<80_000).map {
        ModelSettings(name: "model-\($0)", serve: [ServeSettings(upstream: "a", model: nil)])
      }
      try await house.gateway.reload(settings)
      let client = try house.client(receiveBufferBytes: 4096)
      try client.send("GET /v1/models HTTP/1.1\r\nHost: t\r\n\r\n")
      // The gateway is done with the request; what it holds has yet to be read.
      #expect(try await house.log(count: 1).count == 1)
      let gateway = house.gateway
      async let cut = gateway.drain(within: .seconds(10))
      #expect(await eventually { !gateway.isReady })
      let response = try client.readResponse()
      #expect(response.body.count > 4_000_000 && response.text.hasSuffix("]}"))
      client.close()
      #expect(await cut == 0)
    }
  }
}
