import Gateway
import TestKit
import Testing

@Suite("An upstream's status that is the caller's")
struct CallerStatusStories {
  private static func body(code: String = "null") -> String {
    #"{"error":{"message":"\#(AnswerHouse.words)","type":"invalid_request_error","param":null,"code":\#(code)}}"#
  }

  /// What a client must get as it is, from the first candidate and no other.
  private func expectPassedOn(_ status: Int, _ body: String) async throws {
    for stream in [false, true] {
      let first = try SteppedUpstream(.answer(body, status: "\(status) No"))
      let second = try SteppedUpstream(AnswerSample.chat.good(stream: stream))
      try await AnswerHouse.story([first, second]) { house async throws in
        let response = try house.ask(AnswerSample.chat.request(stream: stream))
        #expect(response.status == status && response.text == body, "\(response.head)\(response.text)")
        #expect(response.header("x-sluice-upstream") == "a" && response.header("x-sluice-attempts") == "1")
        #expect(first.requestCount == 1 && second.requestCount == 0)
      }
    }
  }

  @Test("about the request itself is the caller's: passed on, and nobody else is asked", arguments: [400, 413, 422])
  func callers(status: Int) async throws { try await expectPassedOn(status, Self.body()) }

  @Test(
    "of a content filter is the caller's, whatever its number", arguments: [400, 403],
    ["content_filter", "content_policy_violation", "data_inspection_failed"])
  func contentFilter(status: Int, code: String) async throws {
    try await expectPassedOn(status, Self.body(code: "\"\(code)\""))
  }

  @Test("on a route that passes through stays what it is", arguments: [403, 404, 410, 422])
  func route(status: Int) async throws {
    let upstream = try SteppedUpstream(.answer(Self.body(), status: "\(status) No"))
    try await AnswerHouse.story([upstream], routes: "routes: [{ pathPrefix: /v1/files, upstream: a }]\n") {
      house async throws in
      let response = try house.get("/v1/files/file-1")
      #expect(response.status == status && response.text == Self.body())
      #expect(upstream.requestCount == 1)
    }
  }
}
