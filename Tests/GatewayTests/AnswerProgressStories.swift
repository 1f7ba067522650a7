import Foundation
import Gateway
import TestKit
import Testing

@Suite("Progress of an answer")
struct AnswerProgressStories {
  private static let options = "timeouts: { firstToken: 300ms, betweenTokens: 3s }"
  private static let finish = AnswerSample.chunk("{}", finish: #""stop""#)

  /// Seven such events and the end of a stream.
  private static func events(_ delta: String) -> [String] {
    Array(repeating: AnswerSample.chunk(delta), count: 7) + [finish, AnswerSample.done]
  }

  /// Asks for a stream of each kind, all at the same time: an event every tenth of a second, for longer than the first
  /// token may take. The second candidate answers at once.
  private func ask(
    _ deltas: [String], withSecond: Bool, _ body: (_ delta: String, RawResponse, [String: Any]) throws -> Void
  ) async throws {
    let first = try SteppedUpstream(deltas.map { .chunked(Self.events($0), pause: 100) })
    let second = try SteppedUpstream(AnswerSample.chat.good(stream: true))
    let upstreams = withSecond ? [first, second] : [first]
    try await AnswerHouse.story(upstreams, options: Self.options) { house async throws in
      // The next is asked for when the one before has reached its upstream: so each gets its own answer.
      let clients = try deltas.indices.map { index in
        let client = try house.client()
        try client.post(
          AnswerSample.chat.path, AnswerSample.chat.request(stream: true), headers: "x-request-id: \(index)\r\n")
        #expect(waitUntil { first.requestCount == index + 1 })
        return client
      }
      let responses = try clients.map { try $0.readResponse() }
      let lines = try await house.log(count: deltas.count)
      for (index, delta) in deltas.enumerated() {
        try body(delta, responses[index], try #require(lines.first { $0["id"] as? String == "\(index)" }))
      }
    }
  }

  @Test("is anything in a delta that is more than an announcement", arguments: [true, false])
  func progress(withSecond: Bool) async throws {
    let deltas = [
      #"{"audio":{"id":"audio_1","data":"UklGRg=="}}"#, #"{"audio":{"transcript":"Hm"}}"#,
      #"{"images":[{"type":"image_url","image_url":{"url":"data:image/png;base64,iVBORw0K"}}]}"#,
      #"{"reasoning_details":[{"type":"reasoning.text","text":"Hm","index":0}]}"#,
      #"{"reasoning_details":[{"type":"reasoning.encrypted","data":"c2VjcmV0"}]}"#, #"{"reasoning_text":"Hm"}"#,
      #"{"thinking_blocks":[{"type":"thinking","thinking":"Hm"}]}"#,
      #"{"annotations":[{"type":"url_citation","url_citation":{"url":"https://example.org"}}]}"#,
      #"{"role":"assistant","content":"","audio":{"id":"audio_1","data":"UklGRg=="}}"#,
      #"{"something_new":{"of":"next year"}}"#,
    ]
    try await ask(deltas, withSecond: withSecond) { delta, response, line in
      #expect(response.status == 200 && response.text == Self.events(delta).joined(), "\(delta): \(response.text)")
      #expect(response.header("x-sluice-upstream") == "a" && response.header("x-sluice-attempts") == "1", "\(delta)")
      #expect(line["outcome"] as? String == "completed", "\(line)")
      #expect((line["ttft_ms"] as? Double ?? 1_000) < 300, "\(delta): \(line)")
    }
  }

  @Test("is no announcement, and nothing empty", arguments: [true, false])
  func announcements(withSecond: Bool) async throws {
    let deltas = [
      "{}", #"{"role":"assistant"}"#, #"{"role":"assistant","content":""}"#, #"{"content":null}"#,
      #"{"tool_calls":[]}"#, #"{"audio":null}"#, #"{"reasoning_details":[]}"#, #"{"reasoning_text":""}"#,
      #"{"something_new":{}}"#,
    ]
    try await ask(deltas, withSecond: withSecond) { delta, response, line in
      if withSecond {
        #expect(response.text == AnswerSample.chat.delivered, "\(delta): \(response.text)")
        #expect(response.header("x-sluice-upstream") == "b" && line["outcome"] as? String == "completed", "\(delta)")
      } else {
        #expect(response.status == 504 && line["ttft_ms"] == nil, "\(delta): \(response.text)")
        let code = try errorCode(response)
        #expect(code == "upstream_timeout")
      }
    }
  }
}
