import ScriptedUpstream
import TestKit
import Testing

@Suite("The texts of channels")
struct ChannelTextTests {
  static let endpoints: [StreamPlan.Endpoint] = [.chat, .completions, .messages, .responses, .gemini]
  static let scripts = [
    "events=4 reasoning=2", "events=3 reasoning=2 think", "events=3 reasoning=2 think=split lineEnd=crlf",
    "events=12 reasoning=5 text=mixed choices=3 tools=3", "reasoning=3 refusal=12 text=mixed lineEnd=cr",
    "text=mixed events=50", "text=mixed splitSurrogates choices=2 events=60",
    "text=mixedEscaped events=40 tools=3 splitNames comments=3",
    "text=mixed reasoning=20 events=20 tools=3 splitSurrogates splitNames", "text=emoji events=12 splitSurrogates",
    "text=big:40 events=5 choices=2", "events=0 reasoning=0", "events=9 fault=malformed after=4",
  ]

  @Test("after every event are what a client has read by then", arguments: endpoints)
  func everyPrefix(endpoint: StreamPlan.Endpoint) throws {
    // Only the endpoints that all providers share have their accents.
    let isShared = endpoint == .chat || endpoint == .completions
    for provider in isShared ? Script.Provider.allCases : [.standard] {
      for text in Self.scripts {
        let script = try Script(parsing: "provider=\(provider) \(text)")
        let plan = StreamPlan(script, model: "m", includeUsage: true, endpoint: endpoint, continuousUsage: true)
        var received = ReceivedText(endpoint)
        let events = plan.eventBytes
        #expect(plan.eventCount == events.count)
        var equalCount = 0
        for (index, event) in events.enumerated() {
          for payload in ReceivedText.payloads(event) {
            if let tree = try? JSONTree(payload) { received.read(tree) }
          }
          if same(plan.channelTexts(afterEvents: index + 1), received.texts) { equalCount += 1 }
        }
        #expect(equalCount == events.count, "\(provider) \(endpoint) \(text)")
        #expect(same(plan.channelTexts(), received.texts))
      }
    }
  }

  /// Equal to the byte: Swift's strings are equal already when they look the same.
  private func same(_ first: [ChannelText], _ second: [ChannelText]) -> Bool {
    first == second && zip(first, second).allSatisfy { $0.text.utf8.elementsEqual($1.text.utf8) }
  }

  @Test("after tokens are those of the first so many, of all choices in turn")
  func tokens() throws {
    let plan = StreamPlan(
      try Script(parsing: "events=2 reasoning=1 choices=2"), model: "m", includeUsage: false)
    #expect(plan.channelTexts(afterTokens: 0).isEmpty)
    #expect(plan.channelTexts(afterTokens: 1).map(\.channel) == [.reasoning])
    #expect(plan.channelTexts(afterTokens: 3).map(\.choice) == [0, 1, 0])
    #expect(plan.channelTexts(afterTokens: 3).last?.text == "Hello!")
    #expect(plan.channelTexts(afterTokens: 99) == plan.channelTexts())
    #expect(plan.tokenCount == 6)
  }

  @Test("each choice has a text of its own, and as many as the request asked for of a named provider")
  func choices() throws {
    let rig = try Rig()
    let client = try rig.client()
    for (script, choices) in [
      ("provider=openai events=3 reasoning=0", 4), ("provider=openai events=3 reasoning=0 choices=2", 2),
      ("events=3 reasoning=0", 1),
    ] {
      try client.post("/v1/chat/completions", #"{"model":"m","n":4,"stream":true,"metadata":{"script":"\#(script)"}}"#)
      let texts = ReceivedText.texts(try client.readResponse().body, .chat)
      #expect(texts.count == choices)
      #expect(Set(texts.map(\.text)).count == choices)
    }
  }
}
