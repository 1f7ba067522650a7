import Foundation
import Gateway
import TestKit
import Testing

@Suite("An answer that lets wait")
struct AnswerWaitStories {
  // MARK: Blank lines

  @Test("has not begun with blank lines: its first token is that of the document", arguments: [false, true])
  func blankLines(stream: Bool) async throws {
    let sample = AnswerSample.chat
    let pieces = Array(repeating: "\n\n", count: 8) + [stream ? sample.events.joined() : sample.whole]
    let type = stream ? "text/event-stream" : "application/json"
    try await AnswerHouse.story([try SteppedUpstream(.chunked(pieces, type: type, pause: 40))]) { house async throws in
      let response = try house.ask(sample.request(stream: stream))
      let text = String(response.text.drop { $0 == "\n" })
      #expect(response.status == 200 && text == sample.goodBody(stream: stream), "\(response.text)")
      let line = try #require(try await house.log(count: 1).first)
      #expect((line["ttft_ms"] as? Double ?? 0) >= 300, "\(line)")
      #expect(line["total_tokens"] as? Int == AnswerSample.totalTokens, "\(line)")
    }
  }

  // MARK: Silence

  /// A head, and nothing behind it.
  private static func headOnly(_ sample: AnswerSample, stream: Bool) -> [SteppedUpstream.Step] {
    .open([], type: stream ? "text/event-stream" : "application/json") + [.silence]
  }

  @Test("and stops behind its head has the time for the first token, no more", arguments: AnswerSample.allCases)
  func headThenSilence(sample: AnswerSample) async throws {
    for stream in sample == .embeddings ? [false] : [false, true] {
      let steps = Self.headOnly(sample, stream: stream)
      let options = "timeouts: { firstToken: 200ms }"
      try await AnswerHouse.expectFailover(steps, sample, stream: stream, options: options)
      try await AnswerHouse.expectRefusal(
        steps, sample, stream: stream, status: 504, code: "upstream_timeout", options: options)
    }
  }

  @Test("and is blank lines and nothing else has no more time, as a stream")
  func blankLinesForEver() async throws {
    let steps: [SteppedUpstream.Step] = .open(Array(repeating: "\n\n", count: 40), pause: 20) + [.silence]
    let options = "timeouts: { firstToken: 200ms }"
    try await AnswerHouse.expectFailover(steps, stream: true, options: options)
    try await AnswerHouse.expectRefusal(
      steps, stream: true, status: 504, code: "upstream_timeout", options: options)
  }

  @Test("and sends nothing at all has the time for an answer, no more", arguments: AnswerSample.allCases)
  func nothingAtAll(sample: AnswerSample) async throws {
    let options = "timeouts: { firstToken: 30s, answer: 200ms }"
    try await AnswerHouse.expectFailover([.silence], sample, stream: false, options: options)
    try await AnswerHouse.expectRefusal(
      [.silence], sample, stream: false, status: 504, code: "upstream_timeout", options: options)
  }

  // MARK: Life signs

  @Test("for long is announced by a comment, and then whole: not Gemini's own, whose clients know none")
  func lifeSign() async throws {
    let event =
      #"data: {"candidates":[{"content":{"parts":[{"text":"fine"}],"role":"model"},"finishReason":"STOP","index":0}],"#
      + #""usageMetadata":{"promptTokenCount":1000,"candidatesTokenCount":500,"totalTokenCount":1500}}"# + "\r\n\r\n"
    let gemini = ("/v1/models/m:streamGenerateContent?alt=sse", #"{"contents":[{"parts":[{"text":"hi"}]}]}"#, event)
    let samples = AnswerSample.streaming.map { ($0.path, $0.request(stream: true), $0.events.joined()) } + [gemini]
    let upstream = try SteppedUpstream(samples.map { .open([]) + [.pause(7_500)] + chunks([$0.2]) })
    try await AnswerHouse.story(
      [upstream], options: "timeouts: { firstToken: 30s }",
      routes: "routes: [{ pathPrefix: /v1/models, upstream: a }]\n"
    ) { house async throws in
      let began = ContinuousClock.now
      // All of them wait at the same time.
      let clients = try samples.enumerated().map { index, sample in
        let client = try house.client()
        client.timeout = .seconds(15)
        try client.post(sample.0, sample.1)
        #expect(waitUntil { upstream.requestCount == index + 1 })
        return client
      }
      for (client, sample) in zip(clients, samples).dropLast() {
        let head = String(decoding: try client.read(until: "\r\n\r\n"), as: UTF8.self)
        #expect(head.hasPrefix("HTTP/1.1 200 ") && head.contains("text/event-stream"), "\(sample.0)")
        let sign = String(decoding: try client.read(until: "\n\n"), as: UTF8.self)
        #expect(began.duration(to: .now) < .seconds(7), "\(sample.0): only the answer came: \(sign)")
        #expect(sign.contains("\r\n:"), "\(sample.0): \(sign)")
      }
      for (client, sample) in zip(clients, samples).dropLast() {
        let rest = String(decoding: try client.read(until: "\r\n0\r\n\r\n"), as: UTF8.self)
        #expect(rest.contains("fine") && !rest.contains("upstream_"), "\(sample.0): \(rest)")
      }
      let last = try #require(clients.last).readResponse()
      #expect(last.status == 200 && last.text == event, "\(last.text)")
      for line in try await house.log(count: samples.count) {
        #expect(line["outcome"] as? String == "completed" && (line["ttft_ms"] as? Double ?? 0) >= 7_000, "\(line)")
        #expect(line["total_tokens"] as? Int == AnswerSample.totalTokens, "\(line)")
      }
    }
  }

  /// Chunks without a head before them, and their end.
  private func chunks(_ pieces: [String]) -> [SteppedUpstream.Step] {
    [.send(pieces.map { "\(String($0.utf8.count, radix: 16))\r\n\($0)\r\n" }.joined() + "0\r\n\r\n")]
  }
}
