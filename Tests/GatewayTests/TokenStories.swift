import Foundation
import Gateway
import GatewayConfiguration
import ScriptedUpstream
import TestKit
import Testing
import TokenAccounting
import Tokenization

/// Requests whose answers' tokens are known: by the upstream's own telling, and by what the client read.
@Suite("What a request took in tokens")
struct TokenStories {
  /// A way to ask, and in which endpoint's words the answer comes.
  struct Way: Sendable, CustomTestStringConvertible {
    let provider: String
    let endpoint: StreamPlan.Endpoint
    let path: String

    var testDescription: String { "\(provider) at \(path)" }

    /// The request's body, for whichever endpoint.
    func body(_ script: String, stream: Bool = true, extra: String = "") -> String {
      "{\"model\":\"m\",\"prompt\":\"hi\",\"input\":\"hi\",\"max_tokens\":500,\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]"
        + ",\"stream\":\(stream),\"metadata\":{\"script\":\"provider=\(provider) \(script)\"}\(extra)}"
    }

    func plan(_ script: String, choices: Int = 1) throws -> StreamPlan {
      StreamPlan(
        try Script(parsing: "provider=\(provider) \(script)"), model: "m", includeUsage: true, endpoint: endpoint,
        choices: choices)
    }
  }

  static let chatWays = ["openai", "deepseek", "qwen", "vllm", "anthropic", "gemini"].map {
    Way(provider: $0, endpoint: .chat, path: "/v1/chat/completions")
  }
  static let ways =
    chatWays + [
      Way(provider: "openai", endpoint: .completions, path: "/v1/completions"),
      Way(provider: "anthropic", endpoint: .messages, path: "/v1/messages"),
      Way(provider: "openai", endpoint: .responses, path: "/v1/responses"),
    ]
  static let gemini = Way(provider: "gemini", endpoint: .gemini, path: "/v1/models/m:streamGenerateContent")

  static let truthScript =
    "events=9 reasoning=5 tools=1 text=mixed prompt=57 cached=10 cacheWrite=3 hidden=4 audio=2 promptAudio=1"

  /// A vocabulary of bytes and some pairs: what matters here is that each text is counted by itself and none twice.
  static func vocabulary() throws -> Vocabulary {
    let pairs = ["th", "he", " t", "in", "er", "an", "re", " a", "on", "\u{8FD9}", "\u{4E00}", "ко", "ст"].map {
      Array($0.utf8)
    }
    // A pair must be made of tokens that are there: three-byte characters by way of their first two.
    let halves = pairs.filter { $0.count > 2 }.flatMap { pair in (2..<pair.count).map { Array(pair.prefix($0)) } }
    let tokens =
      (0...255).map { [UInt8($0)] } + halves.reduce(into: [[UInt8]]()) { if !$0.contains($1) { $0.append($1) } }
    let file = try VocabularyBuilder.file(
      name: "pairs", preTokeniser: .qwen, tokens: tokens + pairs.filter { !tokens.contains($0) },
      source: [UInt8](repeating: 1, count: 32))
    return try Vocabulary(file: file.span.bytes)
  }

  static func story(_ body: (House) async throws -> Void) async throws {
    let shelf = VocabularyShelf(vocabularies: ["qwen": try vocabulary()])
    try await House.story(
      shelf: shelf,
      configuration: {
        "anonymous: true\n" + House.upstreams($0) + "models:\n  m: { serve: a, vocabulary: qwen }\n"
          + "routes: [{ pathPrefix: /v1/models, upstream: a }]\n"
      }, body)
  }

  /// The reference: each text that the client holds, counted whole.
  static func count(_ texts: [ChannelText], _ vocabulary: Vocabulary) -> Int {
    texts.reduce(0) { $0 + TokenCounter.count(Array($1.text.utf8).span.bytes, in: vocabulary) }
  }

  // MARK: What the upstream says

