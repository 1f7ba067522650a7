import ChatProtocol
import Testing

@Suite("What part in an answer an event has")
struct EventPartTests {
  /// The part, in the words of the test.
  private static func part(_ data: String, named name: String? = nil) -> String {
    let bytes = Array(data.utf8)
    let fields: ChunkFields
    if let name {
      let name = Array(name.utf8)
      fields = EventScanner.scan(bytes.span.bytes, eventName: name.span.bytes)
    } else {
      fields = EventScanner.scan(bytes.span.bytes)
    }
    let parts = [
      fields.isBeginning ? "beginning" : nil, fields.hasProgress ? "progress" : nil,
      fields.finishedCount > 0 ? "end" : nil, fields.hasError ? "failure" : nil,
    ]
    return parts.compactMap(\.self).joined(separator: " ")
  }

  @Test(
    "a beginning announces, and nothing is lost when it is held back",
    arguments: [
      #"{"type":"message_start","message":{"id":"m","content":[],"stop_reason":null,"usage":{"input_tokens":3}}}"#,
      #"{"type": "ping"}"#,
      #"{"type":"content_block_start","index":0,"content_block":{"type":"text","text":"","citations":null}}"#,
      #"{"type":"content_block_start","index":0,"content_block":{"type":"thinking","thinking":"","signature":""}}"#,
      #"{"type":"response.created","response":{"id":"r","error":null,"output":[],"usage":null}}"#,
      #"{"type":"response.queued","response":{}}"#, #"{"type":"response.in_progress","response":{}}"#,
      #"{"type":"response.output_item.added","item":{"type":"message","role":"assistant","content":[]}}"#,
      #"{"type":"response.output_item.added","item":{"type":"reasoning","summary":[]}}"#,
      #"{"type":"response.content_part.added","part":{"type":"output_text","text":"","annotations":[]}}"#,
      #"{"type":"response.reasoning_summary_part.added","part":{"type":"summary_text","text":""}}"#,
      #"{"type":"response.web_search_call.in_progress","item_id":"w"}"#, #"{"event_type":"interaction.created"}"#,
      #"{"type":"message-start","delta":{"message":{"role":"assistant","content":[]}}}"#,
      #"{"choices":[{"index":0,"delta":{"role":"assistant","content":""}}]}"#,
    ])
  func beginning(event: String) {
    #expect(Self.part(event) == "beginning")
  }

  @Test(
    "progress is every event that brings something, and every one that is not known",
    arguments: [
      #"{"type":"content_block_delta","delta":{"type":"text_delta","text":"a"}}"#,
      #"{"type":"content_block_delta","delta":{"type":"signature_delta","signature":"Er"}}"#,
      #"{"type":"content_block_delta","delta":{"type":"citations_delta","citation":{"cited_text":"x"}}}"#,
      #"{"type":"content_block_start","content_block":{"type":"text","text":"a"}}"#,
      #"{"type":"content_block_start","content_block":{"type":"tool_use","id":"t","name":"f","input":{}}}"#,
      #"{"type":"content_block_start","content_block":{"type":"redacted_thinking","data":"Em"}}"#,
      #"{"type":"content_block_start","content_block":{"type":"web_search_tool_result","content":[{"url":"x"}]}}"#,
      #"{"type":"response.output_text.delta","delta":"a"}"#, #"{"type":"response.audio.delta","delta":"UklG"}"#,
      #"{"delta":"a","type":"response.reasoning_summary_text.delta"}"#,
      #"{"type":"response.output_item.added","item":{"type":"function_call","name":"f","arguments":""}}"#,
      #"{"type":"response.output_item.done","item":{}}"#, #"{"type":"response.output_text.annotation.added"}"#,
      #"{"type":"response.image_generation_call.partial_image","partial_image_b64":"x"}"#,
      #"{"type":"speech.audio.delta","audio":"UklG"}"#, #"{"type":"transcript.text.delta","delta":"a"}"#,
      #"{"type":"content-delta","delta":{"message":{"content":{"text":"a"}}}}"#,
      #"{"type":"response.brand_new","usage":{"input_tokens":1}}"#, #"{"type":7}"#, "{}", "[1]", "no JSON", "7",
      #"{"type":"message_start""#, #"{"response":"a"}"#,
      #"{"candidates":[{"content":{"parts":[{"inlineData":{"mimeType":"image/png","data":"x"}}]}}]}"#,
      #"{"candidates":[{"content":{"parts":[{"text":"","thoughtSignature":"x"}]}}]}"#,
      #"{"choices":[{"index":0,"delta":{"audio":{"data":"x"}}}]}"#,
    ])
  func progress(event: String) {
    #expect(Self.part(event) == "progress")
  }

