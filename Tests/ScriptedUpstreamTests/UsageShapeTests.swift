import ScriptedUpstream
import TestKit
import Testing

@Suite("Usage in a provider's shape")
struct UsageShapeTests {
  /// What all the streams here tell: prompt 50, of it 10 cached; 7 tokens and 3 hidden; 2 of reasoning.
  static let numbers = "promptTokens=50 cached=10 events=5 reasoning=2 hidden=3"

  private func events(
    _ script: String, usage: Bool = true, running: Bool = false, endpoint: StreamPlan.Endpoint = .chat
  ) throws -> [JSONTree] {
    let plan = StreamPlan(
      try Script(parsing: "\(Self.numbers) \(script)"), model: "m", includeUsage: usage, endpoint: endpoint,
      continuousUsage: running)
    return try plan.dataPayloads.filter { $0 != Array("[DONE]".utf8) }.map { payload in try JSONTree(payload) }
  }

  private func usages(_ events: [JSONTree]) -> [Int: JSONTree] {
    var usages: [Int: JSONTree] = [:]
    for (index, event) in events.enumerated() { usages[index] = event["usage"].flatMap { $0 == .null ? nil : $0 } }
    return usages
  }

  @Test("OpenAI: asked for, null on every chunk and told in a last one without choices; else nowhere")
  func openAI() throws {
    let asked = try events("provider=openai")
    #expect(asked.dropLast().allSatisfy { $0["usage"] == .null && $0["choices"]?.elements.count == 1 })
    let last = try #require(asked.last)
    #expect(last["choices"] == .array([]))
    let usage = try #require(last["usage"])
    #expect(usage["prompt_tokens"]?.int == 50)
    #expect(usage["completion_tokens"]?.int == 10)
    #expect(usage["total_tokens"]?.int == 60)
    #expect(usage["prompt_tokens_details"]?["cached_tokens"]?.int == 10)
    #expect(usage["prompt_tokens_details"]?["audio_tokens"]?.int == 0)
    let details = try #require(usage["completion_tokens_details"])
    #expect(details["reasoning_tokens"]?.int == 2)
    for name in ["audio_tokens", "accepted_prediction_tokens", "rejected_prediction_tokens"] {
      #expect(details[name]?.int == 0)
    }
    #expect(try events("provider=openai", usage: false).allSatisfy { $0["usage"] == nil })
  }

  @Test("DeepSeek: on the finishing chunk, asked for or not, with the cache's hits and misses")
  func deepSeek() throws {
    for asked in [false, true] {
      let events = try events("provider=deepseek", usage: asked)
      let usages = usages(events)
      #expect(Array(usages.keys) == [events.count - 1])
      let last = try #require(events.last)
      #expect(last["choices"]?.elements.first?["finish_reason"]?.string == "stop")
      let usage = try #require(last["usage"])
      #expect(usage["completion_tokens"]?.int == 10)
      #expect(usage["prompt_cache_hit_tokens"]?.int == 10)
      #expect(usage["prompt_cache_miss_tokens"]?.int == 40)
      #expect(usage["completion_tokens_details"]?["reasoning_tokens"]?.int == 2)
    }
    let first = StreamPlan.eventBytes(try Script(parsing: "provider=deepseek"), model: "m", includeUsage: false)[0]
    #expect(first.starts(with: ": keep-alive\n\ndata: {".utf8))
  }

  @Test("Qwen: null on every chunk, and if asked for told in a last one without choices")
  func qwen() throws {
    let asked = try events("provider=qwen")
    #expect(asked.dropLast().allSatisfy { $0["usage"] == .null })
    #expect(asked.last?["choices"] == .array([]))
    #expect(asked.last?["usage"]?["completion_tokens"]?.int == 10)
    #expect(asked.last?["usage"]?["prompt_tokens_details"]?["cached_tokens"]?.int == 10)
    #expect(usages(try events("provider=qwen", usage: false)).isEmpty)
  }

