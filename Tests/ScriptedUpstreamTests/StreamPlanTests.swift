import ScriptedUpstream
import Testing

@Suite("A stream's plan")
struct StreamPlanTests {
  private func payloads(_ script: String, model: String = "gpt-4o-mini", usage: Bool = false) throws -> [String] {
    StreamPlan(try Script(parsing: script), model: model, includeUsage: usage).dataPayloads.map {
      String(decoding: $0, as: UTF8.self)
    }
  }

  @Test("a plain stream is role, tokens, finish and [DONE]")
  func plain() throws {
    let events = try payloads("events=3")
    #expect(events.count == 6)
    #expect(events[0].contains(#""delta":{"role":"assistant","content":""}"#))
    #expect(events[1].contains(#""delta":{"content":"Hello!"}"#))
    #expect(events[2].contains(#""delta":{"content":" Every"}"#))
    #expect(events[4].contains(#""finish_reason":"stop""#))
    #expect(events[5] == "[DONE]")
    #expect((220...320).contains(events[2].utf8.count))
  }

  @Test("a reasoning model reasons first and names the silent field as null")
  func reasoning() throws {
    let events = try payloads("events=1 reasoning=2", model: "deepseek-r1")
    #expect(events[0].contains(#"{"role":"assistant","content":null,"reasoning_content":""}"#))
    #expect(events[1].contains(#"{"content":null,"reasoning_content":"The"}"#))
    #expect(events[3].contains(#"{"content":"A","reasoning_content":null}"#))
  }

  @Test("usage comes when and where the script says")
  func usage() throws {
    let usage =
      #""usage":{"prompt_tokens":20,"completion_tokens":3,"total_tokens":23,"#
      + #""prompt_tokens_details":{"cached_tokens":0},"completion_tokens_details":{"reasoning_tokens":1}}"#
    func told(_ mode: String, asked: Bool) throws -> [Int] {
      let events = try payloads("events=2 reasoning=1 usage=\(mode)", usage: asked)
      return events.indices.filter { events[$0].contains(usage) }
    }
    #expect(try told("onRequest", asked: true) == [5])
    #expect(try told("onRequest", asked: false) == [])
    #expect(try told("always", asked: false) == [5])
    #expect(try told("never", asked: true) == [])
    #expect(try told("onFinish", asked: false) == [4])
    #expect(try told("nullEach", asked: true) == [5])
    let nulls = try payloads("events=2 usage=nullEach", usage: true)
    #expect(nulls.filter { $0.contains(#""usage":null"#) }.count == 4)
    #expect(try payloads("events=2", usage: true)[4].contains(#""choices":[],"usage""#))
  }

  @Test("the text is a function of model and token, and no two rounds of the paragraph are equal")
  func text() throws {
    let script = try Script(parsing: "events=500")
    let plan = StreamPlan(script, model: "qwq-32b", includeUsage: false)
    #expect(plan.contentText == (0..<500).map { StreamPlan.text(model: "qwq-32b", event: $0) }.joined())
    #expect(plan.contentText.hasPrefix("In the night it rained on the hills"))
    #expect(plan.contentText.contains("\n\n[2] In"))
    #expect(plan.contentText.contains("\n\n[3] In"))
    #expect(plan.reasoningText.hasPrefix("Let me think."))
    #expect(StreamPlan.text(model: "a", event: 5) == StreamPlan.text(model: "b", event: 5))
    #expect(StreamPlan.text(model: "deepseek-r1", event: 5) != StreamPlan.text(model: "qwq-32b", event: 5))
  }

  @Test("a fault cuts, adds or leaves out exactly its events")
  func faults() throws {
    #expect(try payloads("events=9 fault=reset after=4").count == 5)
    #expect(try payloads("events=9 fault=truncate after=4").count == 5)
    #expect(try payloads("events=9 fault=endEarly after=4").last?.contains(" travels") == false)
    #expect(try payloads("events=3 fault=noDone").last?.contains("finish_reason\":\"stop") == true)
    #expect(try payloads("events=3 fault=noFinish").contains { $0.contains("\"stop\"") } == false)
    #expect(try payloads("events=3 fault=noFinish").last == "[DONE]")
    let errors = try payloads("events=9 fault=errorEvent after=2")
    #expect(errors[3].hasPrefix(#"{"error":{"message":"#))
    #expect(errors[4...] == ["[DONE]"])
    let malformed = try payloads("events=3 fault=malformed after=1")
    #expect(malformed.count == 7)
    #expect(malformed[2].hasSuffix(#"{"content":"the quote is missing}"#))
  }

  @Test("tool calls come as name and pieces of arguments, and end with their own finish reason")
  func tools() throws {
    let events = try payloads("tools=2")
    #expect(events.count == 1 + 14 + 2)
    #expect(events[1].contains(#""tool_calls":[{"index":0,"id":"call_scripted_0","type":"function""#))
    #expect(events[8].contains(#""index":1,"id":"call_scripted_1""#))
    #expect(events[15].contains(#""finish_reason":"tool_calls""#))
  }

  @Test("emoji travel as UTF-8 or as surrogate pairs, and mean the same")
  func emoji() throws {
    let plain = try payloads("events=1 text=emoji")[1]
    let escaped = try payloads("events=1 text=escaped")[1]
    #expect(plain.contains("Hello!🌊"))
    #expect(escaped.contains(#"Hello!\ud83c\udf0a"#))
    #expect(escaped.utf8.allSatisfy { $0 < 0x80 })
  }

  @Test("completions speak their own dialect")
  func completions() throws {
    let plan = StreamPlan(try Script(parsing: "events=2"), model: "m", includeUsage: false, endpoint: .completions)
    let events = plan.dataPayloads.map { String(decoding: $0, as: UTF8.self) }
    #expect(events.count == 4)
    #expect(events[0].contains(#""object":"text_completion""#))
    #expect(events[0].contains(#"{"index":0,"text":"Hello!","logprobs":null"#))
  }
}
