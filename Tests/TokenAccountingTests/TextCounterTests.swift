import ChatProtocol
import Testing
import TokenAccounting
import Tokenization

@Suite("A text in JSON strings")
struct TextCounterTests {
  private static func text(of chunks: [String]) -> [UInt8] {
    var decoder = JSONTextDecoder()
    var text: [UInt8] = []
    for chunk in chunks {
      let document = Array("{\"choices\":[{\"delta\":{\"content\":\"\(chunk)\"}}]}".utf8)
      ChunkScanner.scan(document.span.bytes).texts.forEach {
        decoder.decode($0.text, in: document.span.bytes) { part in
          part.withUnsafeBytes { text.append(contentsOf: $0) }
        }
      }
    }
    decoder.finish { part in part.withUnsafeBytes { text.append(contentsOf: $0) } }
    return text
  }

  @Test(
    "stands for the same text however it is escaped",
    arguments: [
      (["plain"], "plain"), ([#"a\nb\t\"c\"\\"#], "a\nb\t\"c\"\\"), ([#"\u00e9\u6f22\/"#], "é漢/"),
      ([#"\ud83d\ude00"#], "😀"), ([#"x\ud83d"#, #"\ude00y"#], "x😀y"), ([#"\ud83d"#, "y"], "\u{FFFD}y"),
      ([#"\ud83d\ud83d"#, #"\ude00"#], "\u{FFFD}😀"), ([#"\ude00"#], "\u{FFFD}"), ([#"end\ud83d"#], "end\u{FFFD}"),
      ([#"\ud83d"#, #"\n"#], "\u{FFFD}\n"),
    ])
  func escapes(chunks: [String], expected: String) {
    #expect(String(decoding: Self.text(of: chunks), as: UTF8.self) == expected)
  }

  @Test("is handed over in parts when it is long, and none of it is lost")
  func long() {
    let chunk = String(repeating: #"\u6f22\n"#, count: 3_000)
    #expect(String(decoding: Self.text(of: [chunk]), as: UTF8.self) == String(repeating: "漢\n", count: 3_000))
  }

  @Test("is estimated alike whether its strings are escaped or not, times the learned ratio")
  func estimate() {
    var plain = TextCounter(.estimated(.general, ratio: 1))
    var doubled = TextCounter(.estimated(.general, ratio: 2))
    let text = Array("The gate turns to another, so that the wheel never stops. 水车".utf8)
    plain.append(text.span.bytes)
    doubled.append(text.span.bytes)
    #expect(plain.provisional() > 5 && plain.openBytes == 0)
    #expect(abs(doubled.provisional() - 2 * plain.provisional()) <= 1)
    let total = plain.provisional()
    #expect(plain.finish() == total && plain.provisional() == 0)
  }
}
