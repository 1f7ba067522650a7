import GatewayConfiguration
import Testing

@Suite("Problems of a configuration")
struct ConfigurationProblemTests {
  @Test("all problems are told at once, in file order, each with its place and mend")
  func allAtOnce() {
    let found = problems(
      """
      server:
        drian: 30s
        reactors: many
        pinThreads: yes
      upstreams:
        deepseek:
          provider: depseek
          pool: { maxSesions: 256 }
        qwq:
          provider: vllm
          timeouts: { connect: 2 }
      models:
        r1: { serve: [{ upstream: deepsek }], fallback: [r2] }
      """)
    #expect(
      found == [
        "sluice.yaml:1:1: consumers: nobody may use this gateway. Declare consumers with keys, or write `anonymous: true` to serve everyone who reaches the port",
        "sluice.yaml:2:3: server.drian: unknown key. Did you mean drain?",
        "sluice.yaml:3:13: server.reactors: expected a whole number, found `many`",
        "sluice.yaml:4:15: server.pinThreads: expected true or false, found `yes`. Write true or false; yes, no, on and off are not taken",
        "sluice.yaml:7:15: upstreams.deepseek.provider: `depseek` is no known provider. Did you mean deepseek?",
        "sluice.yaml:8:13: upstreams.deepseek.pool.maxSesions: unknown key. Did you mean maxSessions?",
        "sluice.yaml:11:26: upstreams.qwq.timeouts.connect: expected a time, found `2`. Write a number with its unit: ms, s, m, h, d; for example 30s",
        "sluice.yaml:13:29: models.r1.serve[0].upstream: no upstream `deepsek`. Did you mean deepseek?",
        "sluice.yaml:13:52: models.r1.fallback[0]: no model `r2`. Did you mean r1?",
      ])
  }

  static let singles: [(String, String)] = [
    ("limits: []", "7:9: limits: expected names, each with keys below it, found a list"),
    ("price: { input: 1 }", "7:1: price: unknown key. Prices stand in `models.NAME.price`"),
    (
      "consumers: { a: { keys: [\"${LONG}\"], limits: {} } }",
      "7:38: consumers.a.limits: unknown key. Limits stand under `limits` at the top: match: { consumer: NAME }"
    ),
    ("server:", "7:1: server: the key has no value. Give one, or take the key out"),
    ("server: { drain: 2h }", "7:18: server.drain: 2h is out of range. Give 0s to 1h"),
    (
      "server: { bodyBytesMax: 10M }",
      "7:25: server.bodyBytesMax: expected a size, found `10M`. Write bytes, or a unit: KiB, MiB, GiB, KB, MB, GB; for example 32MiB"
    ),
    (
      "server: { connectionsMax: 99999999999999999999 }",
      "7:27: server.connectionsMax: expected a whole number, found `99999999999999999999`"
    ),
    (
      "server: { drain: 9999999999999999999s }",
      "7:18: server.drain: expected a time, found `9999999999999999999s`. Write a number with its unit: ms, s, m, h, d; for example 30s"
    ),
    (
      "server: { listen: 8080 }",
      "7:19: server.listen: expected host:port, found `8080`. For example 127.0.0.1:8080 or \"[::1]:8080\""
    ),
    ("server: { listen: [] }", "7:19: server.listen: no address. Give at least one, such as 0.0.0.0:8080"),
    (
      "server: { listen: [\"0.0.0.0:80\", \"127.0.0.1:80\"] }",
      "7:34: server.listen[1]: 127.0.0.1:80 is taken by another address of the list. Keep one"
    ),
    (
      "server: { listen: 127.0.0.1:8001 }",
      "7:19: server.listen: server and admin would both listen on 127.0.0.1:8001. Give them different ports, or write `admin: off`"
    ),
    (
      "server: { trustedProxies: [10.0.0.1/8] }",
      "7:28: server.trustedProxies[0]: expected an address block, found `10.0.0.1/8`. For example 10.0.0.0/8 with no bits set beyond the prefix, or 10.1.2.3"
    ),
    (
      "log: { level: warn }",
      "7:15: log.level: expected one of trace, debug, info, notice, warning, error, critical, found `warn`. Did you mean warning?"
    ),
    ("log: on", "7:6: log: expected keys, found a single value. It takes level, format, access, accessFile"),
    (
      "consumers: { a: { keys: [sk-clear-text-key-value] } }",
      "7:26: consumers.a.keys[0]: a key in clear. Run `sluice keys hash` and paste what it prints, or put the key in a variable: \"${NAME}\""
    ),
    (
      "consumers: { a: { keys: [\"sha256:12\"] } }",
      "7:26: consumers.a.keys[0]: not `sha256:` with 64 hexadecimal digits. `sluice keys hash` prints the line to paste"
    ),
    (
      "consumers: { a: { keys: [\"${UNSET}\"] } }",
      "7:26: consumers.a.keys[0]: the environment variable UNSET is not set. Set it, or write ${UNSET:-default}"
    ),
    (
      "consumers: { a: { keys: [\"${SHORT}\"] } }",
      "7:26: consumers.a.keys[0]: the variable's value is no key. A key has at least 16 visible ASCII characters and no spaces"
    ),
    ("consumers: { a: {} }", "7:14: consumers.a: no keys. Give `keys: [\"sha256:…\"]`; `sluice keys hash` makes one"),
    (
      "consumers: { anonymous: { keys: [\"${LONG}\"] } }",
      "7:14: consumers.anonymous: the name is that of requests without a key. Choose another; see `anonymous`"
    ),
    (
      "consumers: { a: { keys: [\"${LONG}\"] }, b: { keys: [\"${LONG}\"] } }",
      "7:52: consumers.b.keys[0]: the key is also a key of a. A key means one consumer"
    ),
    (
      "consumers: { a: { keys: [\"${LONG}\"], models: [lama] } }",
      "7:47: consumers.a.models[0]: no model `lama`. Did you mean llama?"
    ),
    ("routes: [{ path: /v1/files }]", "7:10: routes[0]: `upstream` is missing. Name one of `upstreams`"),
    ("routes: [{ upstream: local }]", "7:10: routes[0]: `path` is missing. Give `path` or `pathPrefix`"),
    (
      "routes: [{ path: /v1/../x, upstream: local }]",
      "7:18: routes[0].path: not a request path. Write /v1/… or /v2/…, without `//`, `.`, `..`, `%`, `;` or `?`"
    ),
    (
      "routes: [{ path: /v1/a, upstream: local }, { path: /v1/a, upstream: local }]",
      "7:44: routes[1]: an earlier route takes the same path and method. Take one out"
    ),
    (
      "routes: [{ path: /v1/a, upstream: local, consumers: [] }]",
      "7:53: routes[0].consumers: no consumers. Name one, or take the key out"
    ),
    (
      "routes: [{ path: /v1/a, upstream: local, consumers: [ann] }]",
      "7:54: routes[0].consumers[0]: no consumer `ann`. Declare it under `consumers`"
    ),
    (
      "routes: [{ path: /files, upstream: local }]",
      "7:18: routes[0].path: not a request path. Write /v1/… or /v2/…, without `//`, `.`, `..`, `%`, `;` or `?`"
    ),
    (
      "routes: [{ path: /v1/a, upstream: loca1 }]", "7:35: routes[0].upstream: no upstream `loca1`. Did you mean local?"
    ),
    ("routes: { a: b }", "7:9: routes: expected a list, found a mapping. Write one entry a line after `- `"),
    ("anonymuos: true", "7:1: anonymuos: unknown key. Did you mean anonymous?"),
    ("xyz: !!binary aaaa", "7:6: a tag. Leave tags such as !!binary out"),
    ("xyz: \"a\\0b\"", "7:6: a control character. Take it out"),
    (
      "log: { accessFile: \"${}\" }",
      "7:20: log.accessFile: not a variable's name between `${` and `}`. Write ${NAME} or ${NAME:-default}"
    ),
    ("log: { accessFile: \"${A\" }", "7:20: log.accessFile: `${` without `}`. Write ${NAME}, or $$ for a dollar sign"),
  ]

  @Test("each slip has words of its own", arguments: singles)
  func single(_ line: String, _ expected: String) {
    let found = problems(minimal + "\n" + line, ["SHORT": "abc", "LONG": "0123456789abcdef"])
    #expect(found == ["sluice.yaml:" + expected])
  }

  static let upstreamSlips: [(String, String)] = [
    ("{}", "`provider` is missing. Name the service, or write `provider: openai-compatible` with a baseURL"),
    ("{ provider: custom }", "no address. custom has no usual one: give `baseURL` or `endpoints`"),
    (
      "{ provider: vllm, baseURL: http://a, endpoints: [http://b] }",
      "`baseURL` and `endpoints` are both given. Keep one of them"
    ),
    ("{ provider: vllm, endpoints: [] }", "0 endpoints. Give 1 to 256"),
    ("{ provider: vllm, endpoints: [{ weight: 1 }] }", "`url` is missing. Write {url: http://host:port/v1}"),
    ("{ provider: vllm, endpoints: [{ url: http://a, weight: 0 }] }", "0 is out of range. Give 1 to 1000"),
    (
      "{ provider: vllm, pool: { maxSessions: 2, minIdle: 3 } }",
      "3 idle sessions of at most 2. Lower minIdle or raise maxSessions"
    ),
    (
      "{ provider: vllm, tls: { keyFile: k } }",
      "a certificate without its key, or a key alone. Give certificateFile and keyFile"
    ),
    (
      "{ provider: vllm, timeouts: { firstToken: 20m } }",
      "firstToken (20m) is longer than total (10m). Raise total or lower firstToken"
    ),
    (
      "{ provider: vllm, authentication: none, apiKeys: [k] }",
      "keys that `authentication: none` never sends. Keep one of them"
    ),
    (
      "{ provider: vllm, apiKeys: [k], headers: { Authorization: x } }",
      "the field authorization is also set by `apiKeys`. Keep one of them"
    ),
    ("{ provider: vllm, apiKeys: [\"\"] }", "the value is empty. Write \"${NAME}\""),
    (
      "{ provider: vllm, apiKeys: k }",
      "expected a list, found a single value. Write [first, second], or one a line after `- `"
    ),
    ("{ provider: vllm, headers: { \"a b\": c } }", "not a header name. Use letters, digits and `-`"),
    ("{ provider: vllm, headers: { Host: c } }", "the gateway sets this field itself. Take it out"),
    ("{ provider: vllm, headers: { A: b, a: c } }", "the field stands twice. Keep one; letter case does not count"),
    (
      "{ provider: vllm, headers: { A: \"b\\nC: d\" } }",
      "the value has characters that a header may not carry, or a space at an end. Use visible ASCII characters"
    ),
    ("{ provider: openai }", "openai wants a key. Write `apiKeys: [\"${OPENAI_API_KEY}\"]`"),
    (
      "{ provider: vllm, price: 3 }",
      "unknown key. The keys here are provider, baseURL, endpoints, apiKeys, authentication, headers, usage, balance, pool, timeouts, tls, dnsRefresh"
    ),
  ]

  @Test("each slip in an upstream has words of its own", arguments: upstreamSlips)
  func upstream(_ upstream: String, _ expected: String) throws {
    let found = problems("anonymous: true\nupstreams:\n  a: \(upstream)\n")
    #expect(found.count == 1)
    #expect(try #require(found.first).hasSuffix(": " + expected), "\(found)")
  }

  static let modelSlips: [(String, String)] = [
    ("a: {}", "nobody serves this model. Write `serve: [{upstream: NAME, model: NAME-THERE}]`"),
    ("a: { serve: [] }", "nobody serves this model. Write `serve: [{upstream: NAME, model: NAME-THERE}]`"),
    ("a: { serve: [{ model: x }] }", "`upstream` is missing. Write {upstream: NAME}"),
    (
      "a: { serve: [local, local] }", "the same upstream and model stand twice. Keep one; weights belong to `endpoints`"
    ),
    (
      "\"a*b\": { serve: local }",
      "not a name for this place. Use 1 to 256 visible characters without spaces; `*` only at the end; for more, use `match: {regex: …}`"
    ),
    (
      "a: { serve: local, match: { regex: '[' } }",
      "not a regular expression: `[` without `]`. In YAML, single quotes leave backslashes alone"
    ),
    (
      "\"a*\": { serve: local, match: { regex: 'b' } }",
      "a name with `*` and a regular expression. Keep one; the other name may be any word"
    ),
    (
      "a: { serve: local, aliases: [\"b*\"] }",
      "not an exact model name. Use 1 to 256 visible characters without spaces; `*` only at the end; for more, use `match: {regex: …}`"
    ),
    ("a: { serve: local, aliases: [a] }", "`a` is already a name of the model a. A name means one model; take one out"),
    (
      "a: { serve: local, limits: {} }",
      "unknown key. Limits stand under `limits` at the top: match: { model: NAME }"
    ),
    (
      "a: { serve: local, price: { input: 1 } }",
      "`output` is missing. Give input and output, for a million tokens each: { input: 0.14, output: 2.19 }"
    ),
    (
      "a: { serve: local, price: { input: 1, output: -2 } }",
      "expected a decimal number, found `-2`. Write digits, with at most six behind a point; for example 0.14"
    ),
    (
      "a: { serve: local, price: { input: 0.0000001, output: 2 } }",
      "expected a decimal number, found `0.0000001`. Write digits, with at most six behind a point; for example 0.14"
    ),
    (
      "a: { serve: local, price: { input: 1000000.000001, output: 2 } }",
      "1000000.000001 is out of range. Give 0 to 1000000"
    ),
    (
      "a: { serve: local, price: { input: 1, output: 2, currency: usd } }",
      "expected a currency, found `usd`. Write the three capital letters of its ISO code; for example USD"
    ),
    (
      "a: { serve: local, price: { input: 1, output: 2, cahced: 1 } }",
      "unknown key. Did you mean cached?"
    ),
    ("a: { serve: local, fallback: [a] }", "fallbacks go in a circle: a → a. Take one of them out"),
    (
      "a: { serve: local, fallback: [\"b*\"] }\n  \"b*\": { serve: local }",
      "`b*` is a pattern and does not say which model to send. Give `model:` in its `serve`, or fall back to an exact name"
    ),
    ("a: { serve: local, fallback: [b, b] }\n  b: { serve: local }", "the same model stands twice. Keep one"),
    (
      "a: { serve: local, fallback: [b] }\n  b: { serve: local, fallback: [c] }\n  c: { serve: local, fallback: [a] }",
      "fallbacks go in a circle: a → b → c → a. Take one of them out"
    ),
  ]

  @Test("each slip in a model has words of its own", arguments: modelSlips)
  func model(_ models: String, _ expected: String) throws {
    let found = problems("anonymous: true\nupstreams: { local: { provider: ollama } }\nmodels:\n  \(models)\n")
    #expect(found.count == 1)
    #expect(try #require(found.first).hasSuffix(": " + expected), "\(found)")
  }

  @Test("an empty configuration says that there is nothing to serve and nobody to serve it to")
  func nothing() {
    #expect(
      problems("log: { level: info }") == [
        "sluice.yaml:1:1: consumers: nobody may use this gateway. Declare consumers with keys, or write `anonymous: true` to serve everyone who reaches the port",
        "sluice.yaml:1:1: upstreams: nothing to serve: no upstream and no model. Declare one under `upstreams`",
      ])
  }

  @Test("no problem shows a secret")
  func secretsStayHidden() {
    let secret = "sk-very-secret-0123456789"
    let texts = [
      "upstreams: { a: { provider: vllm, apiKeys: [\"\(secret) x\"] } }",
      "upstreams: { a: { provider: vllm, apiKeys: { \(secret): 1 } } }",
      "upstreams: { a: { provider: vllm, baseURL: \"http://user:\(secret)@host/v1\" } }",
      "upstreams: { a: { provider: vllm, headers: { a: \"\(secret)\\u0001\" } } }",
      "upstreams: { a: { provider: \"${S}\" } }",
      "server: { reactors: \"${S}\", drain: \"${S}\", listen: \"${S}\", pinThreads: \"${S}\", trustedProxies: [\"${S}\"] }",
      "log: { level: \"${S}\" }",
      "consumers: { a: { keys: [\(secret)] } }",
      "consumers: { a: { keys: [\"sha256:\(secret)\"] } }",
    ]
    for text in texts {
      let found = problems(text, ["S": secret])
      #expect(!found.isEmpty)
      #expect(!found.joined().contains(secret), "\(found)")
    }
  }

  @Test("a secret shows itself in no print, dump or interpolation")
  func secretDescribesItself() {
    let secret = Secret("sk-hidden")
    var dumped = ""
    dump([secret], to: &dumped)
    #expect("\(secret) \(String(reflecting: secret)) \(dumped)".contains("***"))
    #expect(!"\(secret) \(String(reflecting: secret)) \(dumped)".contains("sk-hidden"))
    #expect(secret.reveal() == "sk-hidden")
    let upstream = UpstreamSettings(name: "a", provider: .openAICompatible)
    #expect(!String(describing: HeaderSetting(name: "a", value: secret)).contains("hidden"), "\(upstream.name)")
  }
}
