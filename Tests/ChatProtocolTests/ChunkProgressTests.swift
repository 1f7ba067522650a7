import ChatProtocol
import Testing

@Suite("What a chunk brings, and whether it ends a choice")
struct ChunkProgressTests {
  private static func delta(_ members: String) -> ChunkFields {
    chunk(#"{"choices":[{"index":0,"delta":{\#(members)}}]}"#)
  }

  private static func texts(_ members: String) -> [String] {
    let document = Array(#"{"choices":[{"delta":{\#(members)},"index":0}]}"#.utf8)
    var found: [String] = []
    ChunkScanner.scan(document.span.bytes).texts.forEach {
      found.append("\($0.channel): \($0.text.text(in: document.span.bytes))")
    }
    return found
  }

  @Test(
    "a reason that is none ends nothing", arguments: [#""""#, #""null""#, #""NULL""#, #""Null""#, "null", "0", "{}"])
  func noReason(value: String) {
    let fields = chunk(#"{"choices":[{"index":0,"delta":{"content":"a"},"finish_reason":\#(value)}]}"#)
    #expect(fields.finishedCount == 0 && fields.finishedChoices.isEmpty && fields.finishReason == nil)
    #expect(fields.hasContent && !fields.isMalformed)
  }

  @Test("the first reason that is one is told", arguments: ["stop", "nul", "nulls", "none", "eos", "NULLABLE"])
  func reason(value: String) {
    let text =
      #"{"choices":[{"index":0,"finish_reason":"null"},{"index":1,"finish_reason":"\#(value)"},{"finish_reason":""}]}"#
    let fields = chunk(text)
    #expect(fields.finishedCount == 1 && fields.finishedChoices == choices(1))
    #expect(string(fields.finishReason, in: text) == value)
  }

  @Test(
    "whatever a delta brings is progress",
    arguments: [
      #""audio":{"data":"UklGRg=="}"#, #""audio":{"id":"a","transcript":"Hi"}"#, #""audio":"UklGRg==""#,
      #""images":[{"type":"image_url","image_url":{"url":"data:x"}}]"#,
      #""reasoning_details":[{"type":"reasoning.encrypted","data":"gAAA","index":0}]"#,
      #""reasoning_details":"hm""#, #""thinking_blocks":[{"type":"thinking","thinking":"","signature":"Er"}]"#,
      #""thinking_blocks":[{"type":"redacted_thinking","data":"Em"}]"#, #""thinking_blocks":["x"]"#,
      #""annotations":[{"type":"url_citation"}]"#, #""reasoning_opaque":"x""#, #""brand_new":0"#, #""brand_new":false"#,
      #""brand_new":" ""#, #""brand_new":[0]"#, #""brand_new":{"a":null,"b":"x"}"#, #""brand_new":[[null]]"#,
    ])
  func progress(members: String) {
    let fields = Self.delta(#""role":"assistant","content":"","# + members)
    #expect(fields.hasOther && fields.hasProgress && !fields.isRoleOnly && !fields.isMalformed)
    #expect(!fields.hasContent && !fields.hasReasoning)
  }

  @Test(
    "what is empty or only announces is not",
    arguments: [
      #""audio":null"#, #""audio":{"id":"a"}"#, #""audio":{"id":"a","data":"","transcript":""}"#, #""images":[]"#,
      #""reasoning_details":[]"#, #""reasoning_details":[{"type":"reasoning.text","text":"","format":"f","index":0}]"#,
      #""thinking_blocks":null"#, #""thinking_blocks":[{"type":"thinking","thinking":"","signature":""}]"#,
      #""annotations":[ ]"#, #""brand_new":null"#, #""brand_new":"""#, #""brand_new":{}"#, #""brand_new":{ }"#,
      #""brand_new":["",null,[],{ }]"#, #""brand_new":{"a":null,"b":"","c":[],"d":{}}"#, #""name":"bot""#,
      #""finish_reason":"stop""#, #""reasoning_text":"""#,
    ])
  func noProgress(members: String) {
    let fields = Self.delta(#""role":"assistant","content":"","# + members)
    #expect(!fields.hasOther && !fields.hasProgress && fields.isRoleOnly && fields.finishedCount == 0)
  }

  @Test("reasoning is counted where it stands")
  func reasoning() {
    #expect(
      Self.texts(
        #""reasoning_details":[{"type":"reasoning.text","text":"a","signature":null},{"type":"reasoning.summary","summary":"b"}]"#
      ) == ["reasoning: a", "reasoning: b"])
    #expect(Self.texts(#""thinking_blocks":[{"type":"thinking","thinking":"a","signature":"s"}]"#) == ["reasoning: a"])
    #expect(Self.texts(#""reasoning_text":"a""#) == ["reasoning: a"])
    #expect(Self.delta(#""reasoning_details":[{"text":"a"}]"#).hasReasoning)
  }

  @Test("reasoning that stands in several places counts once, and its plain member wins")
  func once() {
    let list = #""reasoning_details":[{"text":"a"},{"summary":"b"}]"#
    let blocks = #""thinking_blocks":[{"thinking":"ab","signature":"s"}]"#
    let plain = ["reasoning: ab"]
    for name in ["reasoning", "reasoning_content", "reasoning_text"] {
      let text = #""\#(name)":"ab""#
      #expect(Self.texts("\(text),\(list)") == plain)
      #expect(Self.texts("\(list),\(text)") == plain)
      #expect(Self.texts("\(blocks),\(text),\(list)") == plain)
      #expect(Self.texts(#""content":"c",\#(list),\#(text)"#) == ["content: c"] + plain)
      #expect(Self.texts(#"\#(list),"content":"c",\#(text)"#) == ["content: c"] + plain)
      #expect(Self.texts(#""content":"c",\#(list),"refusal":"d",\#(text)"#) == ["content: c", "refusal: d"] + plain)
      #expect(Self.texts(#"\#(list),"\#(name)":"""#) == ["reasoning: a", "reasoning: b"])
    }
    #expect(Self.texts("\(list),\(blocks)") == ["reasoning: a", "reasoning: b"])
    #expect(Self.texts("\(blocks),\(list)") == plain)
    #expect(Self.texts(#""reasoning_details":[{"data":"x"}],\#(blocks)"#) == plain)
    // What is sealed is seen also in a list whose texts do not count.
    #expect(Self.delta(#""reasoning":"ab","reasoning_details":[{"text":"ab"},{"data":"x"}]"#).hasOther)
  }

  @Test("a sound that tells when it expires has ended")
  func audio() {
    let last = chunk(#"{"choices":[{"delta":{"audio":{"expires_at":1727389042}},"finish_reason":null,"index":1}]}"#)
    #expect(
      last.finishedCount == 1 && last.finishedChoices == choices(1) && last.finishReason == nil && !last.hasProgress)
    #expect(Self.delta(#""audio":{"id":"a","expires_at":null}"#).finishedCount == 0)
    #expect(Self.delta(#""audio":{"expires_at":1},"audio":{"data":"x"}"#).finishedCount == 1)
    let whole = chunk(
      #"{"choices":[{"message":{"audio":{"id":"a","data":"x","expires_at":1,"transcript":"Hi"}},"finish_reason":"stop"}]}"#
    )
    #expect(whole.finishedCount == 1 && whole.hasProgress)
  }

  @Test("cut anywhere, it is malformed and never traps")
  func cuts() {
    let bytes = Array(
      #"{"choices":[{"delta":{"reasoning_details":[{"text":"a","data":"b"}],"reasoning":"é","audio":{"data":"x","expires_at":1},"new":[{}, [ ]]},"finish_reason":"null"}]}"#
        .utf8)
    for end in 0..<bytes.count { #expect(chunk(Array(bytes[..<end])).isMalformed) }
    #expect(!chunk(bytes).isMalformed)
  }
}
