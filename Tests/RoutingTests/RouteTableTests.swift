import GatewayConfiguration
import Routing
import Testing

@Suite("Where a model's requests go")
struct RouteTableTests {
  static let text = """
    anonymous: true
    upstreams:
      deepseek: { provider: deepseek, apiKeys: [k] }
      qwq: { provider: vllm, baseURL: http://10.0.0.5:8000/v1 }
      openai-eu: { provider: openai, apiKeys: [k] }
      openai-us: { provider: openai, apiKeys: [k] }
    models:
      deepseek-r1:
        serve: [{ upstream: deepseek, model: deepseek-reasoner }]
        aliases: [r1, "deepseek/r1"]
        fallback: [qwq-32b, gpt-4o]
      qwq-32b:
        serve: [{ upstream: qwq, model: Qwen/QwQ-32B }]
        fallback: [gpt-4o]
      gpt-4o: { serve: [openai-eu, openai-us], aliases: [best] }
      "gpt-*": { serve: openai-us, ownedBy: openai }
      "gpt-4*": { serve: openai-eu, fallback: [qwq-32b] }
      o-series: { match: { regex: 'o[0-9]+(-mini)?' }, serve: openai-eu }
      o-any: { match: { regex: 'o.*' }, serve: openai-us }
    """

  static func table(_ text: String = RouteTableTests.text) throws -> RouteTable {
    try RouteTable(GatewaySettings.parse(text, fileName: "t.yaml", variables: { _ in nil }, hashKey: { _ in [] }))
  }

  /// The ways in words: `upstream:model`, with `=` for the name as it was asked.
  private func ways(_ name: String, _ table: RouteTable) -> [String]? {
    let upstreams = ["deepseek", "qwq", "openai-eu", "openai-us"]
    return table.resolve(name)?.candidates.map {
      "\(upstreams[$0.upstreamIndex]):" + ($0.upstreamModel.map { String(decoding: $0, as: UTF8.self) } ?? "=")
    }
  }

