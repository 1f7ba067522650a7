import GatewayConfiguration
import Testing

@Suite("Problems of limits")
struct LimitProblemTests {
  static let slips: [(String, String)] = [
    ("{ per: day }", "no amount. Give one of tokens, inputTokens, outputTokens, requests, concurrency, budget"),
    (
      "{ tokens: 1, requests: 2, per: day }",
      "`tokens` and `requests` are both given. Keep one; make another limit of the other, a request must be within both"
    ),
    ("{ tokens: 1 }", "`per` is missing. Write second, minute, hour, day, week, month, or a time such as 10m"),
    ("{ tokens: 0, per: day }", "0 is out of range. Give 1 to 1000000000000"),
    ("{ tokens: 1000000000001, per: day }", "1000000000001 is out of range. Give 1 to 1000000000000"),
    ("{ tokens: 1.5, per: day }", "expected a whole number, found `1.5`"),
    ("{ tokens: 100k, per: day }", "expected a whole number, found `100k`"),
    ("{ budget: 0, per: day }", "0 is out of range. Give 0.000001 to 1000000000"),
    ("{ token: 1, per: day }", "unknown key. Did you mean tokens?"),
    (
      "{ tokens: 1, per: minutes }",
      "expected one of second, minute, hour, day, week, month or a time, found `minutes`. Did you mean minute?"
    ),
    (
      "{ tokens: 1, per: 60 }",
      "expected one of second, minute, hour, day, week, month or a time, found `60`. A time has its unit; for example 10m"
    ),
    ("{ tokens: 1, per: 999ms }", "999ms is out of range. Give 1s to 31d"),
    ("{ tokens: 1, per: 32d }", "32d is out of range. Give 1s to 31d"),
    (
      "{ tokens: 1, per: hour, calendar: true }",
      "the calendar has no such period. Write `per: day`, week or month, or take it out"
    ),
    (
      "{ tokens: 1, per: 1d, calendar: true }",
      "the calendar has no such period. Write `per: day`, week or month, or take it out"
    ),
    (
      "{ tokens: 1, per: month, calendar: false }",
      "a month has no length of its own. Write `per: 30d`, or take `calendar: false` out"
    ),
    (
      "{ tokens: 1, per: day, timeZone: UTC }",
      "a sliding window begins at no hour. Write `calendar: true`, or take it out"
    ),
    (
      "{ tokens: 1, per: month, timeZone: ../../etc }",
      "no time zone `../../etc`. Write its IANA name; for example Europe/Berlin"
    ),
    ("{ concurrency: 1, per: day }", "`concurrency` counts what runs at once, in no time. Take `per` out"),
    ("{ concurrency: 1, burst: 1 }", "`concurrency` counts what runs at once, in no time. Take `burst` out"),
    ("{ concurrency: 1000001 }", "1000001 is out of range. Give 1 to 1000000"),
    ("{ tokens: 10, per: day, burst: 11 }", "11 at once of 10 in all. Lower burst or raise the amount"),
    ("{ tokens: 10, per: day, burst: 1.5 }", "1.5 tokens. Give a whole number"),
    (
      "{ budget: 0.5, per: day, burst: 0.6, match: { model: priced } }",
      "0.6 at once of 0.5 in all. Lower burst or raise the amount"
    ),
    ("{ tokens: 10, per: month, burst: 1 }", "a calendar period may be used up at once. Take `burst` out"),
    (
      "{ tokens: 10, per: day, burst: 7, rules: [{ match: { header: { a: b } }, tokens: 5 }] }",
      "7 at once of 5 in all. Lower burst or raise the amount"
    ),
    (
      "{ requests: 1, per: day, weights: { input: 1 } }",
      "weights for `requests`. They are for token limits; take them out"
    ),
    (
      "{ inputTokens: 1, per: day, weights: { output: 1 } }",
      "`inputTokens` do not count these. Take it out, or limit `tokens`"
    ),
    (
      "{ tokens: 1, per: day, weights: { input: 0.0001 } }",
      "0.0001 is too fine. Give at most three digits behind the point"
    ),
    ("{ tokens: 1, per: day, weights: { input: 1001 } }", "1001 is out of range. Give 0 to 1000"),
    (
      "{ outputTokens: 1, per: day, weights: { output: 0, reasoning: 0 } }",
      "nothing is counted. Give one class a weight above 0"
    ),
    ("{ tokens: 1, per: day, currency: USD }", "a currency for `tokens`. Take it out, or limit a `budget`"),
    (
      "{ tokens: 1, per: day, onExceeded: wait, wait: 0s }",
      "`wait` without a time to wait. Give `wait: 2s`, or write truncate"
    ),
    (
      "{ tokens: 1, per: day, onExceeded: fallbck }",
      "expected one of fallback, truncate, error, wait, found `fallbck`. Did you mean fallback?"
    ),
    ("{ tokens: 1, per: day, wait: 61s }", "61s is out of range. Give 0s to 1m"),
    (
      "{ tokens: 1, per: day, whenStoreIsAway: opne }",
      "expected one of local, open, closed, found `opne`. Did you mean open?"
    ),
    ("{ tokens: 1, per: day, each: consumr }", "expected a subject, found `consumr`. Did you mean consumer?"),
    (
      "{ tokens: 1, per: day, each: team }",
      "expected a subject, found `team`. Write one of global, consumer, key, model, upstream, route, client, header:NAME, query:NAME, cookie:NAME"
    ),
    (
      "{ tokens: 1, per: day, each: [] }",
      "nobody has the amount. Write `global` alone for one amount that all share, or leave it out"
    ),
    (
      "{ tokens: 1, per: day, each: [global, model] }",
      "`global` together with others. Write `global` alone for one amount that all share, or leave it out"
    ),
    ("{ tokens: 1, per: day, each: [\"header:A\", \"header:a\"] }", "`header:a` stands twice. Keep one"),
    ("{ tokens: 1, per: day, each: \"header:\" }", "not the name of a header. Use 1 to 64 letters, digits and `-`"),
    ("{ tokens: 1, per: day, each: \"header:Authorization\" }", "the field carries the client's key. Use `key`"),
    (
      "{ tokens: 1, per: day, match: { header: { Cookie: a } } }",
      "the field holds all cookies. Use `cookie` with a cookie's name"
    ),
    (
      "{ tokens: 1, per: day, match: { header: { \"a b\": a } } }",
      "not the name of a header. Use 1 to 64 letters, digits and `-`"
    ),
    (
      "{ tokens: 1, per: day, match: { header: { A: a, a: b } } }",
      "the name stands twice. Keep one; letter case does not count"
    ),
    (
      "{ tokens: 1, per: day, match: { cookie: a } }",
      "expected names with patterns, found a single value. Write { NAME: pattern }"
    ),
    (
      "{ tokens: 1, per: day, match: { header: { a: [] } } }",
      "0 patterns. Give 1 to 256, or take the key out to match all"
    ),
    ("{ tokens: 1, per: day, match: { header: { a: \"\" } } }", "a pattern of 0 bytes. Give 1 to 1024"),
    (
      "{ tokens: 1, per: day, match: { header: { a: \"*b\" } } }",
      "`*` stands only at the end. For more, write a regular expression: /…/"
    ),
    (
      "{ tokens: 1, per: day, match: { header: { a: \"/[/\" } } }",
      "not a regular expression: `[` without `]`. In YAML, single quotes leave backslashes alone"
    ),
    (
      "{ tokens: 1, per: day, match: { route: v1/files } }",
      "not a request path. Write /v1/… or the beginning of one with `*`"
    ),
    (
      "{ tokens: 1, per: day, match: { client: 10.0.0.1/8 } }",
      "expected an address block, found `10.0.0.1/8`. For example 10.0.0.0/8 with no bits set beyond the prefix, or 10.1.2.3"
    ),
    ("{ tokens: 1, per: day, match: { consumer: reserch } }", "no consumer `reserch`. Did you mean research?"),
    (
      "{ tokens: 1, per: day, match: { consumer: [research, \"x*\"] } }",
      "no consumer matches. Compare it with the names under `consumers`"
    ),
    (
      "{ tokens: 1, per: day, match: { consumer: anonymous } }",
      "no request is without a key. Write `anonymous: true` at the top, or take it out"
    ),
    ("{ tokens: 1, per: day, match: { upstream: loacl } }", "no upstream `loacl`. Did you mean local?"),
    (
      "{ tokens: 1, per: day, match: { upstream: [\"/x.*/\"] } }",
      "no upstream matches. Compare it with the names under `upstreams`"
    ),
    ("{ tokens: 1, per: day, match: { model: pricd } }", "no model `pricd`. Did you mean priced?"),
    ("{ tokens: 1, per: day, match: { model: other } }", "`other` is an alias. Write the model's name, plain"),
    (
      "{ tokens: 1, per: day, match: { model: qwerty } }",
      "no model `qwerty`. Name a model, a prefix such as `gpt-*`, or `upstream/model`"
    ),
    (
      "{ tokens: 1, per: day, match: { key: \"sha256:\(String(repeating: "ef", count: 32))\" } }",
      "no consumer has this key. Write it as it stands under `consumers`"
    ),
    ("{ tokens: 1, per: day, rules: {} }", "expected a list, found a mapping. Write one entry a line after `- `"),
    (
      "{ tokens: 1, per: day, rules: [{ tokens: 5 }] }",
      "a rule for every request. Give the rule a `match`, or the amount to the limit itself"
    ),
    (
      "{ tokens: 1, per: day, rules: [{ match: { consumer: research } }] }",
      "no amount. Give one of tokens, inputTokens, outputTokens, requests, concurrency, budget"
    ),
    (
      "{ tokens: 1, per: day, rules: [{ match: { consumer: research }, requests: 1 }] }",
      "`requests` in a limit of `tokens`. Rules count what their limit counts; make another limit of it"
    ),
    (
      "{ per: day, rules: [{ match: { consumer: research }, tokens: 1 }, { match: { consumer: research }, tokens: 2 }] }",
      "an earlier rule has the same `match`. Take one out"
    ),
    (
      "{ tokens: 1, per: day, rules: [{ match: { consumer: [research, resarch] }, tokens: 1 }] }",
      "no consumer `resarch`. Did you mean research?"
    ),
    (
      "{ tokens: 1, per: day, rules: [{ match: { consumer: research }, tokens: 1, per: day }] }",
      "unknown key. The keys here are match, tokens, inputTokens, outputTokens, requests, concurrency, budget"
    ),
    (
      "{ budget: 1, per: month }",
      "a budget over models without a price: plain. Give `models.plain.price`, or name the models that it is for in `match`"
    ),
    (
      "{ budget: 1, per: month, currency: EUR, match: { model: priced } }",
      "a budget in EUR over priced, which costs USD. Nothing is converted: give both the same currency, or leave the model out of `match`"
    ),
    (
      "{ budget: 1, per: month, match: { model: priced, upstream: far } }",
      "a budget over no model. Prices belong to entries of `models`; declare what it is for"
    ),
  ]

