import ScriptedUpstream
import TestKit
import Testing

@Suite("Mixed text")
struct MixedTextTests {
  private func pieces(_ count: Int) -> [String] {
    (0..<count).map { StreamPlan.text(model: "m", event: $0, style: .mixed) }
  }

  @Test("comes in pieces of 1 to 12 scalars that cut words and clusters")
  func pieces() throws {
    let plan = StreamPlan(try Script(parsing: "text=mixed"), model: "m", includeUsage: false)
    let pieces = pieces(plan.contentCount)
    #expect(plan.contentCount > 200)
    #expect(pieces.allSatisfy { (1...12).contains($0.unicodeScalars.count) })
    #expect(Set(pieces.map(\.unicodeScalars.count)).count == 12)
    #expect(plan.contentText.utf8.elementsEqual(pieces.joined().utf8))
    // A cluster that was cut counts twice.
    #expect(pieces.reduce(0) { $0 + $1.count } > pieces.joined().count)
    let wordsCut = zip(pieces, pieces.dropFirst()).filter { $0.last?.isLetter == true && $1.first?.isLetter == true }
    #expect(wordsCut.count > 50)
    for sample in [
      "lantern", "清晨", "水車", "мельник", "Schleusenwärterin", "func open", "\"alarms\":[null", #"\frac{2}{3}"#, "👨‍👩‍👧‍👦",
      "🇫🇷🇯🇵", "नमस्ते", "\\ slash",
    ] {
      #expect(plan.contentText.contains(sample), "\(sample)")
    }
  }

  @Test("goes on in numbered rounds")
  func rounds() throws {
    let count = StreamPlan(try Script(parsing: "text=mixed"), model: "m", includeUsage: false).contentCount
    #expect(StreamPlan.text(model: "m", event: count, style: .mixed).hasPrefix("\n\n[2] "))
  }

  @Test("escaped is ASCII and means the same; split surrogates stand in two events")
  func escapes() throws {
    func contents(_ script: String) throws -> [[UInt16]] {
      let plan = StreamPlan(try Script(parsing: "\(script) reasoning=0"), model: "m", includeUsage: false)
      return try plan.dataPayloads.filter { $0.count > 6 }.compactMap { payload in
        #expect(script == "text=mixed" || payload.allSatisfy { $0 < 0x80 })
        return try JSONTree(payload)["choices"]?.elements.first?["delta"]?["content"]?.units
      }
    }
    let plain = try contents("text=mixed")
    #expect(try contents("text=mixedEscaped") == plain)
    let split = try contents("text=mixed splitSurrogates")
    #expect(Array(split.joined()) == Array(plain.joined()))
    let halves = zip(split, split.dropFirst()).filter { first, second in
      guard let lead = first.last, let trail = second.first else { return false }
      return UTF16.isLeadSurrogate(lead) && UTF16.isTrailSurrogate(trail)
    }
    #expect(halves.count >= 5)
  }
}