  @Test("an exact name goes to its upstreams, then to its fallbacks', each way once")
  func exact() throws {
    let table = try Self.table()
    #expect(
      ways("deepseek-r1", table) == [
        "deepseek:deepseek-reasoner", "qwq:Qwen/QwQ-32B", "openai-eu:gpt-4o", "openai-us:gpt-4o",
      ])
    #expect(ways("gpt-4o", table) == ["openai-eu:=", "openai-us:="])
    #expect(table.resolve("deepseek-r1").flatMap(table.modelName) == "deepseek-r1")
  }

  @Test("an alias goes where its model goes, sends the model's own name and keeps its own in the answer")
  func alias() throws {
    let table = try Self.table()
    #expect(ways("best", table) == ["openai-eu:gpt-4o", "openai-us:gpt-4o"])
    #expect(table.resolve("best")?.publicName == "best")
    #expect(table.resolve("best").flatMap(table.modelName) == "gpt-4o")
    #expect(ways("r1", table)?.first == "deepseek:deepseek-reasoner")
  }

  @Test("provider/model passes the rest on, by an upstream's name or by its preset's, after exact names and aliases")
  func provider() throws {
    let table = try Self.table()
    #expect(ways("qwq/Qwen/Qwen3-8B", table) == ["qwq:Qwen/Qwen3-8B"])
    #expect(ways("vllm/x", table) == ["qwq:x"])
    #expect(ways("openai/gpt-5", table) == ["openai-eu:gpt-5"], "the first upstream of that preset")
    #expect(ways("openai-us/gpt-5", table) == ["openai-us:gpt-5"])
    #expect(ways("deepseek/r1", table)?.first == "deepseek:deepseek-reasoner", "the alias goes first")
    #expect(table.resolve("qwq/x").flatMap(table.modelName) == nil)
    for name in ["nobody/x", "qwq/", "/x", "/", "anthropic/claude"] { #expect(table.resolve(name) == nil, "\(name)") }
  }

  @Test("of prefixes the longest takes a name, and expressions come last in file order")
  func patterns() throws {
    let table = try Self.table()
    #expect(ways("gpt-3.5", table) == ["openai-us:="])
    #expect(ways("gpt-4.1", table) == ["openai-eu:=", "qwq:Qwen/QwQ-32B", "openai-eu:gpt-4o", "openai-us:gpt-4o"])
    #expect(ways("gpt-", table) == ["openai-us:="])
    #expect(ways("o3-mini", table) == ["openai-eu:="])
    #expect(ways("o3-max", table) == ["openai-us:="])
    #expect(table.resolve("gpt-3.5")?.publicName == "gpt-3.5")
    #expect(table.resolve("gpt-3.5").flatMap(table.modelName) == "gpt-*")
  }

  @Test("unknown names, the empty name, and names beyond the bound go nowhere")
  func unknown() throws {
    let table = try Self.table()
    for name in ["", "gpt", "deepseek-r1 ", "DEEPSEEK-R1", "claude", String(repeating: "o", count: 257)] {
      #expect(table.resolve(name) == nil || name == "\(name)")
    }
    #expect(table.resolve("gpt-" + String(repeating: "4", count: 252)) != nil)
    #expect(table.resolve("gpt-" + String(repeating: "4", count: 253)) == nil)
    let broken: [UInt8] = [0xFF, 0xC0, 0x00, 0x2F]
    #expect(table.resolve(broken.span.bytes) == nil)
  }

  @Test("a catch-all takes what nothing else does")
  func catchAll() throws {
    let table = try Self.table(
      "anonymous: true\nupstreams: { a: { provider: ollama }, b: { provider: vllm } }\nmodels: { \"*\": { serve: a }, x: { serve: b } }"
    )
    #expect(table.resolve("anything")?.candidates.map(\.upstreamIndex) == [0])
    #expect(table.resolve("x")?.candidates.map(\.upstreamIndex) == [1])
    #expect(table.resolve("b/y")?.candidates.map(\.upstreamIndex) == [1])
  }

  @Test("upstreams of the environment are reached as provider/model")
  func environment() throws {
    let variables = ["OPENAI_API_KEY": "k", "OLLAMA_BASE_URL": "http://gpu:11434"]
    let settings = try #require(try GatewaySettings.fromEnvironment { variables[$0] })
    let table = try RouteTable(settings)
    let route = try #require(table.resolve("ollama/llama3:8b"))
    #expect(settings.upstreams[route.candidates[0].upstreamIndex].name == "ollama")
    #expect(route.candidates[0].upstreamModel == Array("llama3:8b".utf8))
    #expect(table.resolve("openai/gpt-4o") != nil)
    #expect(table.resolve("gpt-4o") == nil)
  }

  @Test("a table of many names finds each, and nothing else")
  func many() throws {
    var settings = GatewaySettings(upstreams: [UpstreamSettings(name: "u", provider: .openAICompatible)])
    settings.models = (0..<5000).map {
      ModelSettings(name: "model-\($0)", serve: [ServeSettings(upstream: "u", model: "m\($0)")])
    }
    let table = try RouteTable(settings)
    for index in 0..<5000 { #expect(table.resolve("model-\(index)")?.modelIndex == index) }
    for index in 5000..<10_000 { #expect(table.resolve("model-\(index)") == nil) }
  }

  @Test("settings put together wrongly are refused, not half used")
  func wrongSettings() {
    let upstream = UpstreamSettings(name: "u", provider: .openAICompatible)
    func model(_ upstream: String, match: ModelMatch = .exact, fallback: [String] = []) -> ModelSettings {
      ModelSettings(name: "m", match: match, serve: [ServeSettings(upstream: upstream)], fallback: fallback)
    }
    #expect(throws: RoutingError.unknownUpstream(model: "m", upstream: "v")) {
      try RouteTable(GatewaySettings(upstreams: [upstream], models: [model("v")]))
    }
    #expect(throws: RoutingError.unknownFallback(model: "m", fallback: "n")) {
      try RouteTable(GatewaySettings(upstreams: [upstream], models: [model("u", fallback: ["n"])]))
    }
    #expect(throws: RoutingError.invalidPattern(model: "m")) {
      try RouteTable(GatewaySettings(upstreams: [upstream], models: [model("u", match: .regex("("))]))
    }
  }

  @Test("a circle of fallbacks, which no file can have, ends")
  func circle() throws {
    let settings = GatewaySettings(
      upstreams: [UpstreamSettings(name: "u", provider: .openAICompatible)],
      models: [
        ModelSettings(name: "a", serve: [ServeSettings(upstream: "u", model: "x")], fallback: ["b"]),
        ModelSettings(name: "b", serve: [ServeSettings(upstream: "u", model: "y")], fallback: ["a"]),
      ])
    #expect(try RouteTable(settings).resolve("a")?.candidates.count == 2)
  }
}
