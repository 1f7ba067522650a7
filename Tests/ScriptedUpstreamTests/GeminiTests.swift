import ScriptedUpstream
import TestKit
import Testing

@Suite("Gemini's own endpoint")
struct GeminiTests {
  private static let script = "provider=gemini promptTokens=50 cached=10 events=3 reasoning=2 tools=1 hidden=4"

  @Test("streams answers with parts and counts of all so far, and no [DONE]")
  func stream() throws {
    let rig = try Rig()
    let client = try rig.client()
    try client.post("/v1/models/g-2:streamGenerateContent?alt=sse", Rig.body(Self.script))
    let response = try client.readResponse()
    #expect(response.header("content-type")?.hasPrefix("text/event-stream") == true)
    let plan = StreamPlan(try Script(parsing: Self.script), model: "g-2", includeUsage: false, endpoint: .gemini)
    #expect(response.body == plan.eventBytes.flatMap { $0 })
    let events = try ReceivedText.payloads(response.body).map { payload in try JSONTree(payload) }
    #expect(events.count == 2 + 3 + 1 + 1)
    #expect(events[0]["candidates"]?.elements[0]["content"]?["parts"]?.elements[0]["thought"] == .bool(true))
    #expect(events[0]["modelVersion"]?.string == "g-2")
    #expect(events[0]["usageMetadata"]?["candidatesTokenCount"] == nil)
    let totals = events.compactMap { $0["usageMetadata"]?["totalTokenCount"]?.int }
    #expect(totals == totals.sorted() && totals.count == events.count && totals.last == 60)
    let last = try #require(events.last)
    #expect(last["candidates"]?.elements[0]["finishReason"]?.string == "STOP")
    #expect(last["usageMetadata"]?["candidatesTokenCount"]?.int == 8)
    #expect(last["usageMetadata"]?["thoughtsTokenCount"]?.int == 2)
    #expect(last["usageMetadata"]?["cachedContentTokenCount"]?.int == 10)
  }

  @Test("in one piece has a part for the thoughts, one for the text and one for each call")
  func plain() throws {
    let rig = try Rig()
    let client = try rig.client()
    try client.post("/v1/models/g-2:generateContent", Rig.body("\(Self.script) choices=2", stream: false))
    let answer = try JSONTree(try client.readResponse().body)
    #expect(answer["candidates"]?.elements.count == 2)
    let parts = try #require(answer["candidates"]?.elements[0]["content"]?["parts"]?.elements)
    #expect(parts.count == 3)
    #expect(parts[0]["thought"] == .bool(true))
    #expect(parts[2]["functionCall"]?["args"]?["unit"]?.string == "celsius")
    #expect(answer["usageMetadata"]?["totalTokenCount"]?.int == 50 + 12 + 4)
  }

  @Test("is found only where a provider is named")
  func path() throws {
    let rig = try Rig()
    let client = try rig.client()
    try client.post("/v1/models/g-2:streamGenerateContent", Rig.body("events=1"))
    #expect(try client.readResponse().status == 404)
  }
}
