import Testing

@testable import Tokenization

@Suite("Vocabulary manifest and rank lists")
struct VocabularyManifestTests {
  @Test("pins every entry")
  func pins() {
    for entry in VocabularyManifest.all {
      #expect(entry.sha256.utf8.count == 64 && entry.sha256.utf8.allSatisfy { "0123456789abcdef".utf8.contains($0) })
      #expect(entry.name.utf8.count <= VocabularyFormat.nameBytesMax)
      #expect(!entry.licence.isEmpty && !entry.version.isEmpty)
      #expect(VocabularyManifest.named(entry.name) == entry)
    }
    #expect(Set(VocabularyManifest.all.map(\.name)).count == VocabularyManifest.all.count)
    #expect(VocabularyManifest.named("llama3")?.needsAcceptance == true)
    #expect(VocabularyManifest.named("unknown") == nil)
  }

  @Test("reads lines of base64 and ranks")
  func ranks() throws {
    let tokens = try parse("IQ== 0\nIiM= 1\n\nYWJj 2\n/+8= 3")
    #expect(tokens == [[0x21], [0x22, 0x23], [0x61, 0x62, 0x63], [0xFF, 0xEF]])
  }

  @Test(
    "names the line that is malformed",
    arguments: ["IQ==", "IQ== ", "IQ== 1", "I*== 0", "IQ== x", "IQ== 00000000000000000000000000001", " "])
  func malformed(text: String) {
    #expect(throws: RankList.Malformed(line: 1)) { try parse(text) }
    #expect(throws: RankList.Malformed(line: 2)) { try parse("IQ== 0\n" + text.replacing("1", with: "7")) }
  }

  private func parse(_ text: String) throws -> [[UInt8]] { try RankList.parse(Array(text.utf8).span.bytes) }
}
