import ChatProtocol
import Testing

@Suite("The texts of a chunk")
struct ChunkTextTests {
  private static func texts(_ choices: String) -> [String] {
    let document = Array("{\"choices\":[\(choices)]}".utf8)
    var found: [String] = []
    ChunkScanner.scan(document.span.bytes).texts.forEach {
      found.append("\($0.choice).\($0.part) \($0.channel): \($0.text.text(in: document.span.bytes))")
    }
    return found
  }

  @Test("come with the choice that they belong to, also when its index stands behind them")
  func choices() {
    #expect(
      Self.texts(
        #"{"delta":{"content":"a"},"index":2},{"index":1,"delta":{"reasoning_content":"b","content":"c"}},{"delta":{"content":"d"}}"#
      ) == ["2.0 content: a", "1.0 reasoning: b", "1.0 content: c", "2.0 content: d"])
    #expect(Self.texts(#"{"index":7,"text":"old"}"#) == ["7.0 content: old"])
  }

  @Test("are none where they are empty, null or missing")
  func empty() {
    #expect(
      Self.texts(#"{"delta":{"role":"assistant","content":"","reasoning_content":null,"refusal":null}},{}"#) == [])
    #expect(Self.texts(#"{"delta":{"tool_calls":[{"index":0,"function":{"arguments":""}}]}}"#) == [])
  }

  @Test("count once when a server sends its reasoning under two names")
  func twice() {
    #expect(Self.texts(#"{"delta":{"reasoning":"x","reasoning_content":"x"}}"#) == ["0.0 reasoning: x"])
    #expect(Self.texts(#"{"delta":{"reasoning":null,"reasoning_content":"x"}}"#) == ["0.0 reasoning: x"])
    #expect(Self.texts(#"{"delta":{"reasoning":"","reasoning_content":"x"}}"#) == ["0.0 reasoning: x"])
  }

  @Test("of a tool call are its name and its arguments, apart for each call")
  func tools() {
    #expect(
      Self.texts(
        #"{"delta":{"tool_calls":[{"function":{"name":"find","arguments":"{\"q\":"},"index":1,"id":"x"},{"custom":{"name":"run","input":"ls"}}]}}"#
      ) == ["0.1 toolName: find", "0.1 toolArguments: {\"q\":", "0.1 toolName: run", "0.1 toolArguments: ls"])
    #expect(
      Self.texts(#"{"delta":{"function_call":{"name":"f","arguments":"1"}}}"#) == [
        "0.0 toolName: f", "0.0 toolArguments: 1",
      ])
    #expect(Self.texts(#"{"delta":{"refusal":"no"}}"#) == ["0.0 refusal: no"])
  }

  @Test("may come as a list of parts, thoughts among them")
  func parts() {
    #expect(
      Self.texts(
        #"{"message":{"content":[{"type":"thinking","thinking":[{"type":"text","text":"hm"}]},{"type":"text","text":"a"},{"type":"refusal","refusal":"b"}]}}"#
      ) == ["0.0 reasoning: hm", "0.0 content: a", "0.0 refusal: b"])
  }
}

@Suite("Usage")
struct UsageTests {
  private static func usage(_ json: String) -> TokenUsage? {
    let document = Array("{\(json)}".utf8)
    return ChunkScanner.scan(document.span.bytes).usage
  }

  @Test("keeps the details that the providers tell")
  func details() throws {
    let usage = try #require(
      Self.usage(
        #""usage":{"prompt_tokens":50,"completion_tokens":40,"total_tokens":90,"prompt_tokens_details":{"cached_tokens":10,"audio_tokens":4},"completion_tokens_details":{"reasoning_tokens":30,"audio_tokens":2,"accepted_prediction_tokens":1,"rejected_prediction_tokens":6}}"#
      ))
    #expect(usage.promptTokens == 50 && usage.completionTokens == 40 && usage.totalTokens == 90)
    #expect(usage.cachedTokens == 10 && usage.promptAudioTokens == 4 && usage.reasoningTokens == 30)
    #expect(usage.completionAudioTokens == 2 && usage.rejectedPredictionTokens == 6)
  }

  @Test("of Anthropic counts what was cached to the prompt, as everybody else's does")
  func anthropic() throws {
    let usage = try #require(
      Self.usage(
        #""usage":{"input_tokens":5,"cache_creation_input_tokens":100,"cache_read_input_tokens":20,"output_tokens":7}"#)
    )
    #expect(usage.promptTokens == 125 && usage.cachedTokens == 20 && usage.cacheWriteTokens == 100)
    #expect(usage.completionTokens == 7 && usage.totalTokens == 132)
  }

  @Test("of Gemini counts thoughts to the answer and tools' results to the prompt")
  func gemini() throws {
    let usage = try #require(
      Self.usage(
        #""usageMetadata":{"promptTokenCount":9,"toolUsePromptTokenCount":3,"candidatesTokenCount":20,"thoughtsTokenCount":50,"cachedContentTokenCount":4,"totalTokenCount":82}"#
      ))
    #expect(usage.promptTokens == 12 && usage.completionTokens == 70 && usage.reasoningTokens == 50)
    #expect(usage.cachedTokens == 4 && usage.totalTokens == 82)
  }

  @Test("grows from report to report: the largest is taken, nothing is added, zeros and nulls say nothing")
  func merging() throws {
    var usage = TokenUsage()
    for report in [
      #""usage":{"input_tokens":25,"output_tokens":1}"#, #""usage":null"#, #""usage":{"output_tokens":15}"#,
      #""usage":{"prompt_tokens":0,"completion_tokens":0}"#, #""usage":{"output_tokens":9}"#,
    ] {
      if let report = Self.usage(report) { usage.merge(report) }
    }
    #expect(usage.promptTokens == 25 && usage.completionTokens == 15 && usage.totalTokens == 40)
    #expect(Self.usage(#""usage":{"prompt_tokens":0,"completion_tokens":0,"total_tokens":0}"#) == nil)
    #expect(Self.usage(#""usage":{"prompt_tokens":-4,"completion_tokens":1.5,"total_tokens":99999999999}"#) == nil)
  }
}
