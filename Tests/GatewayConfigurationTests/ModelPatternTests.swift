import GatewayConfiguration
import Testing

@Suite("Regular expressions over model names")
struct ModelPatternTests {
  static let cases: [(String, [String], [String])] = [
    ("gpt-4o", ["gpt-4o"], ["gpt-4", "gpt-4o-mini", "xgpt-4o", ""]),
    ("^o[0-9](-mini)?$", ["o1", "o3-mini"], ["o", "o12", "o1-max", "ao1"]),
    ("(claude|gpt)-.*", ["claude-", "gpt-4o"], ["claude", "llama-3"]),
    ("^a|b$", ["a", "b"], ["ab", "xb"]),
    ("[^/]+/[a-z-]+", ["qwen/qwq", "A.b/c-d"], ["qwen", "a/b/c", "/b", "a/B"]),
    ("a{2,3}b{0,1}c{2}", ["aacc", "aaabcc"], ["acc", "aaaacc", "aabbcc", "aac"]),
    ("x{2,}", ["xx", "xxxxxx"], ["x"]),
    (#"\d+\.\d+\w\S"#, ["1.5b-", "12.34_x"], ["1x5b-", "1.5-b", "1.5b "]),
    (#"[\d\-]+[]x]"#, ["1-2]", "9x"], ["a]", "12"]),
    ("(?i)GPT-[a-z]", ["gpt-A", "GPT-z"], ["gpt-1"]),
    ("(a*)*(b?)+", ["", "aaab", "bbb"], ["c"]),
    ("a+?b??", ["a", "aaab"], ["b"]),
    ("é.ü", ["éxü", "é漢ü"], ["exu", "éü"]),
    ("(|a)b", ["b", "ab"], ["aab"]),
  ]

  @Test("matches whole names and nothing else", arguments: cases)
  func matches(_ pattern: String, _ right: [String], _ wrong: [String]) throws {
    let pattern = try ModelPattern(pattern)
    for name in right { #expect(pattern.matches(name.utf8), "\(name)") }
    for name in wrong { #expect(!pattern.matches(name.utf8), "\(name)") }
  }

  @Test(
    "what is no pattern is refused",
    arguments: [
      "", "(", ")", "a)", "[", "[a", "[]", "*", "a**", "a{", "a{x}", "a{3,2}", "a{999}", "a{2", "\\", "\\b", "\\1",
      "(?=a)", "[z-a]", "[\\d-z", "(?i",
      "((a{256}){256})", String(repeating: "(", count: 40) + String(repeating: ")", count: 40),
    ])
  func refused(_ text: String) { #expect(throws: ModelPattern.Problem.self) { try ModelPattern(text) } }

  @Test("the patterns that ruin backtracking matchers end at once, and a name beyond the bound matches nothing")
  func noBacktracking() throws {
    let name = [UInt8](repeating: UInt8(ascii: "a"), count: 255) + [UInt8(ascii: "!")]
    for text in ["(a+)+b", "(a|a)*b", "(a|aa)+b", "(.*)*x", "((a*)*)*b"] {
      #expect(try !ModelPattern(text).matches(name))
    }
    #expect(try ModelPattern("a*").matches([UInt8](repeating: UInt8(ascii: "a"), count: 256)))
    #expect(try !ModelPattern("a*").matches([UInt8](repeating: UInt8(ascii: "a"), count: 257)))
  }

  @Test("agrees with the standard library's matcher on random small patterns and names")
  func agrees() throws {
    var state: UInt64 = 42
    func random(_ bound: Int) -> Int {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Int((state >> 33) % UInt64(bound))
    }
    func pattern(_ depth: Int) -> String {
      var text = ""
      for _ in 0...random(3) {
        switch random(depth > 2 ? 4 : 6) {
        case 0: text += "a"
        case 1: text += "b"
        case 2: text += "[ab]"
        case 3: text += "."
        case 4: text += "(\(pattern(depth + 1)))"
        default: text += "(?:\(pattern(depth + 1))|\(pattern(depth + 1)))"
        }
        switch random(6) {
        case 0: text += "*"
        case 1: text += "?"
        case 2: text += "{1,2}"
        default: break
        }
      }
      return text
    }
    for _ in 0..<300 {
      let text = pattern(0)
      let ours = try ModelPattern(text)
      let theirs = try Regex(text)
      for _ in 0..<8 {
        let name = String((0..<random(6)).map { _ in ["a", "b", "c"][random(3)] as Character })
        #expect(ours.matches(name.utf8) == (try theirs.wholeMatch(in: name) != nil), "\(text) on \(name)")
      }
    }
  }
}

@Suite("Many patterns and one name")
struct ModelPatternEffortTests {
  @Test("the first that matches is found")
  func first() throws {
    let patterns = try ["a.*", "b.*", ".*"].map { try ModelPattern($0) }
    #expect(ModelPattern.firstMatch(Array("abc".utf8), among: patterns) == 0)
    #expect(ModelPattern.firstMatch(Array("bcd".utf8), among: patterns) == 1)
    #expect(ModelPattern.firstMatch(Array("x".utf8), among: patterns) == 2)
    #expect(ModelPattern.firstMatch(Array(repeating: 97, count: 257), among: patterns) == nil)
  }

  @Test("patterns that are dear for a name are given up, not waited for")
  func bounded() throws {
    let dear = try ModelPattern("(.*a.*b.*c.*d.*e.*f.*){20}x")
    let patterns = Array(repeating: dear, count: 100) + [try ModelPattern(".*")]
    let name = Array(repeatElement(Array("abcdef".utf8), count: 42).joined())
    let clock = ContinuousClock()
    let time = clock.measure { #expect(ModelPattern.firstMatch(name, among: patterns) == nil) }
    // Without the bound a hundred of them take a second and more.
    #expect(time < .milliseconds(200))
    let usual =
      try (0..<50).map { try ModelPattern("(?i)(gpt|o)\($0)-(mini|nano|pro)?.*") } + [try ModelPattern("claude-.*")]
    #expect(ModelPattern.firstMatch(Array("claude-opus-4".utf8), among: usual) == 50)
  }
}