  @Test("is what the upstream says of a whole answer, in whichever shape it says it", arguments: ways + [gemini])
  func truth(way: Way) async throws {
    try await Self.story { house in
      for stream in [true, false] {
        let path =
          stream
          ? way.path
          : way.path.replacingOccurrences(of: ":stream", with: ":").replacingOccurrences(of: ":G", with: ":g")
        let response = try house.ask(way.body(Self.truthScript, stream: stream), path: path)
        #expect(response.status == 200)
      }
      let truth = try way.plan(Self.truthScript).truth
      for line in try await house.log(count: 2) {
        #expect(line["prompt_tokens"] as? Int == truth.prompt, "\(line)")
        #expect(line["completion_tokens"] as? Int == truth.completion, "\(line)")
        #expect(line["total_tokens"] as? Int == truth.total)
        #expect(line["token_source"] as? String == "upstream")
        if let cached = line["cached_tokens"] as? Int { #expect(cached == truth.cached) }
        let isTold = !["vllm", "anthropic"].contains(way.provider)
        guard let reasoning = line["reasoning_tokens"] as? Int else { continue }
        #expect(isTold ? reasoning == truth.reasoning : reasoning > 0 && reasoning < truth.completion, "\(line)")
      }
    }
  }

  @Test("keeps what was counted beside it, and tells how far the two are apart", arguments: chatWays)
  func reconciled(way: Way) async throws {
    let vocabulary = try Self.vocabulary()
    try await Self.story { house in
      let response = try house.ask(way.body(Self.truthScript))
      let counted = Self.count(ReceivedText.texts(response.body, way.endpoint), vocabulary)
      let line = try #require(try await house.log(count: 1).first)
      #expect(line["counted_completion_tokens"] as? Int == counted)
      #expect(line["counted_by"] as? String == "exact")
      let report = try #require(await house.gateway.tokenReports().first)
      let truth = try way.plan(Self.truthScript).truth
      #expect(report.model == "m" && report.vocabulary == "qwen" && report.source == .exact)
      #expect(report.gauges.requests(.upstream) == 1 && report.gauges.completionTokens == truth.completion)
      #expect(report.gauges.completion.counted == counted && report.gauges.completion.reported == truth.completion)
    }
  }

  @Test("with several choices is their sum", arguments: chatWays)
  func choices(way: Way) async throws {
    try await Self.story { house in
      let response = try house.ask(way.body("events=4 text=mixed", extra: ",\"n\":3"))
      let texts = ReceivedText.texts(response.body, way.endpoint)
      #expect(Set(texts.map(\.choice)) == [0, 1, 2])
      let line = try #require(try await house.log(count: 1).first)
      #expect(line["completion_tokens"] as? Int == (try way.plan("events=4", choices: 3).truth.completion))
      #expect(line["counted_completion_tokens"] as? Int == Self.count(texts, try Self.vocabulary()))
    }
  }

  // MARK: What was counted

  @Test("is what the client got, when the stream is cut, after each event in turn", arguments: ways)
  func cutByUpstream(way: Way) async throws {
    let vocabulary = try Self.vocabulary()
    let script = "events=7 reasoning=3 tools=1 text=mixed"
    try await Self.story { house in
      let events = try way.plan(script).eventBytes.count
      var expected: [Int] = []
      for cut in 0..<events {
        let response = try house.ask(
          way.body("\(script) fault=close afterEvents=\(cut) tag=\(cut)"), path: way.path)
        expected.append(Self.count(ReceivedText.texts(response.body, way.endpoint), vocabulary))
      }
      let lines = try await house.log(count: events)
      for (cut, line) in lines.enumerated() {
        let source = line["token_source"] as? String
        // With the reason to stop the whole answer is there, and may have been told with it.
        if source == "upstream", line["outcome"] as? String == "completed" { continue }
        #expect((line["completion_tokens"] as? Int ?? 0) == expected[cut], "after \(cut) events: \(line)")
        #expect(expected[cut] == 0 || source == "exact")
      }
      #expect(expected.contains { $0 > 3 })
    }
  }

  @Test(
    "is what the client got, however the texts are written",
    arguments: ["mixedEscaped", "escaped", "emoji", "mixed splitSurrogates"])
  func writings(text: String) async throws {
    let vocabulary = try Self.vocabulary()
    let way = Self.chatWays[0]
    try await Self.story { house in
      let response = try house.ask(way.body("events=60 reasoning=20 refusal=4 tools=2 usage=never text=\(text)"))
      let line = try #require(try await house.log(count: 1).first)
      #expect(line["outcome"] as? String == "completed" && line["token_source"] as? String == "exact")
      #expect(
        line["completion_tokens"] as? Int == Self.count(ReceivedText.texts(response.body, way.endpoint), vocabulary))
    }
  }

  @Test("is what had passed when the client left, at any moment")
  func clientLeft() async throws {
    let vocabulary = try Self.vocabulary()
    let way = Self.chatWays[0]
    try await Self.story { house in
      var received: [Int] = []
      for round in 0..<6 {
        let client = try house.client()
        try client.post(way.path, way.body("events=200 gap=5ms text=mixed tag=\(round)"))
        // Each event is a chunk of its own: the size line, the event, a line end.
        var events = ""
        for _ in 0..<(4 * round + 1) {
          let event = String(decoding: try client.read(until: "}\n\n"), as: UTF8.self)
          events += event.range(of: "data: ").map { String(event[$0.lowerBound...]) } ?? ""
        }
        client.close()
        received.append(Self.count(ReceivedText.texts(Array(events.utf8), .chat), vocabulary))
      }
      let lines = try await house.log(count: 6)
      for (round, line) in lines.enumerated() {
        #expect(line["outcome"] as? String == "client_left")
        let counted = try #require(line["completion_tokens"] as? Int)
        // What was on the wire when it left is counted: a few events.
        #expect(counted >= received[round] && counted < received[round] + 400, "\(received[round]): \(line)")
        #expect(line["token_source"] as? String == "exact")
      }
    }
  }

