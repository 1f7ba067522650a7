import Foundation
import Gateway
import GatewayConfiguration
import ScriptedUpstream
import TestKit
import Testing
import TokenAccounting
import Tokenization

/// Limits in the request path, with the store in the process.
@Suite("A limit")
struct LimitStories {
  /// A house whose model `m` is counted in a vocabulary of bytes and some pairs, with limits.
  private func story(
    upstreams count: Int = 1, _ limits: String, models: String? = nil, consumers: String = "anonymous: true\n",
    _ body: (House) async throws -> Void
  ) async throws {
    let shelf = VocabularyShelf(vocabularies: ["qwen": try TokenStories.vocabulary()])
    try await House.story(
      upstreams: count, shelf: shelf,
      configuration: {
        consumers + House.upstreams($0) + (models ?? "models:\n  m: { serve: a, vocabulary: qwen }\n")
          + "limits:\n" + limits
      }, body)
  }

  /// Texts of eight letters: eight tokens an event in the vocabulary of bytes.
  private static let steady = "events=100 reasoning=0 tools=0 text=big:8 prompt=10"

  @Test("ends a stream at the event that reaches it, as one whose length was bounded, and says which limit it was")
  func truncates() async throws {
    try await story("  daily: { outputTokens: 100, per: day, calendar: true }\n") { house in
      let answer = try house.ask(chat("\(Self.steady) gap=1ms", usage: true))
      let events = answer.text.components(separatedBy: "\n\n")
      #expect(events.count > 3)
    }
  }
}
