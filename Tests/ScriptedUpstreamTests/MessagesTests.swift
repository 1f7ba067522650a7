import ScriptedUpstream
import TestKit
import Testing

@Suite("Anthropic's messages")
struct MessagesTests {
  private static let script =
    "provider=anthropic promptTokens=50 cached=10 cacheWrite=5 events=2 reasoning=2 tools=1 hidden=4"

  @Test("a stream is blocks of typed events, with usage in the first and, cumulative, in the last but one")
  func stream() throws {
    let plan = StreamPlan(try Script(parsing: Self.script), model: "c", includeUsage: false, endpoint: .messages)
    let text = String(decoding: plan.eventBytes.flatMap { $0 }, as: UTF8.self)
    let names = text.split(separator: "\n").filter { $0.hasPrefix("event: ") }.map { $0.dropFirst(7) }
    let payloads = try plan.dataPayloads.map { payload in try JSONTree(payload) }
    #expect(payloads.map { $0["type"]?.string } == names.map { String($0) })
    let block = ["content_block_delta", "content_block_delta"]
    #expect(
      names.map { String($0) } == ["message_start", "content_block_start", "ping"] + block
        + ["content_block_delta", "content_block_stop", "content_block_start"] + block
        + ["content_block_stop", "content_block_start"] + block + block + block
        + ["content_block_stop", "message_delta", "message_stop"])
    let start = try #require(payloads[0]["message"]?["usage"])
    #expect(start["input_tokens"]?.int == 35)
    #expect(start["cache_read_input_tokens"]?.int == 10)
    #expect(start["cache_creation_input_tokens"]?.int == 5)
    #expect(start["output_tokens"]?.int == 1)
    let delta = payloads[payloads.count - 2]
    #expect(delta["usage"]?["output_tokens"]?.int == 2 + 2 + 7 + 4)
    #expect(delta["delta"]?["stop_reason"]?.string == "tool_use")
    #expect(payloads.filter { $0["index"] != nil }.compactMap { $0["index"]?.int }.max() == 2)
  }

  @Test("in one piece has the blocks and all counts; without a provider the path echoes")
  func plain() throws {
    let rig = try Rig()
    let client = try rig.client()
    try client.post("/v1/messages", Rig.body(Self.script, stream: false))
    let answer = try JSONTree(try client.readResponse().body)
    #expect(answer["content"]?.elements.map { $0["type"]?.string } == ["thinking", "text", "tool_use"])
    #expect(answer["content"]?.elements[1]["text"]?.string == "In the")
    #expect(answer["content"]?.elements[2]["input"]?["city"]?.string == "Lyon")
    #expect(answer["usage"]?["input_tokens"]?.int == 35)
    #expect(answer["usage"]?["output_tokens"]?.int == 15)
    try client.post("/v1/messages", Rig.body("events=1"))
    #expect(try client.readResponse().text.hasPrefix(#"{"object":"echo""#))
  }

  @Test("an error is an event of its own, and nothing follows")
  func error() throws {
    let script = try Script(parsing: "\(Self.script) fault=errorEvent after=1")
    let plan = StreamPlan(script, model: "c", includeUsage: false, endpoint: .messages)
    let last = try #require(plan.eventBytes.last)
    #expect(last.starts(with: "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":".utf8))
    #expect(plan.eventCount == 5)
  }
}
