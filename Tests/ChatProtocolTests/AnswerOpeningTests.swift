import ChatProtocol
import Testing

@Suite("The first bytes of an answer")
struct AnswerOpeningTests {
  private static func opening(_ bytes: [UInt8]) -> AnswerOpening { AnswerOpening(bytes.span.bytes) }

  private static func opening(_ text: String) -> AnswerOpening { opening(Array(text.utf8)) }

  @Test(
    "of an event stream are a field or a comment",
    arguments: ["data: {}\n\n", "data:", "event:ping", "id: 1\n", "retry:5", ": OPENROUTER PROCESSING\n", ":"])
  func events(text: String) {
    for lead in ["", "\n\n", "\r\n \t", "\u{FEFF}", "\u{FEFF}\n"] { #expect(Self.opening(lead + text) == .events) }
  }

  @Test("of JSON are a bracket", arguments: ["{", "[", "{\"id\":1}", "[{"])
  func json(text: String) {
    for lead in ["", "\n\n", "\r\n \t", "\u{FEFF}", "\u{FEFF} "] { #expect(Self.opening(lead + text) == .json) }
  }

  @Test(
    "of anything else are neither",
    arguments: [
      "<html>", "Bad Gateway", "null", "\"text\"", "true", "7", "date", "datum:", "events:", "ideal", "data {", "Data:",
      "\u{0}", "\u{FEFE}", "retry", "é",
    ])
  func other(text: String) {
    let expected: AnswerOpening = text == "retry" ? .undecided : .other
    for lead in ["", "\n \r"] { #expect(Self.opening(lead + text) == expected) }
  }

  @Test("are waited for while they may become any of them")
  func undecided() {
    for text in ["", "\n", " \r\n\t", "d", "data", "e", "event", "i", "id", "r", "\u{FEFF}", "\u{FEFF}\n"] {
      #expect(Self.opening(text) == .undecided)
    }
    #expect(Self.opening([0xEF, 0xBB]) == .undecided && Self.opening([0xEF]) == .undecided)
    #expect(Self.opening([0xEF, 0xBB, 0xBE]) == .other && Self.opening([0x1F, 0x8B]) == .other)
  }

  @Test("once decided are decided, however much follows")
  func prefixes() {
    for text in ["\u{FEFF}\n\ndata: {}", "\r\n {\"a\":1}", "event: x", " <html>", "retry: 5\n", "interesting"] {
      let bytes = Array(text.utf8)
      var decided = AnswerOpening.undecided
      for length in 0...bytes.count {
        let opening = AnswerOpening(Array(bytes[..<length]).span.bytes)
        #expect(decided == .undecided || opening == decided)
        decided = opening
      }
      #expect(decided != .undecided)
    }
  }
}
