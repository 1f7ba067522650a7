import ScriptedUpstream
import TestKit
import Testing

@Suite("OpenAI's responses")
struct ResponsesTests {
  private static let script =
    "provider=openai promptTokens=50 cached=10 events=3 reasoning=2 refusal=2 tools=1 hidden=4"

  @Test("stream numbered events; the last one has the whole answer and its usage")
  func stream() throws {
    let rig = try Rig()
    let client = try rig.client()
    try client.post("/v1/responses", Rig.body(Self.script, model: "m"))
    let body = try client.readResponse().body
    let plan = StreamPlan(try Script(parsing: Self.script), model: "m", includeUsage: false, endpoint: .responses)
    #expect(body == plan.eventBytes.flatMap { $0 })
    let events = try ReceivedText.payloads(body).map { payload in try JSONTree(payload) }
    #expect(events.compactMap { $0["sequence_number"]?.int } == Array(0..<plan.eventCount))
    let types = events.compactMap { $0["type"]?.string }
    #expect(types.first == "response.created")
    #expect(types.last == "response.completed")
    for (type, count) in [
      ("response.output_text.delta", 3), ("response.reasoning_summary_text.delta", 2), ("response.refusal.delta", 2),
      ("response.function_call_arguments.delta", 6), ("response.output_item.added", 3),
      ("response.output_item.done", 3), ("response.content_part.added", 2), ("response.output_text.done", 1),
    ] {
      #expect(types.filter { $0 == type }.count == count, "\(type)")
    }
    let usage = try #require(events.last?["response"]?["usage"])
    #expect(usage["input_tokens"]?.int == 50)
    #expect(usage["input_tokens_details"]?["cached_tokens"]?.int == 10)
    #expect(usage["output_tokens"]?.int == 3 + 2 + 2 + 7 + 4)
    #expect(usage["output_tokens_details"]?["reasoning_tokens"]?.int == 2)
    #expect(usage["total_tokens"]?.int == 68)
    #expect(events.dropLast().allSatisfy { ($0["response"]?["usage"] ?? .null) == .null })
  }

  @Test("in one piece are what the last event of the stream holds")
  func plain() throws {
    let rig = try Rig()
    let client = try rig.client()
    try client.post("/v1/responses", Rig.body(Self.script, model: "m", stream: false))
    let answer = try JSONTree(try client.readResponse().body)
    let plan = StreamPlan(try Script(parsing: Self.script), model: "m", includeUsage: false, endpoint: .responses)
    let last = try JSONTree(try #require(plan.dataPayloads.last))
    #expect(last["response"] == answer)
    #expect(answer["output"]?.elements.map { $0["type"]?.string } == ["reasoning", "message", "function_call"])
    #expect(answer["output"]?.elements[2]["arguments"]?.string == #"{"city":"Lyon","unit":"celsius"}"#)
  }
}