  @Test("vLLM: a running count of the choice on every chunk only if both were asked for, then the sum of all")
  func vLLM() throws {
    let running = try events("provider=vllm choices=2", running: true)
    var last: [Int: Int] = [:]
    for event in running.dropLast() {
      let choice = try #require(event["choices"]?.elements.first?["index"]?.int)
      let count = try #require(event["usage"]?["completion_tokens"]?.int)
      #expect(count >= last[choice, default: 0])
      #expect(event["usage"]?["total_tokens"]?.int == 50 + count)
      last[choice] = count
    }
    // Two choices of seven tokens, and three hidden ones.
    #expect(last == [0: 9, 1: 8])
    #expect(running.last?["choices"] == .array([]))
    #expect(running.last?["usage"]?["completion_tokens"]?.int == 17)
    #expect(usages(try events("provider=vllm", running: false)).count == 1)
    #expect(usages(try events("provider=vllm", usage: false, running: true)).isEmpty)
    #expect(running.contains { $0["choices"]?.elements.first?["delta"]?["reasoning"] != nil })
  }

  @Test("Gemini's compatible endpoint: cumulative on every chunk, in both shapes")
  func gemini() throws {
    let events = try events("provider=gemini")
    var last = 0
    for event in events {
      let usage = try #require(event["usage"])
      let metadata = try #require(event["usageMetadata"])
      let count = try #require(usage["completion_tokens"]?.int)
      #expect(count >= last)
      last = count
      #expect(
        (metadata["candidatesTokenCount"]?.int ?? 0) + (metadata["thoughtsTokenCount"]?.int ?? 0) == count)
      #expect(metadata["totalTokenCount"]?.int == 50 + count)
      #expect(metadata["cachedContentTokenCount"]?.int == 10)
    }
    #expect(last == 10)
    #expect(events.last?["usageMetadata"]?["thoughtsTokenCount"]?.int == 2)
    #expect(usages(try self.events("provider=gemini", usage: false)).isEmpty)
    #expect(try self.events("provider=gemini", usage: false).allSatisfy { $0["usageMetadata"] != nil })
  }

  @Test("the numbers are the script's, and every provider tells the same truth")
  func truth() throws {
    let script = try Script(
      parsing: "provider=openai prompt=9 cached=1 cacheWrite=2 completion=77 reasoningTokens=33 audio=4 promptAudio=5")
    let truth = StreamPlan(script, model: "m", includeUsage: true).truth
    #expect(truth.prompt == 9 && truth.cached == 1 && truth.cacheWrite == 2)
    #expect(truth.completion == 77 && truth.reasoning == 33 && truth.audio == 4 && truth.promptAudio == 5)
    #expect(truth.total == 86)
    for provider in Script.Provider.allCases {
      for endpoint in [StreamPlan.Endpoint.chat, .completions] {
        let events = try events("provider=\(provider) completion=77", endpoint: endpoint)
        #expect(usages(events).max { $0.key < $1.key }?.value["completion_tokens"]?.int == 77)
        let never = try self.events("provider=\(provider) usage=never", running: true, endpoint: endpoint)
        #expect(usages(never).isEmpty && never.allSatisfy { $0["usageMetadata"] == nil })
      }
    }
  }

  @Test("an answer in one piece tells it in the same shape")
  func plain() throws {
    let rig = try Rig()
    let client = try rig.client()
    for provider in Script.Provider.allCases {
      for path in ["/v1/chat/completions", "/v1/completions"] {
        try client.post(path, Rig.body("\(Self.numbers) provider=\(provider)", stream: false))
        let usage = try #require(try JSONTree(try client.readResponse().body)["usage"])
        #expect(usage["prompt_tokens"]?.int == 50)
        #expect(usage["completion_tokens"]?.int == (path == "/v1/completions" ? 8 : 10))
      }
    }
  }
}
