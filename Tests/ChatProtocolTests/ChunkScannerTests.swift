import ChatProtocol
import Testing

@Suite("Reading a chunk")
struct ChunkScannerTests {
  private func scan(_ text: String) -> ChunkFields { chunk(text) }

  private func isDone(_ text: String) -> Bool { ChunkScanner.isDone(Array(text.utf8).span.bytes) }

  private func stripped(_ chunk: String) -> String {
    var bytes = Array(chunk.utf8)
    if let member = scan(chunk).usageMember { bytes.removeSubrange(member) }
    return String(decoding: bytes, as: UTF8.self)
  }

  @Test("OpenAI: role, content, finish and usage chunks")
  func openAI() {
    let head =
      #"{"id":"chatcmpl-1","object":"chat.completion.chunk","created":1,"model":"gpt-4o","service_tier":"default","system_fingerprint":"fp_1","choices":["#
    let role = scan(
      head
        + #"{"index":0,"delta":{"role":"assistant","content":"","refusal":null},"logprobs":null,"finish_reason":null}],"usage":null}"#
    )
    #expect(role.isRoleOnly && role.hasRole && !role.hasProgress && role.choicesCount == 1 && role.usage == nil)
    #expect(role.usageMember != nil)
    let contentChunk =
      head + #"{"index":0,"delta":{"content":" \"h\u00e9\""},"logprobs":null,"finish_reason":null}],"usage":null}"#
    let content = scan(contentChunk)
    #expect(content.hasContent && !content.isRoleOnly && string(content.firstContent, in: contentChunk) == " \"hé\"")
    #expect(string(content.id, in: contentChunk) == "chatcmpl-1" && string(content.model, in: contentChunk) == "gpt-4o")
    let finish = scan(head + #"{"index":0,"delta":{},"logprobs":null,"finish_reason":"stop"}],"usage":null}"#)
    #expect(
      finish.finishedCount == 1 && finish.finishedChoices.contains(0) && !finish.hasProgress && !finish.isRoleOnly)
    let usage = scan(
      head
        + #"],"usage":{"prompt_tokens":9,"completion_tokens":12,"total_tokens":21,"prompt_tokens_details":{"cached_tokens":4,"audio_tokens":0},"completion_tokens_details":{"reasoning_tokens":3,"audio_tokens":0}}}"#
    )
    #expect(usage.choicesIsEmpty && usage.hasChoices)
    #expect(usage.usage?.promptTokens == 9 && usage.usage?.completionTokens == 12 && usage.usage?.totalTokens == 21)
    #expect(usage.usage?.cachedTokens == 4 && usage.usage?.reasoningTokens == 3)
  }

  @Test("DeepSeek: reasoning first, usage on the finishing chunk")
  func deepSeek() {
    let chunk =
      #"{"id":"1","object":"chat.completion.chunk","created":1,"model":"deepseek-reasoner","system_fingerprint":"fp","choices":[{"index":0,"delta":{"content":null,"reasoning_content":"Hmm"},"logprobs":null,"finish_reason":null}]}"#
    let reasoning = scan(chunk)
    #expect(reasoning.hasReasoning && !reasoning.hasContent && string(reasoning.firstReasoning, in: chunk) == "Hmm")
    let last = scan(
      #"{"id":"1","choices":[{"index":0,"delta":{"content":"","reasoning_content":null},"logprobs":null,"finish_reason":"stop"}],"usage":{"prompt_tokens":5,"completion_tokens":7,"total_tokens":12,"prompt_cache_hit_tokens":3,"prompt_cache_miss_tokens":2}}"#
    )
    #expect(last.finishedCount == 1 && last.usage?.totalTokens == 12 && last.usage?.cachedTokens == 3)
  }

