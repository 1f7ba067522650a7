import GatewayConfiguration
import Testing

@Suite("Careless and hostile files")
struct HostileDocumentTests {
  @Test("an empty file, one of comments, and one that is no mapping are refused")
  func noMapping() {
    for text in ["", "# nothing\n", "---\n", "~"] {
      #expect(
        problems(text) == ["sluice.yaml:1:1: the file is empty. See docs/configuration.md, or start without a file"],
        "\(text)")
    }
    #expect(problems("- a") == ["sluice.yaml:1:1: the file holds a list. Write keys such as `upstreams:` at its top"])
    #expect(
      problems("abc") == ["sluice.yaml:1:1: the file holds a single value. Write keys such as `upstreams:` at its top"])
  }

  @Test("a duplicate key names both lines, in block and in flow style")
  func duplicates() {
    #expect(
      problems("a: 1\nserver:\n  drain: 1s\n  \"drain\": 2s\n") == [
        "sluice.yaml:4:3: the key drain stands twice, first in line 3, again in line 4. Keep one"
      ])
    #expect(
      problems("server: { drain: 1s, drain: 2s }") == [
        "sluice.yaml:1:22: the key drain stands twice, first in line 1, again in line 1. Keep one"
      ])
    #expect(
      problems("upstreams:\n  a: {}\n  b: {}\nserver: {}\nupstreams:\n  c: {}\n") == [
        "sluice.yaml:5:1: the key upstreams stands twice, first in line 1, again in line 5. Keep one"
      ])
  }

  @Test("tabs, broken syntax, a second document and an undefined alias are told with their place")
  func syntax() {
    let tab = problems("server:\n\tdrain: 1s\n")
    #expect(tab.count == 1 && tab[0].hasPrefix("sluice.yaml:2:1: not YAML: "), "\(tab)")
    #expect(tab.first?.hasSuffix("Indent with spaces; YAML refuses tabs") == true, "\(tab)")
    let second = problems("server: {}\n---\nserver: {}\n")
    #expect(second.count == 1 && second[0].hasPrefix("sluice.yaml:2:1: "), "\(second)")
    #expect(second.first?.hasSuffix("Write one document; leave `---` out") == true, "\(second)")
    #expect(problems("server: *none\n").first?.contains("undefined alias") == true)
    let flow = problems("upstreams: { a: { apiKeys: [${KEY}] } }\n")
    #expect(flow.first?.hasSuffix("Inside { } and [ ] write a variable in quotes: \"${NAME}\"") == true, "\(flow)")
    #expect(problems("server: { drain: 1s").count == 1)
  }

  @Test("a NUL byte is refused with its place")
  func nul() {
    #expect(problems("server:\n  a\0b: 1") == ["sluice.yaml:2:4: a NUL byte. Save the file as UTF-8 text"])
  }

  @Test("a file beyond the bound on bytes is not read")
  func tooLong() {
    let found = problems("# " + String(repeating: "x", count: 1024 * 1024))
    #expect(found == ["sluice.yaml:1:1: the file has 1048578 bytes. At most 1048576 are read"])
  }

  @Test("deep nesting is refused, whoever finds it first")
  func deep() {
    for depth in [40, 900, 5000, 500_000] {
      let found = problems("a: " + String(repeating: "[", count: depth) + String(repeating: "]", count: depth))
      #expect(found.count == 1, "\(depth): \(found)")
    }
  }

  @Test("aliases that expand without end are refused before they do")
  func aliasBomb() {
    var text = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n"
    for level in 1..<30 {
      let reference = "*a\(level - 1)"
      text += "a\(level): &a\(level) [\(Array(repeating: reference, count: 9).joined(separator: ", "))]\n"
    }
    let found = problems(text)
    #expect(found.count == 1, "\(found)")
    #expect(found.first?.contains("more than 100000 values, counted with aliases expanded") == true)
  }

  @Test("the same bomb as a mapping key is refused in every spelling, before anybody hashes it")
  func aliasBombAsKey() {
    var bomb = "a0: &a0 [x, x]\n"
    for level in 1..<40 { bomb += "a\(level): &a\(level) [*a\(level - 1), *a\(level - 1)]\n" }
    for key in [
      "? *a39\n: 1\n", "*a39 : 1\n", "? [*a39]\n: 1\n", "[*a39] : 1\n", "k: { [*a39]: 1 }\n", "k: {{a: *a39}:1}\n",
      "k: [? *a39 : 1]\n", "? - *a39\n: 1\n",
    ] {
      let found = problems(bomb + key)
      #expect(
        found == ["sluice.yaml:1:1: many aliases together with a collection used as a key. Use plain names as keys"],
        "\(key)")
    }
  }

  @Test("many aliases beside variables and patterns are no bomb")
  func manyAliases() throws {
    var text =
      "anonymous: true\nserver: { listen: \"${H}:1\" }\nupstreams:\n  u0: { provider: vllm, pool: &p { maxSessions: 3 } }\n"
    for index in 1..<60 { text += "  u\(index): { provider: vllm, pool: *p }\n" }
    text += "models:\n  \"gpt-*\": { serve: u0 }\n  x-*: { serve: u1 }\n"
    let settings = try parse(text, ["H": "127.0.0.1"])
    #expect(settings.upstreams.allSatisfy { $0.pool.maxSessions == 3 })
    #expect(settings.models.map(\.match) == [.prefix("gpt-"), .prefix("x-")])
  }

  @Test("limits as many and as wide as a file can hold are read in their time, with every pattern an expression")
  func manyLimits() throws {
    let patterns = (0..<40).map { "\"/(a|b)*c\($0)/\"" }.joined(separator: ", ")
    let rule = "{ match: { consumer: [\(patterns)], model: [\(patterns)] }, budget: 1 }"
    var text = "anonymous: true\nupstreams: { u: { provider: ollama } }\nmodels:\n"
    for index in 0..<100 { text += "  \"m\(index)*\": { serve: u }\n" }
    text += "limits:\n"
    for index in 0..<200 {
      text += "  l\(index): { per: month, rules: [\(rule)] }\n"
    }
    let found = problems(text)
    #expect(found.count == InvalidConfiguration.problemsMax, "\(found.first ?? "")")
    #expect(found.allSatisfy { $0.contains("no consumer matches") }, "\(found.first ?? "")")
  }

  @Test("what is nested, repeated or of another kind below limits is told, never a trap")
  func hostileLimits() {
    for limit in [
      "{ tokens: 9223372036854775807, per: day }", "{ tokens: -9223372036854775808, per: day }",
      "{ tokens: [1], per: day }",
      "{ budget: 99999999999999999999.999999, per: day }", "{ budget: 9223372036854.775807, per: day }",
      "{ budget: 1e9, per: day }", "{ budget: .5, per: day }", "{ budget: \"5.\", per: day }",
      "{ budget: \"\", per: day }",
      "{ tokens: 1, per: 99999999999999999999d }", "{ tokens: 1, per: { day: 1 } }", "{ tokens: 1, per: [] }",
      "{ tokens: 1, per: day, match: [consumer] }", "{ tokens: 1, per: day, match: { header: [a] } }",
      "{ tokens: 1, per: day, match: { header: { a: { b: c } } } }",
      "{ tokens: 1, per: day, match: { header: { a: [[b]] } } }",
      "{ tokens: 1, per: day, match: { header: { a: ~ } } }", "{ tokens: 1, per: day, each: { a: b } }",
      "{ tokens: 1, per: day, each: [[consumer]] }", "{ tokens: 1, per: day, rules: [1] }",
      "{ tokens: 1, per: day, burst: 9223372036854775807 }",
      "{ tokens: 1, per: day, weights: { input: 99999999999999 } }",
      "{ tokens: 1, per: day, match: { header: { a: '/(((((a{99}){99}){99}){99}){99})/' } } }",
      "{ tokens: 1, per: day, timeZone: \"Europe//Berlin\", calendar: true }", "1", "[]",
    ] {
      let found = problems(minimal + "limits: { a: \(limit) }\n")
      #expect(found.count == 1 && found.allSatisfy { $0.contains("limits.a") }, "\(limit): \(found)")
    }
  }

  @Test("no cut, no deleted and no changed byte of a right file makes the reader fail otherwise than with problems")
  func mutations() {
    let bytes = Array(ConfigurationStoryTests.example.utf8)
    var state: UInt64 = 0x5EED
    func random(below bound: Int) -> Int {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Int((state >> 33) % UInt64(bound))
    }
    let alphabet = Array("{}[]:,&*?!|>-#\"'%@` \t\n${}~<0a\u{7F}".utf8)
    var refused = 0
    for _ in 0..<1500 {
      var mutated = bytes
      for _ in 0...random(below: 3) {
        let place = random(below: mutated.count)
        switch random(below: 3) {
        case 0: mutated.remove(at: place)
        case 1: mutated[place] = alphabet[random(below: alphabet.count)]
        default: mutated.insert(alphabet[random(below: alphabet.count)], at: place)
        }
      }
      if !problems(String(decoding: mutated, as: UTF8.self), ["DEEPSEEK_API_KEY": "k"]).isEmpty { refused += 1 }
    }
    #expect(refused > 500)
  }
}
