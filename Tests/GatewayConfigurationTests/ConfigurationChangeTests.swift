import GatewayConfiguration
import Testing

@Suite("What a reload changes")
struct ConfigurationChangeTests {
  private func changes(_ old: String, _ new: String) throws -> [String] {
    try parse(minimal + old).changes(to: parse(minimal + new)).map { "\($0.path) \($0.reload.rawValue)" }
  }

  @Test("nothing when nothing did")
  func same() throws { #expect(try changes("log: { level: debug }", "log: { level: debug }").isEmpty) }

  @Test("keys that need a restart are told apart from those that do not")
  func restart() throws {
    #expect(
      try changes(
        "server: { drain: 1s }",
        "server: { listen: 127.0.0.1:9, reactors: 2, drain: 2s, timeouts: { idle: 1s } }\nlog: { level: error }")
        == [
          "server.listen restart", "server.reactors restart", "server.drain live", "server.timeouts.idle live",
          "log.level live",
        ])
    #expect(try changes("", "admin: off") == ["admin restart"])
    #expect(try changes("", "admin: { listen: 127.0.0.1:9 }") == ["admin.listen restart"])
  }

  @Test("limits and prices are live, each by its name; the store takes a restart")
  func limits() throws {
    let old = "limits: { a: { requests: 1, per: second }, b: { requests: 1, per: second }, c: { concurrency: 3 } }"
    #expect(try changes(old, old).isEmpty)
    #expect(
      try changes(old, "limits: { a: { requests: 2, per: second }, c: { concurrency: 3 }, d: { tokens: 3, per: day } }")
        == ["limits.b live", "limits.a live", "limits.d live"])
    #expect(try changes("", "redis: { url: redis://a }") == ["redis restart"])
    #expect(try changes("redis: { url: redis://a }", "redis: { url: redis://a, timeout: 10ms }") == ["redis restart"])
    #expect(try changes("redis: { url: redis://a }", "redis: { url: redis://a, timeout: 20ms }").isEmpty)
    let priced = try parse(
      minimal.replacing("{ serve: local }", with: "{ serve: local, price: { input: 1, output: 2 } }"))
    #expect(try parse(minimal).changes(to: priced) == [ConfigurationChange(path: "models.llama", reload: .live)])
  }

  @Test("upstreams, models, consumers and routes are told by name, and are live")
  func named() throws {
    let old = try parse(
      "anonymous: true\nupstreams: { a: { provider: ollama }, b: { provider: vllm } }\nmodels: { m: { serve: a }, n: { serve: a } }"
    )
    let new = try parse(
      "anonymous: true\nupstreams: { a: { provider: ollama, dnsRefresh: 1s }, c: { provider: vllm } }\nmodels: { n: { serve: a }, m: { serve: a } }\nroutes: [{ path: /v1/x, upstream: a }]"
    )
    let changes = old.changes(to: new)
    #expect(changes.map(\.path) == ["upstreams.b", "upstreams.a", "upstreams.c", "models", "routes"])
    #expect(changes.allSatisfy { $0.reload == .live })
  }
}