  @Test(
    "the end is told apart",
    arguments: [
      #"{"type":"message_delta","delta":{"stop_reason":"end_turn","stop_sequence":"x"},"usage":{"output_tokens":3}}"#,
      #"{"usage":{"output_tokens":3},"delta":{"container":{"id":"c"},"stop_reason":"refusal"},"type":"message_delta"}"#,
      #"{"type":"message_stop"}"#, #"{"type":"response.completed","response":{"output":[{"type":"message"}]}}"#,
      #"{"type":"response.incomplete","response":{"error":null}}"#, #"{"event_type":"interaction.completed"}"#,
      #"{"type":"message-end","delta":{"finish_reason":"COMPLETE"}}"#,
      #"{"candidates":[{"content":{"parts":[{"text":""}]},"finishReason":"STOP"}]}"#,
      #"{"promptFeedback":{"blockReason":"SAFETY"}}"#, #"{"choices":[{"delta":{},"finish_reason":"stop"}]}"#,
    ])
  func end(event: String) {
    #expect(Self.part(event) == "end")
  }

  @Test(
    "the last piece may bring the end with it",
    arguments: [
      #"{"candidates":[{"content":{"parts":[{"text":"a"}]},"finishReason":"STOP"}]}"#,
      #"{"type":"transcript.text.done","text":"a","usage":{"input_tokens":1}}"#, #"{"type":"speech.audio.done"}"#,
      #"{"type":"image_generation.completed","b64_json":"x"}"#, #"{"type":"image_edit.completed","b64_json":"x"}"#,
    ])
  func lastPiece(event: String) {
    #expect(Self.part(event) == "progress end")
  }

  @Test(
    "a failure is neither end nor progress",
    arguments: [
      #"{"type":"error","error":{"type":"overloaded_error","message":"x"}}"#,
      #"{"type":"error","code":"server_error","message":"x","param":null,"sequence_number":3}"#,
      #"{"type":"error","error":null,"message":"x"}"#,
      #"{"type":"response.failed","response":{"status":"failed","error":{"code":"server_error","message":"x"}}}"#,
      #"{"type":"response.failed","response":{"error":null}}"#, #"{"error":{"code":503,"message":"x"}}"#,
      #"{"type":"response.brand_new","error":{"message":"x"}}"#, #"{"error":"x"}"#,
    ])
  func failure(event: String) {
    #expect(Self.part(event) == "failure")
  }

  @Test(
    "some events are nothing of all this",
    arguments: [
      #"{"type":"content_block_stop","index":0}"#, #"{"type":"message_delta","delta":{"stop_reason":null}}"#,
      #"{"type":"content_block_delta","delta":{"type":"input_json_delta","partial_json":""}}"#,
      #"{"type":"response.output_text.delta","delta":"","logprobs":[]}"#, #"{"usageMetadata":{"promptTokenCount":4}}"#,
      #"{"candidates":[{"content":{"parts":[{"text":""}]},"finishReason":"FINISH_REASON_UNSPECIFIED"}]}"#,
      #"{"choices":[],"usage":{"prompt_tokens":1}}"#, "[DONE]",
    ])
  func nothing(event: String) {
    #expect(Self.part(event) == "")
  }

  @Test("where an error's words stand")
  func words() {
    func words(_ event: String, named name: String = "") -> String? {
      let bytes = Array(event.utf8)
      let name = Array(name.utf8)
      return slice(event, EventScanner.scan(bytes.span.bytes, eventName: name.span.bytes).error)
    }
    let whole = #"{"type":"error","code":"c","message":"m"}"#
    #expect(words(whole) == whole)
    #expect(words(#"{"type":"response.failed","response":{"error":{"code":"c"}}}"#) == #"{"code":"c"}"#)
    #expect(words(#"{"type":"error","error":{"message":"m"}}"#) == #"{"message":"m"}"#)
    #expect(words(#"{"code":1,"message":"m"}"#, named: "error") == #"{"code":1,"message":"m"}"#)
    #expect(words("Internal Error", named: "error") == "Internal Error")
    #expect(words(#"{"code":1,"message":"m"}"#) == nil)
  }

  @Test("the event's name stands in for a type that is missing")
  func names() {
    #expect(Self.part(#"{"code":"c","message":"m"}"#, named: "error") == "failure")
    #expect(Self.part("{}", named: "ping") == "beginning" && Self.part("x", named: "ping") == "")
    #expect(Self.part("{}", named: "message_stop") == "end" && Self.part("{}", named: "message") == "progress")
    #expect(Self.part(#"{"delta":"a"}"#, named: "response.output_text.delta") == "progress")
    #expect(Self.part(#"{"type":"ping"}"#, named: "content_block_delta") == "beginning")
    #expect(Self.part(#"{"type":"message_start"}"#, named: "") == "beginning")
    #expect(Self.part("{}", named: "brand_new") == "progress")
  }

  @Test("each candidate ends by itself")
  func candidates() {
    let fields = EventScanner.scan(
      Array(
        #"{"candidates":[{"finishReason":"STOP","index":2},{"content":{}},{"index":0,"finishReason":"SAFETY"}]}"#.utf8
      ).span.bytes)
    #expect(fields.finishedCount == 2 && fields.finishedChoices == choices(0, 2))
  }
}
