import GatewayConfiguration
import Testing

@testable import Routing

@Suite("The names that were probably meant")
struct NearNamesTests {
  private func nearest(_ text: String, among names: [String], limit: Int = 3) -> [String] {
    NearNames(names).nearest(to: text, limit: limit) { _ in true }.map { names[$0] }
  }

  @Test("slips are found, nearest first, ties in the order given")
  func slips() {
    let names = ["deepseek-r1", "qwq-32b", "gpt-4o", "gpt-4o-mini", "deepseek-v3"]
    #expect(nearest("qwq-33b", among: names) == ["qwq-32b"])
    #expect(nearest("QWQ-32B", among: names) == ["qwq-32b"])
    #expect(nearest("qwq-23b", among: names) == ["qwq-32b"])
    #expect(nearest("gpt-40", among: names) == ["gpt-4o"])
    #expect(nearest("gpt-4", among: names) == ["gpt-4o", "gpt-4o-mini"])
    #expect(nearest("deepseek-r2", among: names) == ["deepseek-r1", "deepseek-v3"])
    #expect(nearest("claude", among: names) == [])
    #expect(nearest("", among: names) == [])
    #expect(nearest(String(repeating: "a", count: 129), among: names) == [])
  }

  @Test("the bounded distance is the full one wherever that is near")
  func distances() {
    var generator = SystemRandomNumberGenerator()
    for _ in 0..<3000 {
      let a = (0..<Int.random(in: 0...12, using: &generator)).map { _ in UInt8.random(in: 97...99, using: &generator) }
      let b = (0..<Int.random(in: 0...12, using: &generator)).map { _ in UInt8.random(in: 97...99, using: &generator) }
      let full = NearestNameReference.distance(a, b)
      for most in 1...5 {
        let bounded = NearNames.distance(a, b, atMost: most)
        #expect(full <= most ? bounded == full : bounded > most, "\(a) \(b) \(most)")
      }
    }
  }

  @Test("a name costs a bounded number of comparisons, however many models there are and however alike they are")
  func bounded() {
    let names = (0..<20_000).map { "model-with-a-name-of-some-forty-letters-\(100_000 + $0)" }
    let near = NearNames(names)
    var asked = 0
    _ = near.nearest(to: "model-with-a-name-of-some-forty-letters-1x0000", limit: 3) { _ in
      asked += 1
      return false
    }
    #expect(asked <= NearNames.comparisonsMax)
  }
}

/// The distance without bounds, written down once more.
private enum NearestNameReference {
  static func distance(_ a: [UInt8], _ b: [UInt8]) -> Int {
    var rows = [[Int]](repeating: [Int](repeating: 0, count: b.count + 1), count: a.count + 1)
    for i in 0...a.count {
      for j in 0...b.count {
        if i == 0 || j == 0 {
          rows[i][j] = max(i, j)
          continue
        }
        rows[i][j] = min(rows[i - 1][j] + 1, rows[i][j - 1] + 1, rows[i - 1][j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1))
        if i > 1, j > 1, a[i - 1] == b[j - 2], a[i - 2] == b[j - 1] {
          rows[i][j] = min(rows[i][j], rows[i - 2][j - 2] + 1)
        }
      }
    }
    return rows[a.count][b.count]
  }
}
