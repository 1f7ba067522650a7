import ChatProtocol
import Testing

@Suite("The usage of a whole answer")
struct WholeAnswerTests {
  private func promptTokens(_ text: String) -> Int? {
    // Memory of just its size: a sanitizer sees what is read beyond it.
    ChunkScanner.usage(ofAnswer: Array(text.utf8).span.bytes)?.promptTokens
  }

  @Test("is found wherever it stands, and the last one counts")
  func places() {
    for before in 0...40 {
      let filled = #"{"a":""# + String(repeating: "x", count: before) + #"","usage":{"prompt_tokens":7}"#
      #expect(promptTokens(filled + "}") == 7)
      for behind in 0...40 {
        let filler = #","b":""# + String(repeating: "y", count: behind) + #"""#
        #expect(promptTokens(filled + filler + "}") == 7)
        #expect(promptTokens(filled + filler + #","usage":{"prompt_tokens":8}}"#) == 8)
        #expect(promptTokens(filled + filler + #","usage":null}"#) == 7, "one without counts is none")
        #expect(promptTokens(filled + filler + #","usage":{"prompt_tokens":8"#) == 7, "a broken one is none")
      }
    }
  }

  @Test(
    "is not what only looks like it",
    arguments: [
      "", "\"", "\"usage\"", "{}", #"{"usage" 7}"#, #"{"usage":"#, #"{"usag":{"prompt_tokens":7}}"#,
      #"{"text":"\"usage\":{\"prompt_tokens\":7}"}"#, #"{"text":"\"usage":{"prompt_tokens":7}}"#,
      #"{"list":["usage",{"prompt_tokens":7}]}"#, #""usage":{"prompt_tokens":7}"#,
    ])
  func others(text: String) {
    #expect(promptTokens(text) == nil)
  }

  @Test("names of other lengths are found as well")
  func otherNames() {
    for filler in ["", "xxxxxxx", String(repeating: #""","#, count: 30)] {
      let text = #"{"b":["# + filler + #"0],"usageMetadata":{"promptTokenCount":7},"c":["# + filler + "0]}"
      #expect(promptTokens(text) == 7)
      let data = Array((#"{"a":["# + filler + #"0],"data":[1,2,3]}"#).utf8)
      #expect(ChunkScanner.pictures(ofAnswer: data.span.bytes) == 3)
    }
  }
}
