import Gateway
import TestKit
import Testing

@Suite("A stream's reasons to finish")
struct AnswerReasonStories {
  private static let sample = AnswerSample.chat

  @Test(
    "ends with an error when no chunk had a real reason to finish, whatever stood in its place",
    arguments: [#""""#, #""null""#, "null"], [false, true])
  func noReason(reason: String, isDone: Bool) async throws {
    let texts = ["{\"role\":\"assistant\",\"content\":\"\"}", "{\"content\":\"One\"}", "{\"content\":\" two\"}"]
      .map { AnswerSample.chunk($0, finish: reason) }
    // The pauses let the content out before the end shows.
    let steps: [SteppedUpstream.Step] = .chunked(texts + (isDone ? [AnswerSample.done] : []), pause: 25)
    let second = try SteppedUpstream(Self.sample.good(stream: true))
    for others in [[], [second]] {
      try await AnswerHouse.askForStream([try SteppedUpstream(steps)] + others) { response, line in
        #expect(response.status == 200)
        #expect(response.text.hasPrefix(texts.joined()), "\(response.text)")
        #expect(lastEventErrorCode(response.body)?.hasPrefix("upstream_") == true, "\(response.text)")
        #expect(!response.text.contains("[DONE]"))
        #expect(line["outcome"] as? String == "cut", "\(line)")
      }
    }
    #expect(second.requestCount == 0)
  }

  @Test(
    "without a real reason to finish and without content makes room for the next candidate's",
    arguments: [#""""#, #""null""#])
  func noReasonBeforeContent(reason: String) async throws {
    let role = AnswerSample.chunk(#"{"role":"assistant","content":""}"#, finish: reason)
    for pieces in [[role], [role, AnswerSample.done], [AnswerSample.done]] {
      try await AnswerHouse.expectFailover(.chunked(pieces, pause: 10), stream: true)
      try await AnswerHouse.expectRefusal(.chunked(pieces, pause: 10), stream: true)
    }
  }

  @Test(
    "is whole with a real reason at its end, whatever stood in its place before",
    arguments: [#""""#, #""null""#])
  func realReason(reason: String) async throws {
    let events =
      ["{\"role\":\"assistant\"}", "{\"content\":\"One\"}"].map { AnswerSample.chunk($0, finish: reason) }
      + [AnswerSample.chunk("{}", finish: "\"stop\"")]
    for pause in [0, 10] {
      try await AnswerHouse.askForStream([try SteppedUpstream(.chunked(events, pause: pause))]) { response, line in
        #expect(response.text == events.joined() + AnswerSample.done)
        #expect(line["outcome"] as? String == "completed", "\(line)")
      }
    }
  }
}