  static let house = """
    upstreams: { local: { provider: ollama }, far: { provider: vllm } }
    models:
      priced: { serve: local, price: { input: 1, output: 2 } }
      plain: { serve: local, aliases: [other] }
    consumers: { research: { keys: ["sha256:\(String(repeating: "ab", count: 32))"] } }

    """

  @Test("each slip in a limit has words of its own", arguments: slips)
  func slip(_ limit: String, _ expected: String) throws {
    let found = problems(Self.house + "limits: { a: \(limit) }\n")
    #expect(found.count == 1, "\(found)")
    #expect(try #require(found.first).hasSuffix(": " + expected), "\(found)")
    #expect(try #require(found.first).contains(": limits.a"), "\(found)")
  }

  @Test("a problem stands where the slip is, in a list and in a rule too")
  func places() {
    let found = problems(
      Self.house + """
        limits:
          a:
            tokens: 5
            per: minute
            match:
              consumer: [research, reserch]
            rules:
              - { match: { model: pricd }, tokens: 3 }
            each: [consumer, modle]
          b: { tokens: 5, per: minute, match: { consumer: [research, reserch] }, rules: [{ match: { model: [priced, pricd] }, tokens: 3 }] }
        """)
    #expect(
      found.map { $0.prefix { $0 != "`" } } == [
        "sluice.yaml:14:22: limits.a.each[1]: expected a subject, found ",
        "sluice.yaml:15:62: limits.b.match.consumer[1]: no consumer ",
        "sluice.yaml:15:109: limits.b.rules[0].match.model[1]: no model ",
      ])
  }

  @Test("what could not be read is no second problem for a limit")
  func follow() {
    let found = problems(
      """
      upstreams: { local: { provider: olama } }
      models: { m: { serve: local, price: { input: x, output: 1 } } }
      consumers: { c: { keys: [clear] } }
      limits:
        a: { match: { consumer: c, model: m, upstream: local }, budget: 1, per: month }
        b: { match: { key: "sha256:\(String(repeating: "ab", count: 32))" }, tokens: 1, per: day }
      """)
    #expect(found.count == 3, "\(found)")
    #expect(!found.contains { $0.contains("limits") })
  }

  @Test("more limits, rules or patterns than the bounds are refused")
  func bounds() {
    func many(_ count: Int, _ text: (Int) -> String) -> String { (0..<count).map(text).joined(separator: ", ") }
    let limits = problems(Self.house + "limits: { \(many(257) { "l\($0): { requests: 1, per: day }" }) }")
    #expect(limits.map { $0.hasSuffix("257 limits. At most 256; `rules` and `each` make many of one") } == [true])
    let rules = many(257) { "{ match: { header: { a: v\($0) } }, requests: 1 }" }
    #expect(
      problems(Self.house + "limits: { a: { per: day, rules: [\(rules)] } }").map {
        $0.hasSuffix("257 rules. Give at most 256")
      }
        == [true])
    let patterns = many(257) { "v\($0)" }
    #expect(
      problems(Self.house + "limits: { a: { requests: 1, per: day, match: { header: { a: [\(patterns)] } } } }").count
        == 1)
  }
}
