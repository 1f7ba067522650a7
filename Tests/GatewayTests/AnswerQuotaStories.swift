import Foundation
import Gateway
import TestKit
import Testing

/// A shape in which an answer of 1,500 tokens comes.
struct AnswerShape: Sendable, CustomTestStringConvertible {
  let testDescription: String
  let sample: AnswerSample
  let stream: Bool
  let steps: [SteppedUpstream.Step]
  /// What the client gets.
  let body: String

  private init(
    _ name: String, _ sample: AnswerSample, stream: Bool, _ steps: [SteppedUpstream.Step], body: String? = nil
  ) {
    testDescription = name
    self.sample = sample
    self.stream = stream
    self.steps = steps
    self.body = body ?? sample.goodBody(stream: stream)
  }

  static let typed: [AnswerShape] =
    [nil, "text/plain", "application/octet-stream", "application/x-ndjson", "application/json"].map { type in
      AnswerShape(
        "a stream as \(type ?? "nothing")", .chat, stream: true, .chunked(AnswerSample.chat.events, type: type))
    }
    + [AnswerSample.messages, .responses].map { sample in
      AnswerShape(
        "a stream of \(sample.path) as text/plain", sample, stream: true, .chunked(sample.events, type: "text/plain"))
    }
    + AnswerSample.allCases.map { sample in
      AnswerShape(
        "\(sample.path) in one piece as text/plain", sample, stream: false, .answer(sample.whole, type: "text/plain"))
    }
    + [AnswerShape("one piece of no type", .chat, stream: false, .answer(AnswerSample.chat.whole, type: nil))]

  /// More than any buffer keeps.
  static let large: [AnswerShape] = {
    let text = String(repeating: "nine mebibytes ", count: 9 << 20 / 15)
    let chat = AnswerSample.wholeChat(text)
    let usageFirst =
      chat.replacingOccurrences(of: ",\(AnswerSample.chatUsage)}", with: "}")
      .replacingOccurrences(of: "{\"id\":\"c1\",", with: "{\(AnswerSample.chatUsage),\"id\":\"c1\",")
    let embeddings = AnswerSample.wholeEmbeddings(
      Array(repeating: "0.0123456789", count: 9 << 20 / 13).joined(separator: ","))
    return [
      AnswerShape("9 MiB of text", .chat, stream: false, .answer(chat), body: chat),
      AnswerShape("9 MiB of text behind its usage", .chat, stream: false, .answer(usageFirst), body: usageFirst),
      AnswerShape(
        "9 MiB of text in a chunk as text/plain", .chat, stream: false, .chunked([chat], type: "text/plain"),
        body: chat),
      AnswerShape("9 MiB of numbers", .embeddings, stream: false, .answer(embeddings), body: embeddings),
    ]
  }()
}

extension LimitedGateway {
  @Suite("A quota and the shapes of answers")
  struct AnswerQuotaStories {
    @Test(
      "lets one or two of 1,500 tokens pass where 2,000 are allowed, not five",
      arguments: AnswerShape.typed + AnswerShape.large)
    func passes(shape: AnswerShape) async throws {
      let limits = "  daily: { tokens: 2000, per: day, calendar: true }\n"
      let upstream = try SteppedUpstream(shape.steps)
      try await AnswerHouse.story([upstream], limits: limits) { house async throws in
        var statuses: [Int] = []
        for _ in 0..<5 {
          statuses.append(
            try house.ask(shape.sample.request(stream: shape.stream), path: shape.sample.path).status)
        }
        let passed = statuses.filter { $0 == 200 }.count
        #expect((1...2).contains(passed) && statuses.filter { $0 == 429 }.count == 5 - passed, "\(statuses)")
        #expect(upstream.requestCount == passed)
      }
    }

    @Test("gets a large document unchanged, and its usage from wherever it stands", arguments: AnswerShape.large)
    func large(shape: AnswerShape) async throws {
      try await AnswerHouse.story([try SteppedUpstream(shape.steps)]) { house async throws in
        let response = try house.ask(shape.sample.request(stream: false), path: shape.sample.path)
        #expect(response.status == 200 && response.text == shape.body)
        let line = try #require(try await house.log(count: 1).first)
        #expect(line["total_tokens"] as? Int == AnswerSample.totalTokens, "\(line)")
        #expect(line["token_source"] as? String == "upstream", "\(line)")
      }
    }

    private static let amount = LimitHouse.probe + "  daily: { tokens: 100000, per: day, calendar: true }\n"

    /// With two candidates, of which the first answers with `steps`: the quota must be charged for the second's answer
    /// and no other.
    private func expectSecondCharged(
      _ steps: [SteppedUpstream.Step], _ sample: AnswerSample, stream: Bool,
      sourceLocation: SourceLocation = #_sourceLocation
    ) async throws {
      // The probe that uses up its limit is a request like others.
      let first = try SteppedUpstream([AnswerSample.chat.good(stream: false), steps])
      let second = try SteppedUpstream(sample.good(stream: stream))
      try await AnswerHouse.story([first, second], limits: Self.amount, sourceLocation: sourceLocation) {
        house async throws in
        let before = try house.left(sourceLocation: sourceLocation)
        let response = try house.ask(sample.request(stream: stream), path: sample.path)
        #expect(
          response.status == 200 && response.header("x-sluice-upstream") == "b", "\(response.text)",
          sourceLocation: sourceLocation)
        let line = try #require(try await house.requests(count: 2).last, sourceLocation: sourceLocation)
        #expect(line["total_tokens"] as? Int == AnswerSample.totalTokens, "\(line)", sourceLocation: sourceLocation)
        #expect(line["abandoned_tokens"] == nil, "\(line)", sourceLocation: sourceLocation)
        let charged = before - (try house.left(sourceLocation: sourceLocation))
        #expect(charged == AnswerSample.totalTokens, sourceLocation: sourceLocation)
      }
    }

    @Test(
      "is charged nothing for answers that were none: only what the next candidate delivered",
      arguments: AnswerFault.common + AnswerFault.chat)
    func failover(fault: AnswerFault) async throws {
      for stream in [false, true] where !(stream && fault.isForWholeOnly) {
        try await expectSecondCharged(fault.steps, .chat, stream: stream)
      }
    }

    @Test("is charged nothing for streams that failed behind their beginnings", arguments: EventFault.all)
    func beginnings(fault: EventFault) async throws {
      let steps: [SteppedUpstream.Step] = .open(fault.sample.beginnings, pause: 5) + [.pause(20)] + fault.steps
      try await expectSecondCharged(steps, fault.sample, stream: true)
    }

    @Test("is charged nothing where a status led to the next candidate", arguments: AnswerStatusStories.upstreams)
    func statuses(status: Int) async throws {
      let steps: [SteppedUpstream.Step] = .answer(#"{"error":{"message":"No"}}"#, status: "\(status) No")
      for sample in AnswerSample.allCases {
        try await expectSecondCharged(steps, sample, stream: sample != .embeddings)
      }
    }

    @Test(
      "is charged nothing for an answer that was none when nobody else could answer",
      arguments: (AnswerFault.common + AnswerFault.chat).filter { $0.code != nil })
    func alone(fault: AnswerFault) async throws {
      let steps = [AnswerSample.chat.good(stream: false), fault.steps]
      try await AnswerHouse.story([try SteppedUpstream(steps)], limits: Self.amount) { house async throws in
        let before = try house.left()
        #expect(try house.ask(AnswerSample.chat.request(stream: false)).status == 502)
        #expect(before - (try house.left()) == 0)
      }
    }
  }
}
