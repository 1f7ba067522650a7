import ChatProtocol
import Testing

@Suite("Events and answers that are passed through")
struct EventScannerTests {
  private static func read(_ document: String) -> (fields: ChunkFields, texts: [String]) {
    let bytes = Array(document.utf8)
    let fields = EventScanner.scan(bytes.span.bytes)
    var texts: [String] = []
    fields.texts.forEach {
      texts.append("\($0.choice).\($0.part) \($0.channel): \($0.text.text(in: bytes.span.bytes))")
    }
    return (fields, texts)
  }

  @Test("of Anthropic: deltas by their members, the prompt's usage at the start, the answer's with the reason to stop")
  func anthropic() {
    let start = Self.read(
      #"{"type":"message_start","message":{"id":"m","role":"assistant","content":[],"usage":{"input_tokens":25,"cache_read_input_tokens":5,"output_tokens":1}}}"#
    )
    #expect(start.fields.usage?.promptTokens == 30 && start.fields.beginsAnswer && start.texts == [])
    #expect(start.fields.finishedCount == 0)
    let delta = Self.read(#"{"type":"content_block_delta","index":1,"delta":{"type":"text_delta","text":"Hi"}}"#)
    #expect(delta.texts == ["0.1 content: Hi"] && delta.fields.hasContent)
    #expect(
      Self.read(#"{"index":2,"type":"content_block_delta","delta":{"type":"thinking_delta","thinking":"hm"}}"#).texts
        == ["0.2 reasoning: hm"])
    #expect(
      Self.read(#"{"type":"content_block_delta","index":3,"delta":{"type":"input_json_delta","partial_json":"{\"a"}}"#)
        .texts == ["0.3 toolArguments: {\"a"])
    #expect(
      Self.read(
        #"{"type":"content_block_start","index":3,"content_block":{"type":"tool_use","id":"t","name":"find","input":{}}}"#
      ).texts == ["0.3 toolName: find"])
    let end = Self.read(
      #"{"type":"message_delta","delta":{"stop_reason":"end_turn","stop_sequence":null},"usage":{"output_tokens":15}}"#)
    #expect(end.fields.usage?.completionTokens == 15 && end.fields.finishedCount == 1)
    #expect(Self.read(#"{"type":"message_stop"}"#).fields.finishedCount == 1)
    #expect(Self.read(#"{"type":"ping"}"#).fields.isBeginning)
    #expect(Self.read(#"{"type":"error","error":{"type":"overloaded_error","message":"x"}}"#).fields.hasError)
  }

  @Test("of Responses: a delta is what its type says, and the text of the last event has been before")
  func responses() {
    for (type, channel) in [
      ("output_text", "content"), ("reasoning_summary_text", "reasoning"), ("refusal", "refusal"),
      ("function_call_arguments", "toolArguments"),
    ] {
      let event = #"{"type":"response.\#(type).delta","output_index":1,"delta":"x"}"#
      #expect(Self.read(event).texts == ["0.1 \(channel): x"])
      #expect(Self.read(#"{"delta":"x","type":"response.\#(type).done"}"#).fields.isMalformed == false)
    }
    #expect(
      Self.read(#"{"type":"response.output_item.added","item":{"type":"function_call","name":"f","arguments":""}}"#)
        .texts == ["0.0 toolName: f"])
    #expect(
      Self.read(#"{"type":"response.output_item.done","item":{"type":"function_call","name":"f","arguments":"{}"}}"#)
        .texts == [])
    let end = Self.read(
      #"{"type":"response.completed","response":{"output":[{"type":"message","content":[{"type":"output_text","text":"x"}]}],"usage":{"input_tokens":3,"input_tokens_details":{"cached_tokens":2},"output_tokens":4,"output_tokens_details":{"reasoning_tokens":1},"total_tokens":7}}}"#
    )
    #expect(end.texts == [] && end.fields.finishedCount == 1 && end.fields.usage?.totalTokens == 7)
    #expect(end.fields.usage?.cachedTokens == 2 && end.fields.usage?.reasoningTokens == 1)
    #expect(Self.read(#"{"type":"response.created","response":{"usage":null}}"#).fields.beginsAnswer)
  }

  @Test("of Gemini: parts of candidates, thoughts and calls among them")
  func gemini() {
    let chunk = Self.read(
      #"{"candidates":[{"content":{"parts":[{"text":"hm","thought":true},{"text":"Hi"},{"functionCall":{"name":"f","args":{"a":1}}}],"role":"model"},"index":0},{"index":1,"content":{"parts":[{"text":"Ho"}]}}],"usageMetadata":{"promptTokenCount":4,"candidatesTokenCount":2,"totalTokenCount":6}}"#
    )
    #expect(
      chunk.texts == [
        "0.0 reasoning: hm", "0.0 content: Hi", "0.0 toolName: f", #"0.0 toolArguments: {"a":1}"#, "1.0 content: Ho",
      ])
    #expect(chunk.fields.usage?.totalTokens == 6 && chunk.fields.finishedCount == 0)
    #expect(Self.read(#"{"candidates":[{"content":{},"finishReason":"STOP"}]}"#).fields.finishedCount == 1)
  }

  @Test("as whole answers: blocks of Anthropic, output of Responses")
  func whole() {
    #expect(
      Self.read(
        #"{"type":"message","content":[{"type":"thinking","thinking":"hm"},{"type":"text","text":"Hi"},{"type":"tool_use","name":"f","input":{"a":1}}],"usage":{"input_tokens":1,"output_tokens":2}}"#
      ).texts == ["0.0 reasoning: hm", "0.0 content: Hi", "0.0 toolName: f", #"0.0 toolArguments: {"a":1}"#])
    #expect(
      Self.read(
        #"{"output":[{"type":"message","content":[{"type":"output_text","text":"Hi"}]},{"type":"function_call","name":"f","arguments":"{}"}]}"#
      ).texts == ["0.0 content: Hi", "0.0 toolName: f", "0.0 toolArguments: {}"])
  }

  @Test(
    "skip what has another form than the documented one, and tell what is no JSON",
    arguments: [
      #"{"delta":7,"type":7,"item":[],"candidates":{},"content":"x","output":1,"usage":[],"message":"m","response":0}"#,
      #"{"content_block":[1],"candidates":[1,{"content":[]},{"content":{"parts":[1,{"functionCall":2}]}}],"index":"x"}"#,
      #"{"content":[[{"text":1}],{"content":[{"content":[{"text":"deep"}]}]},{"input":[]},{"input":{}}]}"#,
    ])
  func strange(document: String) {
    let (fields, texts) = Self.read(document)
    #expect(!fields.isMalformed && texts == [] && fields.usage == nil)
    for length in 0..<document.utf8.count { #expect(Self.read(String(document.prefix(length))).fields.isMalformed) }
  }
}