  @Test("of an answer that was not streamed and broke off is what of it had come")
  func brokenWhole() async throws {
    try await Self.story { house in
      let client = try house.client()
      try client.post("/v1/chat/completions", chat("events=50 fault=close after=20", stream: false))
      _ = client.readSome(timeout: .seconds(2))
      let line = try #require(try await house.log(count: 1).first)
      #expect(line["outcome"] as? String != "completed")
      #expect(line["token_source"] as? String != "upstream")
    }
  }

  @Test("is estimated without a vocabulary, better with each answer the upstream has counted")
  func learned() async throws {
    try await House.story { house in
      for round in 0..<30 { _ = try house.ask(chat("events=80 completion=240 tag=\(round)", usage: true)) }
      let lines = try await house.log(count: 30)
      let counted = lines.compactMap { $0["counted_completion_tokens"] as? Int }
      #expect(counted.count == 30 && lines.allSatisfy { $0["counted_by"] as? String == "estimated" })
      let first = try #require(counted.first)
      let last = try #require(counted.last)
      #expect(abs(last - 240) < abs(first - 240) / 2, "\(counted)")
      let report = try #require(await house.gateway.tokenReports().first)
      #expect(report.source == .estimated && (report.gauges.completion.drift ?? 0) > 0)
    }
  }

  @Test("is what the upstream says and nothing else for a model that is not counted")
  func uncounted() async throws {
    try await House.story(
      configuration: {
        "anonymous: true\n" + House.upstreams($0) + "models:\n  m: { serve: a, vocabulary: none }\n"
      }
    ) { house in
      _ = try house.ask(chat("events=5", usage: true))
      _ = try house.ask(chat("events=5 fault=close after=3", usage: true))
      let lines = try await house.log(count: 2)
      #expect(lines[0]["completion_tokens"] as? Int == 5 && lines[0]["counted_completion_tokens"] == nil)
      #expect(lines[1]["completion_tokens"] == nil)
    }
  }

  @Test(
    "is told by the gateway, in a chunk like the others, when the client asked and the upstream broke off before it said",
    arguments: [
      "usage=never fault=noDone", "fault=close afterEvents=8",
    ])
  func toldByGateway(fault: String) async throws {
    let vocabulary = try Self.vocabulary()
    try await Self.story { house in
      let response = try house.ask(chat("events=6 \(fault)", usage: true))
      let payloads = ReceivedText.payloads(response.body)
      #expect(payloads.last == Array("[DONE]".utf8))
      let chunk = try #require(
        try JSONSerialization.jsonObject(with: Data(payloads[payloads.count - 2])) as? [String: Any])
      let first = try #require(try JSONSerialization.jsonObject(with: Data(payloads[0])) as? [String: Any])
      for name in ["id", "object", "model"] { #expect(chunk[name] as? String == first[name] as? String) }
      #expect(chunk["created"] as? Int == first["created"] as? Int && (chunk["choices"] as? [Any])?.isEmpty == true)
      let usage = try #require(chunk["usage"] as? [String: Any])
      let counted = Self.count(ReceivedText.texts(response.body, .chat), vocabulary)
      #expect(
        usage["completion_tokens"] as? Int == counted
          && (chunk["sluice"] as? [String: Any])?["usage_source"] as? String == "exact")
      let line = try #require(try await house.log(count: 1).first)
      #expect(line["completion_tokens"] as? Int == counted && line["outcome"] as? String == "completed")
      #expect(line["prompt_tokens"] as? Int == usage["prompt_tokens"] as? Int)
    }
  }

  // MARK: Prompts

  @Test("has its prompt counted when the upstream does not tell: message by message, with what the template adds")
  func prompts() async throws {
    let vocabulary = try Self.vocabulary()
    try await Self.story { house in
      for stream in [true, false] { _ = try house.ask(chat("events=3 usage=never", stream: stream)) }
      let template = PromptTemplate.qwen
      let expected = TokenCounter.count(Array("hi".utf8).span.bytes, in: vocabulary)
      for line in try await house.log(count: 2) {
        #expect(
          line["prompt_tokens"] as? Int == expected + template.message + template.user + template.reply, "\(line)")
        #expect(line["token_source"] as? String == "exact")
      }
    }
  }

  @Test("counts a long prompt in slices, to the same sum, while the answer streams")
  func longPrompt() async throws {
    let vocabulary = try Self.vocabulary()
    try await Self.story { house in
      let text = String(repeating: "the answer in another tone 这一 ", count: 12_000)
      let body = chat("events=40 gap=10ms usage=never").replacingOccurrences(of: "\"hi\"", with: "\"\(text)\"")
      _ = try house.ask(body)
      let line = try #require(try await house.log(count: 1).first)
      let template = PromptTemplate.qwen
      let expected =
        TokenCounter.count(Array(text.utf8).span.bytes, in: vocabulary) + template.message + template.user
        + template.reply
      let counted = try #require(line["prompt_tokens"] as? Int)
      // On a slow machine the answer may be over before the count: then the rest was projected, and the line says so.
      #expect(
        line["prompt_token_source"] == nil ? counted == expected : abs(counted - expected) < expected / 20, "\(line)")
    }
  }
}
