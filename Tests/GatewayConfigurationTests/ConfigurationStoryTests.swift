import GatewayConfiguration
import Testing

@Suite("Reading a configuration")
struct ConfigurationStoryTests {
  static let digest = String(repeating: "ab", count: 32)

  static let example = """
    server: { listen: 0.0.0.0:8080, drain: 30s }
    admin:  { listen: 127.0.0.1:8001 }
    redis:  { url: redis://localhost:6379 }

    upstreams:
      deepseek:
        provider: deepseek
        apiKeys: ["${DEEPSEEK_API_KEY}"]
        pool:     { maxSessions: 256, minIdle: 8, maxQueue: 512, queueTimeout: 2s, idleTimeout: 60s }
        timeouts: { connect: 2s, firstToken: 15s, betweenTokens: 10s, total: 10m }
      qwq:
        provider: vllm
        endpoints: [{ url: http://10.0.0.5:8000/v1 }, { url: http://10.0.0.6:8000/v1, weight: 2 }]
        balance: leastRequests

    models:
      deepseek-r1:
        serve: [{ upstream: deepseek, model: deepseek-reasoner }]
        fallback: [qwq-32b]
        price: { input: 0.14, output: 2.19 }
        vocabulary: deepseek
      qwq-32b:
        serve: [{ upstream: qwq, model: Qwen/QwQ-32B }]
        price: { input: 0.20, output: 0.20 }
        vocabulary: qwen

    consumers:
      research: { keys: ["sha256:\(digest)"], models: [deepseek-r1, qwq-32b] }

    limits:
      r1-per-minute: { match: { model: deepseek-r1 }, each: consumer, tokens: 100000, per: minute, onExceeded: fallback }
      research-month: { match: { consumer: research }, budget: 500, currency: USD, per: month, onExceeded: error }
    """

