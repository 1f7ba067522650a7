import Foundation
import Gateway
import GatewayConfiguration
import ScriptedUpstream
import TestKit
import Testing
import TokenAccounting
import Tokenization

/// All stories of limits, one after the other: their clients block, wait in queues, and must not make each other late.
@Suite("Limits in the request path", .serialized)
enum LimitedGateway {}

/// Houses with limits, their store in the process, and what tests ask of them.
enum LimitHouse {
  /// Texts of eight bytes: eight tokens an event in the vocabulary of the stories.
  static let steady = "text=big:8 prompt=10"
  static let tokensPerEvent = 8

  /// Model `m` at `a`, counted in a vocabulary of bytes and some pairs.
  static let models = "models:\n  m: { serve: a, vocabulary: qwen }\n"
  /// Model `m` at `a`, then at `b`.
  static let twoCandidates = "models:\n  m: { serve: [{ upstream: a }, { upstream: b }], vocabulary: qwen }\n"

  /// A limit that is used up by the first request that brings its header, so that later ones tell how the others stand and use nothing.
  static let probe = "  probe: { match: { header: { x-probe: p } }, each: global, requests: 1, per: day }\n"

  static func configuration(
    _ ports: [UInt16], _ limits: String, models: String? = nil, consumers: String = "anonymous: true\n",
    options: String = ""
  ) -> String {
    consumers + House.upstreams(ports, options: options) + (models ?? Self.models)
      + (limits.isEmpty ? "" : "limits:\n" + limits)
  }

  static func shelf() throws -> VocabularyShelf {
    VocabularyShelf(vocabularies: ["qwen": try TokenStories.vocabulary()])
  }

  static func story(
    upstreams count: Int = 1, _ limits: String, models: String? = nil, consumers: String = "anonymous: true\n",
    options: String = "", server: String = "", reactors: Int = 1, sourceLocation: SourceLocation = #_sourceLocation,
    _ body: (House) async throws -> Void
  ) async throws {
    try await House.story(
      upstreams: count, reactors: reactors, server: server, shelf: try shelf(), sourceLocation: sourceLocation,
      configuration: { configuration($0, limits, models: models, consumers: consumers, options: options) }
    ) { house in
      try await body(house)
      // Whatever happened: nobody waits any more, and no slot is held.
      let isQuiet = await eventually {
        let report = await house.gateway.limitReport()
        return report.waiting == 0 && report.slots == 0
      }
      #expect(isQuiet, "a wait or a slot stayed", sourceLocation: sourceLocation)
    }
  }

  /// The tokens of all texts in a stream.
  static func tokens(_ response: RawResponse, _ endpoint: StreamPlan.Endpoint = .chat) throws -> Int {
    TokenStories.count(ReceivedText.texts(response.body, endpoint), try TokenStories.vocabulary())
  }

  /// The events of a stream as objects; `[DONE]` and what is no object left out.
  static func objects(_ response: RawResponse) -> [[String: Any]] {
    ReceivedText.payloads(response.body).compactMap {
      try? JSONSerialization.jsonObject(with: Data($0)) as? [String: Any]
    }
  }

  /// The reasons for which choices ended, by choice.
  static func finishReasons(_ response: RawResponse) -> [Int: String] {
    var reasons: [Int: String] = [:]
    for object in objects(response) {
      for choice in object["choices"] as? [[String: Any]] ?? [] {
        if let reason = choice["finish_reason"] as? String { reasons[choice["index"] as? Int ?? 0] = reason }
      }
    }
    return reasons
  }

  /// The stream without what depends on the time of day, each line ended by LF: the LF of a CRLF may have come too late.
  static func timeless(_ response: RawResponse) -> String {
    let text = response.text.replacing(#/"reset_ms":\d+/#, with: "")
    return text.replacingOccurrences(of: "\r\n", with: "\n").replacingOccurrences(of: "\r", with: "\n")
  }
}

extension House {
  /// What is left of the house's limit of tokens, as a refusal by ``LimitHouse/probe`` tells it.
  func left(path: String = "/v1/chat/completions", sourceLocation: SourceLocation = #_sourceLocation) throws -> Int {
    var response = try ask(chat("events=1", stream: false), path: path, headers: "x-probe: p\r\n")
    if response.status == 200 {
      response = try ask(chat("events=1", stream: false), path: path, headers: "x-probe: p\r\n")
    }
    #expect(response.status == 429, sourceLocation: sourceLocation)
    let text = response.header("x-ratelimit-remaining-tokens")
    return try #require(text.flatMap { Int($0) }, "\(response.head)", sourceLocation: sourceLocation)
  }

  /// The access log's lines, those of probes left out, once there are `count` of them.
  func requests(count: Int) async throws -> [[String: Any]] {
    var lines: [[String: Any]] = []
    _ = try await eventually {
      lines = try logText().split(separator: "\n").compactMap {
        try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any]
      }.filter { $0["limit"] as? String != "probe" }
      return lines.count >= count
    }
    try #require(lines.count >= count, "\(lines)")
    return lines
  }

  /// How the gateway's limits stand.
  func limit(_ name: String) async throws -> LimitReport.Limit {
    try #require(await gateway.limitReport().limits.first { $0.name == name })
  }
}
