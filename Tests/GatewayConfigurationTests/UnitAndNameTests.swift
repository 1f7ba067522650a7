import Testing

@testable import GatewayConfiguration

@Suite("Units and near names")
struct UnitAndNameTests {
  @Test(
    "durations",
    arguments: [
      ("250ms", 250_000), ("30s", 30_000_000), ("1m30s", 90_000_000), ("0.5s", 500_000), ("2h", 7_200_000_000),
      ("1d", 86_400_000_000), ("0s", 0), ("10us", 10),
    ])
  func duration(_ text: String, _ microseconds: Int) {
    #expect(UnitText.duration(text) == .microseconds(microseconds))
  }

  @Test(
    "what is no duration",
    arguments: ["", "5", "s", "5 s", "-5s", "5s5", "1.s", ".5s", "1.2345678s", "9223372036854775807d", "5S", "+5s"])
  func noDuration(_ text: String) { #expect(UnitText.duration(text) == nil) }

  @Test(
    "sizes",
    arguments: [
      ("0", 0), ("512B", 512), ("64KiB", 65536), ("32MiB", 33_554_432), ("10MB", 10_000_000), ("1GiB", 1 << 30),
    ])
  func size(_ text: String, _ bytes: Int) { #expect(UnitText.size(text) == bytes) }

  @Test("what is no size", arguments: ["", "10M", "10k", "1.5MiB", "-1", "MiB", "9223372036854775807KB", "10 MB"])
  func noSize(_ text: String) { #expect(UnitText.size(text) == nil) }

  @Test("words of a value read back as the value")
  func words() {
    for value in [
      Duration.zero, .milliseconds(1), .seconds(75), .seconds(600), .seconds(3600), .seconds(86_400), .microseconds(7),
    ] {
      #expect(UnitText.duration(UnitText.words(value)) == value)
    }
    for bytes in [0, 1, 1000, 1024, 16_384, 33_554_432, 1 << 30, 1025] {
      #expect(UnitText.size(UnitText.words(bytes)) == bytes)
    }
  }

  @Test("edit distance counts insertions, deletions, replacements and swaps")
  func distance() {
    func distance(_ a: String, _ b: String) -> Int { NearestName.distance(Array(a.utf8), Array(b.utf8)) }
    #expect(distance("", "abc") == 3)
    #expect(distance("abc", "abc") == 0)
    #expect(distance("maxSesions", "maxSessions") == 1)
    #expect(distance("drian", "drain") == 1)
    #expect(distance("kitten", "sitting") == 3)
  }

  @Test("near names come nearest first; what is far is not offered")
  func nearest() {
    let models = ["gpt-4o", "gpt-4o-mini", "claude-sonnet", "deepseek-r1"]
    #expect(NearestName.nearest(to: "gpt-40", among: models, limit: 3) == ["gpt-4o"])
    #expect(NearestName.nearest(to: "GPT-4O", among: models, limit: 3) == ["gpt-4o", "gpt-4o-mini"])
    #expect(NearestName.nearest(to: "deepsek-r1", among: models) == ["deepseek-r1"])
    #expect(NearestName.nearest(to: "zzz", among: models).isEmpty)
    #expect(NearestName.nearest(to: String(repeating: "a", count: 5000), among: models).isEmpty)
  }
}