  @Test("the design's example means what it says")
  func designExample() throws {
    let settings = try parse(Self.example, ["DEEPSEEK_API_KEY": "sk-deep"])
    #expect(settings.server.listen == [ListenAddress(host: "0.0.0.0", port: 8080)])
    #expect(settings.server.drain == .seconds(30))
    #expect(settings.admin?.listen == ListenAddress(host: "127.0.0.1", port: 8001))
    #expect(settings.upstreams.map(\.name) == ["deepseek", "qwq"])
    let deepseek = settings.upstreams[0]
    #expect(deepseek.endpoints.map(\.url.description) == ["https://api.deepseek.com/v1"])
    #expect(deepseek.apiKeys.map { $0.reveal() } == ["sk-deep"])
    #expect(deepseek.pool.minIdle == 8)
    #expect(deepseek.timeouts.firstToken == .seconds(15))
    #expect(deepseek.timeouts.total == .seconds(600))
    let qwq = settings.upstreams[1]
    #expect(qwq.endpoints.map(\.weight) == [1, 2])
    #expect(qwq.endpoints.map(\.url.authority) == ["10.0.0.5:8000", "10.0.0.6:8000"])
    #expect(qwq.balance == .leastRequests)
    #expect(
      settings.models == [
        ModelSettings(
          name: "deepseek-r1", serve: [ServeSettings(upstream: "deepseek", model: "deepseek-reasoner")],
          fallback: ["qwq-32b"], vocabulary: .deepseek, price: ModelPrice(input: 140_000, output: 2_190_000)),
        ModelSettings(
          name: "qwq-32b", serve: [ServeSettings(upstream: "qwq", model: "Qwen/QwQ-32B")], vocabulary: .qwen,
          price: ModelPrice(input: 200_000, output: 200_000)),
      ])
    #expect(
      settings.consumers == [
        ConsumerSettings(
          name: "research", keys: [try #require(KeyDigest(hexadecimal: Self.digest))],
          models: ["deepseek-r1", "qwq-32b"])
      ])
    #expect(!settings.anonymous)
    #expect(settings.redis == RedisStoreSettings(url: try #require(RedisStoreURL("redis://localhost:6379"))))
    #expect(
      settings.limits == [
        LimitSettings(
          name: "r1-per-minute", quantity: .tokens(LimitWeights()), window: .sliding(.seconds(60)),
          match: LimitMatch([LimitCondition(.model, [.exact("deepseek-r1")])]), amounts: [LimitAmount(units: 100_000)],
          each: [.consumer], onExceeded: .fallback),
        LimitSettings(
          name: "research-month", quantity: .budget(currency: "USD"), window: .calendar(.month, timeZone: "UTC"),
          match: LimitMatch([LimitCondition(.consumer, [.exact("research")])]),
          amounts: [LimitAmount(units: 500_000_000)], each: [.consumer], onExceeded: .error),
      ])
  }

  @Test("a model's invisible tokens and media are declared one by one, the others keep their defaults")
  func modelTokens() throws {
    let text = """
      anonymous: true
      upstreams:
        local: { provider: vllm, baseURL: http://10.0.0.5:8000/v1 }
      models:
        qwen: { serve: local, tokens: { image: 1200, imageLow: 0, message: 5, reply: 3, answer: 1, reasoning: 1, toolCall: 8 } }
        other: { serve: local }
      """
    let models = try parse(text).models
    var expected = ModelTokenSettings()
    expected.image = 1200
    expected.imageLow = 0
    expected.message = 5
    expected.reply = 3
    expected.answer = 1
    expected.reasoning = 1
    expected.toolCall = 8
    #expect(models.first?.tokens == expected && models.last?.tokens == ModelTokenSettings())
    #expect(expected.audio == 300 && expected.file == 1500)
    let wrong = problems(text.replacing("image: 1200", with: "image: -1").replacing("answer: 1", with: "answers: 1"))
    #expect(wrong.count == 2)
    #expect(wrong.first?.contains("models.qwen.tokens.image: -1 is out of range") == true)
    #expect(wrong.last?.contains("Did you mean answer?") == true)
  }

  @Test("an endpoint may be written without quotes in block style, an IPv6 address included")
  func blockStyleEndpoints() throws {
    let settings = try parse(
      """
      anonymous: true
      upstreams:
        a:
          provider: vllm
          endpoints:
            - http://[fd00::1]:8000/v1
            - url: https://b.example/v1/
              weight: 3
      """)
    #expect(settings.upstreams[0].endpoints.map(\.url.host) == ["fd00::1", "b.example"])
    #expect(settings.upstreams[0].endpoints.map(\.url.pathPrefix) == ["/v1", "/v1"])
    #expect(settings.upstreams[0].endpoints.map(\.url.authority) == ["[fd00::1]:8000", "b.example"])
    #expect(settings.upstreams[0].endpoints.map(\.weight) == [1, 3])
  }

  @Test("what is left out has the default of its property")
  func defaults() throws {
    let settings = try parse(minimal)
    #expect(settings.server == ServerSettings())
    #expect(settings.admin == AdminSettings())
    #expect(settings.log == LogSettings())
    #expect(settings.upstreams[0].pool == PoolSettings())
    #expect(settings.upstreams[0].endpoints.map(\.url.description) == ["http://127.0.0.1:11434/v1"])
    #expect(settings.models[0].serve == [ServeSettings(upstream: "local", model: nil)])
  }

  @Test("every key of every section is read into its property")
  func everyKey() throws {
    let settings = try parse(
      """
      server:
        listen: ["127.0.0.1:1", "[::1]:2"]
        reactors: 3
        pinThreads: true
        drain: 1m30s
        connectionsMax: 20000
        bodyBytesMax: 10MB
        headBytesMax: 32KiB
        headerCountMax: 50
        timeouts: { head: 1s, body: 2s, idle: 3s, write: 250ms }
        trustedProxies: [10.0.0.0/8, "fd00::/8"]
      admin: off
      log: { level: debug, format: text, access: false, accessFile: /var/log/sluice.log }
      upstreams:
        a:
          provider: custom
          baseURL: https://a.example:444/v1
          apiKeys: [one, two]
          authentication: api-key
          headers: { X-Team: core }
          usage: false
          balance: random
          pool: { maxSessions: 1, minIdle: 1, maxQueue: 2, queueTimeout: 3s, idleTimeout: 4s, maxRequestsPerSession: 5 }
          timeouts: { connect: 1s, firstToken: 2s, betweenTokens: 3s, total: 4s }
          tls: { caFile: ca.pem, certificateFile: c.pem, keyFile: k.pem, serverName: s.example, verify: false }
          dnsRefresh: 5s
      models:
        fine: { serve: [a, {upstream: a, model: b}], aliases: [good], ownedBy: me }
        "gpt-*": { serve: a }
        any: { match: { regex: '^o[0-9]$' }, serve: a }
      anonymous: true
      routes:
        - { path: /v1/files, upstream: a, methods: [GET, POST] }
        - { pathPrefix: /v1/files, upstream: a, consumers: [anonymous] }
      """)
    #expect(settings.server.listen == [.init(host: "127.0.0.1", port: 1), .init(host: "::1", port: 2)])
    #expect(settings.server.reactors == 3)
    #expect(settings.server.pinThreads)
    #expect(settings.server.drain == .seconds(90))
    #expect(settings.server.connectionsMax == 20_000)
    #expect(settings.server.bodyBytesMax == 10_000_000)
    #expect(settings.server.headBytesMax == 32 * 1024)
    #expect(settings.server.headerCountMax == 50)
    #expect(settings.server.timeouts.head == .seconds(1))
    #expect(settings.server.timeouts.body == .seconds(2))
    #expect(settings.server.timeouts.idle == .seconds(3))
    #expect(settings.server.timeouts.write == .milliseconds(250))
    #expect(settings.server.trustedProxies.map(\.description) == ["10.0.0.0/8", "fd00::/8"])
    #expect(settings.admin == nil)
    #expect(settings.log.level == .debug)
    #expect(settings.log.format == .text)
    #expect(!settings.log.access)
    #expect(settings.log.accessFile == "/var/log/sluice.log")
    let upstream = settings.upstreams[0]
    #expect(upstream.endpoints[0].url.port == 444)
    #expect(upstream.apiKeys == [Secret("one"), Secret("two")])
    #expect(upstream.authentication == .apiKey)
    #expect(upstream.headers == [HeaderSetting(name: "X-Team", value: Secret("core"))])
    #expect(!upstream.asksForUsage)
    #expect(upstream.balance == .random)
    #expect(upstream.pool.maxRequestsPerSession == 5)
    #expect(upstream.pool.idleTimeout == .seconds(4))
    #expect(upstream.timeouts.betweenTokens == .seconds(3))
    #expect(upstream.tls.caFile == "ca.pem")
    #expect(upstream.tls.certificateFile == "c.pem")
    #expect(upstream.tls.keyFile == "k.pem")
    #expect(upstream.tls.serverName == "s.example")
    #expect(!upstream.tls.verify)
    #expect(upstream.dnsRefresh == .seconds(5))
    #expect(settings.models.map(\.match) == [.exact, .prefix("gpt-"), .regex("^o[0-9]$")])
    #expect(settings.models[0].aliases == ["good"])
    #expect(settings.models[0].ownedBy == "me")
    #expect(
      settings.routes == [
        RouteSettings(path: .exact("/v1/files"), upstream: "a", methods: ["GET", "POST"]),
        RouteSettings(path: .prefix("/v1/files"), upstream: "a", consumers: ["anonymous"]),
      ])
  }

  @Test("a preset brings its header, its key's place and whether usage may be asked for; the file goes before it")
  func presets() throws {
    let settings = try parse(
      """
      anonymous: true
      upstreams:
        claude: { provider: anthropic, apiKeys: [k] }
        newer: { provider: anthropic, apiKeys: [k], headers: { Anthropic-Version: "2030-01-01" } }
        mistral: { provider: mistral, apiKeys: [k] }
        forced: { provider: mistral, apiKeys: [k], usage: true }
      """)
    #expect(settings.upstreams[0].authentication == .xAPIKey)
    #expect(settings.upstreams[0].headers == [HeaderSetting(name: "anthropic-version", value: Secret("2023-06-01"))])
    #expect(settings.upstreams[1].headers == [HeaderSetting(name: "Anthropic-Version", value: Secret("2030-01-01"))])
    #expect(settings.upstreams.map(\.asksForUsage) == [true, true, false, true])
  }

  @Test("a hosted preset needs no key at another address, or with a header of the file's own")
  func keyless() throws {
    let settings = try parse(
      """
      anonymous: true
      upstreams:
        simulator: { provider: openai, baseURL: http://127.0.0.1:9000/v1 }
        signed: { provider: openai, headers: { Authorization: "Bearer ${K}" } }
      """, ["K": "x"])
    #expect(settings.upstreams.allSatisfy { $0.apiKeys.isEmpty })
  }

  @Test("every preset's base URL is one, and no two presets share a name")
  func presetsAreSound() {
    for preset in ProviderPreset.all {
      if let text = preset.baseURL { #expect(UpstreamURL(text)?.description == text, "\(preset.name)") }
    }
    #expect(Set(ProviderPreset.all.map(\.name)).count == ProviderPreset.all.count)
  }

  @Test("a consumer's key may come in clear from a variable, and is kept as its hash only")
  func keyFromVariable() throws {
    let text = minimal + "consumers: { team: { keys: [\"${TEAM_KEY}\", \"${OTHER}\"] } }"
    let settings = try parse(text, ["TEAM_KEY": "sk-0123456789abcdef", "OTHER": "sha256:\(Self.digest)"])
    #expect(
      settings.consumers[0].keys.map(\.bytes) == [stubHash("sk-0123456789abcdef"), [UInt8](repeating: 0xAB, count: 32)])
    #expect(settings.consumers[0].models == nil)
  }

  @Test("anchors and merges save repetition; a key of the mapping itself goes before a merged one")
  func anchors() throws {
    let settings = try parse(
      """
      anonymous: true
      upstreams:
        a: &base
          provider: vllm
          pool: &pool { maxSessions: 7 }
        b:
          <<: *base
          baseURL: http://b:1/v1
        c: { <<: *base, pool: { maxSessions: 9 } }
        d: { provider: ollama, pool: *pool }
      """)
    #expect(settings.upstreams.map(\.pool.maxSessions) == [7, 7, 9, 7])
    #expect(settings.upstreams.map(\.provider.name) == ["vllm", "vllm", "vllm", "ollama"])
  }

  @Test("variables: value, default, default for an empty one, escape, and a dollar sign alone")
  func variables() throws {
    let text = """
      anonymous: true
      server: { listen: "${HOST:-127.0.0.1}:${PORT}", reactors: "${R:-2}" }
      log: { accessFile: "$$${A}$/b" }
      upstreams: { a: { provider: ollama } }
      """
    let settings = try parse(text, ["PORT": "9000", "R": "", "A": "x"])
    #expect(settings.server.listen == [ListenAddress(host: "127.0.0.1", port: 9000)])
    #expect(settings.server.reactors == 2)
    #expect(settings.log.accessFile == "$x$/b")
  }
}
