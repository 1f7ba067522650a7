import ChatProtocol
import TestKit
import Testing
import TokenAccounting
import Tokenization

@Suite("The tokens of a prompt")
struct PromptCounterTests {
  private static func count(
    _ body: String, _ shape: PromptShape = .chat, _ template: PromptTemplate, _ vocabulary: Vocabulary
  ) throws -> Int {
    let bytes = Array(body.utf8)
    let fields = try RequestScanner.scan(bytes.span.bytes)
    return PromptCounter.count(fields, shape, in: bytes.span.bytes, measure: .exact(vocabulary), template: template)
  }

  /// The tokens of texts, each by itself.
  private static func tokens(_ texts: [String], _ vocabulary: Vocabulary) -> Int {
    texts.reduce(0) { $0 + TokenCounter.count(Array($1.utf8).span.bytes, in: vocabulary) }
  }

  private static let chat = #"""
    {"messages":[
      {"role":"system","content":"Count the \"tokens\" as they pass.\n"},
      {"role":"user","name":"ann","content":[{"type":"text","text":"What of \u4f60\u597d, Gr\u00f6\u00dfe and \ud83d\ude80\ud83d\ude80?"},
        {"type":"image_url","image_url":{"url":"data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAA","detail":"low"}}]},
      {"role":"assistant","content":"Let me look.","reasoning_content":"the quick brown fox",
        "tool_calls":[{"id":"c","function":{"name":"look","arguments":"{\"q\":\"\u4e16\u754c\"}"}}]},
      {"role":"tool","tool_call_id":"c","content":"1000 tokens"}
    ]}
    """#

  private static let texts = [
    "Count the \"tokens\" as they pass.\n", "What of 你好, Größe and 🚀🚀?", "Let me look.", "look", #"{"q":"世界"}"#,
    "1000 tokens",
  ]

  @Test("are those of its texts, each by itself, and what the family's template writes around them")
  func families() throws {
    let vocabulary = try ToyVocabulary.make(.qwen)
    let text = Self.tokens(Self.texts, vocabulary)
    let thought = Self.tokens(["the quick brown fox"], vocabulary)
    let name = Self.tokens(["ann"], vocabulary)
    func count(_ template: PromptTemplate) throws -> Int { try Self.count(Self.chat, .chat, template, vocabulary) - 85 }
    #expect(try count(.o200k) == text + name + 1 + 4 * 4 + 3 + 8)
    // The last user spoke before the thought, so it stays.
    #expect(try count(.qwen) == text + thought + 4 * 5 + 4 + 3 + PromptTemplate.qwen.toolCall)
    // The text's begin, user, assistant with its end, output with its end, the answer's opening.
    #expect(try count(.deepseek) == text + 1 + 1 + 2 + 4 + 1 + 10)
    #expect(try count(.llama3) == text + 1 + 4 * 5 + 4 + 10)
    #expect(try count(.tekken) == text + 1 + 2 + 2 + 1 + 9 + 20)
    #expect(try count(PromptTemplate()) == text + thought + name + 1 + 4 * 4 + 3 + 8)
  }

  @Test("can be projected from any part of a long prompt, and are the count itself once it is complete")
  func projection() throws {
    let vocabulary = try ToyVocabulary.make(.qwen)
    let text = String(repeating: "the quick brown fox jumps over the lazy dog, again and again. ", count: 4_000)
    let body = Array("{\"messages\":[{\"role\":\"user\",\"content\":\"\(text)\"}]}".utf8)
    let fields = try RequestScanner.scan(body.span.bytes)
    var counter = PromptCounter(fields, .chat, measure: .exact(vocabulary), template: .qwen)
    let whole = PromptCounter.count(fields, .chat, in: body.span.bytes, measure: .exact(vocabulary), template: .qwen)
    #expect(counter.projection > 0)
    var slices = 0
    while !counter.advance(body: body.span.bytes, bytesMax: 10_000) {
      slices += 1
      #expect(abs(counter.projection - whole) < whole / 20)
    }
    #expect(slices > 10 && counter.projection == whole && counter.total == whole)
  }

  @Test("leave out what Qwen's template drops: thoughts from before the user spoke again")
  func reasoning() throws {
    let vocabulary = try ToyVocabulary.make(.qwen)
    let body = #"""
      {"messages":[{"role":"assistant","reasoning_content":"the quick brown fox","content":"a"},{"content":"b","role":"user"},
      {"role":"assistant","reasoning_content":"jumps over"}]}
      """#
    #expect(
      try Self.count(body, .chat, .qwen, vocabulary) == Self.tokens(["a", "b", "jumps over"], vocabulary) + 3 * 5 + 3)
  }

  @Test("are the cookbook's for OpenAI's tools, and the rendered document's for others")
  func tools() throws {
    let vocabulary = try ToyVocabulary.make(.o200k)
    let body = #"""
      {"messages":[],"tools":[{"type":"function","function":{"name":"get_weather","description":"Get the weather.",
      "parameters":{"type":"object","properties":{"place":{"type":"string","description":"Where."},
      "unit":{"type":"string","enum":["metric","imperial"]}}}}}]}
      """#
    let words = Self.tokens(
      ["get_weather:Get the weather", "place:string:Where", "unit:string", "metric", "imperial"], vocabulary)
    let constants = 7 + 3 + 3 + 3 - 3 + 3 + 3 + 12
    #expect(try Self.count(body, .chat, .o200k, vocabulary) == words + constants + 3)
    let rendered =
      #"{"type": "function", "function": {"name": "get_weather", "description": "Get the weather.", "parameters": "#
      + #"{"type": "object", "properties": {"place": {"type": "string", "description": "Where."}, "#
      + #""unit": {"type": "string", "enum": ["metric", "imperial"]}}}}}"#
    #expect(
      try Self.count(body, .chat, .qwen, vocabulary)
        == Self.tokens([rendered], vocabulary) + PromptTemplate.qwen.tools + PromptTemplate.qwen.toolDefinition + 3)
  }

  @Test("of completions and embeddings are those of the texts, or as many as there are numbers")
  func prompts() throws {
    let vocabulary = try ToyVocabulary.make(.llama3)
    let texts = Self.tokens(["the quick", "brown fox"], vocabulary)
    #expect(try Self.count(#"{"prompt":["the quick","brown fox"]}"#, .completion, .llama3, vocabulary) == texts + 2)
    #expect(try Self.count(#"{"input":["the quick","brown fox"]}"#, .embedding, .cl100k, vocabulary) == texts)
    let numbers = (0..<9_000).map(String.init).joined(separator: ",")
    #expect(try Self.count(#"{"prompt":[\#(numbers)]}"#, .completion, .llama3, vocabulary) == 9_001)
    #expect(try Self.count(#"{"input":[[\#(numbers)],[1]]}"#, .embedding, .cl100k, vocabulary) == 9_001)
  }

  @Test("of images, sounds and files are the declared ones, however long their data")
  func media() throws {
    var media = PromptMedia()
    media.image = 1000
    media.imageLow = 100
    media.audio = 10
    media.file = 1
    let data = String(repeating: "iVBORw0KGgo", count: 30_000)
    let body = Array(
      #"""
      {"messages":[{"content":[{"type":"image_url","image_url":{"url":"data:image/png;base64,\#(data)"}},
      {"type":"image_url","image_url":{"detail":"low","url":"data:image/png;base64,\#(data)"}},
      {"type":"input_audio","input_audio":{"data":"\#(data)"}},{"type":"file","file":{"file_data":"\#(data)"}}]}]}
      """#.utf8)
    let fields = try RequestScanner.scan(body.span.bytes)
    let count = PromptCounter.count(
      fields, .chat, in: body.span.bytes, measure: .exact(try ToyVocabulary.make(.qwen)), template: PromptTemplate(),
      media: media)
    #expect(count == 1111 + 4 + 3)
  }

  @Test("are the same in slices of any size, bounded from above all the while", arguments: PreTokeniser.allCases)
  func slices(kind: PreTokeniser) throws {
    let vocabulary = try ToyVocabulary.make(kind)
    let body = Array(Self.chat.utf8)
    let fields = try RequestScanner.scan(body.span.bytes)
    for measure in [TokenMeasure.exact(vocabulary), .estimated(.general, ratio: 1.2)] {
      func counter() -> PromptCounter {
        var media = PromptMedia()
        media.imageLow = 0
        return PromptCounter(fields, .chat, measure: measure, template: .family(kind), media: media)
      }
      var whole = counter()
      #expect(whole.advance(body: body.span.bytes, bytesMax: .max) && whole.bound == whole.total)
      #expect(whole.source == measure.source)
      for bytesMax in 1...60 {
        var sliced = counter()
        var slices = 0
        repeat {
          #expect(sliced.bound >= whole.total)
          slices += 1
        } while !sliced.advance(body: body.span.bytes, bytesMax: bytesMax)
        #expect(sliced.total == whole.total && sliced.bound == whole.total)
        #expect(bytesMax > 10 || slices > 10)
      }
    }
  }

  @Test("of a text that is longer than a slice go on inside it")
  func longText() throws {
    let vocabulary = try ToyVocabulary.make(.qwen)
    let text = String(repeating: #"the quick \"brown\" fox \u4f60\u597d\n"#, count: 20_000)
    let plain = String(repeating: "the quick \"brown\" fox 你好\n", count: 20_000)
    let body = Array(#"{"messages":[{"role":"user","content":"\#(text)"}]}"#.utf8)
    let fields = try RequestScanner.scan(body.span.bytes)
    var counter = PromptCounter(fields, .chat, measure: .exact(vocabulary), template: .qwen)
    var slices = 1
    var bound = counter.bound
    while !counter.advance(body: body.span.bytes, bytesMax: 4096) {
      slices += 1
      // It comes down from the bytes to the tokens.
      #expect(counter.bound <= bound)
      bound = counter.bound
    }
    #expect(counter.total == Self.tokens([plain], vocabulary) + 5 + 3)
    #expect((100...400).contains(slices))
  }

  @Test("of random requests never trap and do not depend on the slices")
  func randomRequests() throws {
    let vocabulary = try ToyVocabulary.make(.o200k)
    try withSeeds(400) { generator in
      let body = Array(PromptWriter.request(&generator).utf8)
      let fields = try RequestScanner.scan(body.span.bytes)
      for shape in PromptShape.allCases {
        for template in [PromptTemplate.o200k, .qwen, .deepseek] {
          let whole = PromptCounter.count(
            fields, shape, in: body.span.bytes, measure: .exact(vocabulary), template: template)
          var sliced = PromptCounter(fields, shape, measure: .exact(vocabulary), template: template)
          while !sliced.advance(body: body.span.bytes, bytesMax: generator.int(in: 1...40)) {}
          try #require(sliced.total == whole, "\(generator): \(String(decoding: body, as: UTF8.self))")
        }
      }
    }
  }
}