  @Test("DashScope, vLLM, OpenRouter and Azure spell it their way")
  func others() {
    let qwen = scan(
      #"{"choices":[{"delta":{"content":"","reasoning_content":"好"},"finish_reason":null,"index":0,"logprobs":null}],"object":"chat.completion.chunk","usage":null,"created":1,"system_fingerprint":null,"model":"qwq-32b","id":"chatcmpl-1"}"#
    )
    #expect(qwen.hasReasoning && !qwen.hasContent && qwen.usage == nil && !qwen.isMalformed)
    let vllm = scan(
      #"{"id":"c","object":"chat.completion.chunk","created":1,"model":"Qwen/QwQ-32B","choices":[{"index":0,"delta":{"content":"x","tool_calls":[]},"logprobs":null,"finish_reason":null,"stop_reason":null}],"usage":{"prompt_tokens":3,"total_tokens":4,"completion_tokens":1}}"#
    )
    #expect(vllm.hasContent && !vllm.hasToolCalls && vllm.usage?.completionTokens == 1)
    let openRouter = scan(#"{"choices":[{"delta":{"role":"assistant","content":"","reasoning":"so"},"index":0}]}"#)
    #expect(openRouter.hasReasoning && openRouter.hasRole && !openRouter.isRoleOnly)
    let azure = scan(
      #"{"choices":[],"created":0,"id":"","model":"","object":"","prompt_filter_results":[{"prompt_index":0,"content_filter_results":{"hate":{"filtered":false},"error":{"code":"x"}}}]}"#
    )
    #expect(azure.choicesIsEmpty && !azure.hasError && !azure.isMalformed && azure.usage == nil)
  }

  @Test("tool calls, refusals, function calls, lists of parts, probabilities")
  func kinds() {
    func delta(_ members: String) -> ChunkFields { scan(#"{"choices":[{"index":0,"delta":{\#(members)}}]}"#) }
    #expect(delta(#""tool_calls":[{"index":0,"function":{"arguments":"{\"content\":\"no\"}"}}]"#).hasToolCalls)
    #expect(delta(#""function_call":{"name":"f"}"#).hasToolCalls)
    #expect(!delta(#""tool_calls":null,"function_call":null"#).hasToolCalls)
    #expect(!delta(#""tool_calls":[ ]"#).hasToolCalls)
    #expect(delta(#""refusal":"no""#).hasRefusal && !delta(#""refusal":"""#).hasRefusal)
    #expect(delta(#""content":[{"type":"text","text":"a"}]"#).hasContent && !delta(#""content":[]"#).hasContent)
    #expect(delta(#""content":[{"type":"text"}]"#).firstContent == nil)
    #expect(scan(#"{"choices":[{"delta":{"content":"a"},"logprobs":{"content":[]}}]}"#).hasLogprobs)
    #expect(delta(#""cont\u0065nt":"a""#).hasContent)
  }

  @Test("several choices: the first text is told, flags and finish reasons cover all")
  func choices() {
    let chunk =
      #"{"choices":[{"index":2,"delta":{"content":""},"finish_reason":"stop"},{"finish_reason":"length","index":5,"delta":{"content":"b"}},{"index":1,"delta":{"content":"c"},"finish_reason":null},{"delta":{},"finish_reason":"stop"},{"index":64,"finish_reason":"stop"},{"index":-1,"finish_reason":"stop"}]}"#
    let fields = scan(chunk)
    #expect(fields.choicesCount == 6 && fields.finishedCount == 5)
    #expect((-2...300).filter(fields.finishedChoices.contains) == [2, 3, 5, 64] && fields.finishedChoices.count == 4)
    #expect(string(fields.firstContent, in: chunk) == "b" && string(fields.finishReason, in: chunk) == "stop")
  }

  @Test("whole answers and the older completions are read by the same scan")
  func bodies() {
    let whole =
      #"{"id":"c","object":"chat.completion","choices":[{"index":0,"message":{"role":"assistant","content":"Hi","reasoning_content":"r"},"finish_reason":"stop"}],"usage":{"prompt_tokens":1,"completion_tokens":2,"total_tokens":3}}"#
    let fields = scan(whole)
    #expect(string(fields.firstContent, in: whole) == "Hi" && fields.hasReasoning && fields.usage?.totalTokens == 3)
    let legacy = #"{"object":"text_completion","choices":[{"text":" a","index":0,"finish_reason":null}]}"#
    #expect(string(scan(legacy).firstContent, in: legacy) == " a")
    let embeddings = scan(
      #"{"object":"list","data":[{"embedding":[0.1,-2e-5]}],"model":"e","usage":{"prompt_tokens":8,"total_tokens":8}}"#)
    #expect(embeddings.usage?.promptTokens == 8 && embeddings.usage?.completionTokens == nil && !embeddings.hasChoices)
    let other = scan(
      #"{"usage":{"input_tokens":5,"output_tokens":6,"cache_read_input_tokens":2,"output_tokens_details":{"reasoning_tokens":1}}}"#
    )
    #expect(other.usage?.promptTokens == 7 && other.usage?.totalTokens == 13)
    #expect(other.usage?.cachedTokens == 2 && other.usage?.reasoningTokens == 1)
  }

  @Test("an error inside the stream is seen; a null one is none")
  func errors() {
    let chunk = #"{"error":{"message":"overloaded","code":503},"choices":[]}"#
    #expect(scan(chunk).error == 9..<44)
    #expect(scan(#"{"error":"text"}"#).hasError && !scan(#"{"error":null,"choices":[]}"#).hasError)
    #expect(!scan(#"{"choices":[{"error":{"a":1}}],"x":{"error":1}}"#).hasError)
  }

  @Test(
    "counts that cannot be are ignored",
    arguments: [
      "-1", "1.5", "1e300", "99999999999999999999", "1099511627777", "\"5\"", "null", "true", "[1]", "{\"a\":1}",
    ])
  func absurd(count: String) {
    let fields = scan(#"{"usage":{"prompt_tokens":\#(count),"completion_tokens":2}}"#)
    #expect(!fields.isMalformed && fields.usage?.promptTokens == nil && fields.usage?.completionTokens == 2)
  }

  @Test("a usage of another shape is none", arguments: ["null", "{}", "[]", "5", "\"x\"", "{\"prompt_tokens\":null}"])
  func noUsage(value: String) {
    let fields = scan(#"{"usage":\#(value),"choices":[]}"#)
    #expect(fields.usage == nil && fields.usageMember != nil && !fields.isMalformed)
  }

  @Test(
    "without its usage member the chunk is what it would have been",
    arguments: [
      (#"{"usage":{"a":1}}"#, "{}"), (#"{"usage":null,"b":2}"#, #"{"b":2}"#), (#"{"a":1,"usage":null}"#, #"{"a":1}"#),
      (#"{"a":1,"usage":{},"b":2}"#, #"{"a":1,"b":2}"#), (#"{ "usage" : 1 , "b":2}"#, #"{  "b":2}"#),
      (#"{"a":1 , "usage" : 1 , "b":2}"#, #"{"a":1  , "b":2}"#), (#"{"a":{"usage":1}}"#, #"{"a":{"usage":1}}"#),
    ])
  func strip(before: String, after: String) {
    #expect(stripped(before) == after)
    #expect(!scan(after).isMalformed)
  }

  @Test(
    "what is no chunk is malformed and nothing worse",
    arguments: [
      "", " ", "[DONE]", "null", "[]", "{", #"{"choices":"#, #"{"choices":[{"delta":{"content":"a"#, "{}x", "not json",
      #"{"usage":1,"usage":2}"#, #"{"choices":[],"choices":[]}"#, #"{"error":null,"error":{}}"#,
    ])
  func malformed(text: String) {
    #expect(scan(text).isMalformed)
  }

  @Test("choices of another shape are no choices")
  func oddShapes() {
    #expect(!scan(#"{"choices":null}"#).hasChoices)
    let fields = scan(#"{"choices":[null,1,[],{"delta":null},{"delta":[]},{"delta":{"content":5,"role":null}}]}"#)
    #expect(!fields.isMalformed && fields.choicesCount == 6 && !fields.hasProgress && !fields.hasRole)
  }

  @Test("cut anywhere, a chunk is malformed and never traps")
  func cuts() {
    let bytes = Array(
      #"{"id":"1","choices":[{"index":0,"delta":{"content":"é\ud83d\ude00"},"finish_reason":"stop"}],"usage":{"prompt_tokens":1}}"#
        .utf8)
    for end in 0..<bytes.count { #expect(chunk(Array(bytes[..<end])).isMalformed) }
    #expect(!chunk(bytes).isMalformed)
  }

  @Test("only [DONE] is done")
  func done() {
    #expect(isDone("[DONE]"))
    for other in ["", "[DONE", "[DONE] ", "[done]", "[DONE}", "DONE", "{DONE]"] {
      #expect(!isDone(other))
    }
  }
}
