import ScriptedUpstream
import TestKit
import Testing

@Suite("A scripted fault in every dialect")
struct ShapeFaultTests {
  static let dialects: [(String, StreamPlan.Endpoint, Script.Provider)] = [
    ("/v1/chat/completions", .chat, .openai), ("/v1/chat/completions", .chat, .vllm),
    ("/v1/chat/completions", .chat, .deepseek), ("/v1/completions", .completions, .qwen),
    ("/v1/messages", .messages, .anthropic), ("/v1/responses", .responses, .openai),
    ("/v1/models/m:streamGenerateContent", .gemini, .gemini),
  ]

  @Test("cuts after each event in turn, and the client has what the plan says", arguments: dialects)
  func everyEvent(path: String, endpoint: StreamPlan.Endpoint, provider: Script.Provider) throws {
    let rig = try Rig()
    let words = "provider=\(provider) events=2 reasoning=1 tools=1 text=mixed"
    let healthy = StreamPlan(try Script(parsing: words), model: "m", includeUsage: true, endpoint: endpoint)
    for count in 0...healthy.eventCount {
      let fault = count.isMultiple(of: 2) ? "reset" : "close"
      let script = "\(words) gap=1ms fault=\(fault) afterEvents=\(count)"
      let client = try rig.client()
      try client.post(path, Rig.body(script, model: "m", usage: true))
      let (bytes, ending) = client.readAll(timeout: .seconds(5))
      #expect(ending == (fault == "reset" ? .reset : .end))
      let plan = StreamPlan(try Script(parsing: script), model: "m", includeUsage: true, endpoint: endpoint)
      #expect(plan.eventBytes == Array(healthy.eventBytes.prefix(count)))
      // A reset may overtake the last bytes; an end may not.
      if fault == "close" {
        let texts = ReceivedText.texts(bytes, endpoint)
        #expect(texts == plan.channelTexts())
        #expect(texts == healthy.channelTexts(afterEvents: count))
      }
    }
  }

  @Test("ends, stalls, errs and breaks as it does in OpenAI's", arguments: dialects)
  func faults(path: String, endpoint: StreamPlan.Endpoint, provider: Script.Provider) throws {
    let words = "provider=\(provider) events=4 reasoning=0"
    func plan(_ fault: String) throws -> StreamPlan {
      StreamPlan(try Script(parsing: "\(words) \(fault)"), model: "m", includeUsage: true, endpoint: endpoint)
    }
    let healthy = try plan("")
    let events = healthy.eventBytes
    for fault in ["reset", "close", "stall", "endEarly", "badFraming"] {
      let cut = try plan("fault=\(fault) after=2")
      #expect(cut.tokenCount == 2)
      #expect(
        cut.eventBytes.filter { !$0.isEmpty } == Array(events.prefix(cut.eventCount - (fault == "badFraming" ? 1 : 0))))
      #expect(cut.channelTexts() == healthy.channelTexts(afterTokens: 2))
    }
    let truncated = try plan("fault=truncate after=2").eventBytes
    #expect(truncated.last == Array(events[truncated.count - 1].prefix(events[truncated.count - 1].count / 2)))
    let malformed = try plan("fault=malformed after=2")
    #expect(malformed.eventCount == healthy.eventCount + 1)
    #expect(malformed.channelTexts() == healthy.channelTexts())
    #expect(malformed.dataPayloads.filter { (try? JSONTree($0)) == nil && $0 != Array("[DONE]".utf8) }.count == 1)
    let errored = try plan("fault=errorEvent after=2")
    #expect(
      try JSONTree(try #require(errored.dataPayloads.last { $0 != Array("[DONE]".utf8) }))["error"] != nil
        || endpoint == .responses)
    #expect(errored.channelTexts() == healthy.channelTexts(afterTokens: 2))
    #expect(try plan("fault=noFinish").eventCount < healthy.eventCount)
  }

  @Test("keeps its way over the wire", arguments: dialects)
  func wire(path: String, endpoint: StreamPlan.Endpoint, provider: Script.Provider) throws {
    let rig = try Rig()
    for words in ["", "chunkSplit=7 lineEnd=crlf", "writeSplit=5 text=mixedEscaped", "framing=length bom comments=2"] {
      let script = "provider=\(provider) events=6 reasoning=2 tools=1 \(words)"
      let client = try rig.client()
      try client.post(path, Rig.body(script, model: "m", usage: true))
      let plan = StreamPlan(try Script(parsing: script), model: "m", includeUsage: true, endpoint: endpoint)
      let response = try client.readResponse()
      #expect(response.body == plan.eventBytes.flatMap { $0 })
      #expect(plan.dataPayloads == ReceivedText.payloads(response.body))
      #expect(waitUntil { rig.server.seen.tokensSent == plan.tokenCount })
      rig.server.reset()
    }
  }
}
