import Foundation
import Gateway
import ScriptedUpstream
import TestKit
import Testing
import TokenAccounting
import Tokenization

extension LimitedGateway {
  /// Long prompts: counted where somebody needs the count, and nowhere else.
  @Suite("A long prompt")
  struct LongPromptStories {
    private static let far = LimitHouse.probe + "  tokens: { tokens: 1000000000, per: day, calendar: true }\n"
    private static let text = String(repeating: "the answer in another tone 这一 ", count: 1_600)

    private func ask(_ script: String, _ text: String = Self.text, stream: Bool = true) -> String {
      chat(script, stream: stream).replacingOccurrences(of: "\"hi\"", with: "\"\(text)\"")
    }

    private func count(_ text: String) throws -> Int {
      let template = PromptTemplate.qwen
      return TokenCounter.count(Array(text.utf8).span.bytes, in: try TokenStories.vocabulary()) + template.message
        + template.user + template.reply
    }

    @Test("is not counted far from every limit, once its like is known, and charged as the upstream tells it")
    func uncounted() async throws {
      try await LimitHouse.story(Self.far) { house async throws in
        let before = try house.left()
        for stream in [true, false, true, false, true] {
          #expect(try house.ask(ask("events=3 prompt=20000", stream: stream)).status == 200)
        }
        let lines = try await house.requests(count: 6).dropFirst()
        #expect(lines.allSatisfy { $0["prompt_tokens"] as? Int == 20_000 }, "\(lines)")
        #expect(lines.first?["counted_prompt_tokens"] as? Int == (try count(Self.text)))
        #expect(lines.dropFirst().allSatisfy { $0["counted_prompt_tokens"] == nil }, "\(lines)")
        #expect(before - (try house.left()) == 5 * 20_003)
      }
    }

    @Test("is counted near a limit", arguments: [true, false])
    func near(stream: Bool) async throws {
      try await LimitHouse.story("  tokens: { tokens: 60000, per: day, calendar: true }\n") { house async throws in
        for _ in 0..<3 { #expect(try house.ask(ask("events=3 prompt=2000", stream: stream)).status == 200) }
        let lines = try await house.requests(count: 3)
        let counted = try count(Self.text)
        #expect(lines.allSatisfy { $0["counted_prompt_tokens"] as? Int == counted }, "\(lines)")
      }
    }

    @Test("of a stream is counted when it ends and nobody has told: cut by the upstream, or left by the client")
    func untold() async throws {
      try await LimitHouse.story(Self.far) { house async throws in
        let expected = try count(Self.text)
        _ = try house.ask(ask("events=3 prompt=\(expected)"))
        _ = try house.ask(ask("events=30 usage=never"))
        _ = try house.ask(ask("events=50 after=20 fault=reset usage=never"))
        let client = try house.client()
        try client.post("/v1/chat/completions", ask("events=5000 gap=3ms usage=never"))
        for _ in 0..<3 { _ = try client.read(until: "}\n\n") }
        client.close()
        let lines = try await house.requests(count: 4)
        #expect(lines.allSatisfy { $0["prompt_tokens"] as? Int == expected }, "\(lines)")
        #expect(lines.allSatisfy { $0["prompt_token_source"] == nil }, "\(lines)")
      }
    }

    @Test("of hundreds of kilobytes is counted to its end, also when the request has ended", arguments: [true, false])
    func veryLong(stream: Bool) async throws {
      try await LimitHouse.story(Self.far) { house async throws in
        let before = try house.left()
        let text = String(repeating: Self.text, count: 9)
        _ = try house.ask(ask("events=3 usage=never", text, stream: stream))
        let line = try #require(try await house.requests(count: 2).last)
        let expected = try count(text)
        #expect(line["prompt_tokens"] as? Int == expected && line["prompt_token_source"] == nil, "\(line)")
        #expect(before - (try house.left()) == line["total_tokens"] as? Int)
      }
    }

    @Test("counts exactly where its stream runs into a limit")
    func atLimit() async throws {
      let limits = "  tokens: { tokens: 2100000, per: day, calendar: true }\n"
      try await LimitHouse.story(limits) { house async throws in
        // Taught that prompts are cheap, the limits take the next one for too little.
        #expect(try house.ask(ask("events=3 prompt=2000")).status == 200)
        #expect(try house.ask(ask("events=3 prompt=2060000")).status == 200)
        let answer = try house.ask(ask("events=5000 usage=never \(LimitHouse.steady)"))
        #expect(answer.status == 200 && LimitHouse.finishReasons(answer) == [0: "length"])
        let total = try await house.requests(count: 3).reduce(0) { $0 + ($1["total_tokens"] as? Int ?? 0) }
        #expect((2_100_000 - 16...2_100_000 + 8).contains(total), "\(total)")
      }
    }
  }
}
