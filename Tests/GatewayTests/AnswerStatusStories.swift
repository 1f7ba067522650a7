import Gateway
import TestKit
import Testing

@Suite("An upstream's status")
struct AnswerStatusStories {
  private static func error(_ status: Int) -> [SteppedUpstream.Step] {
    .answer(
      #"{"error":{"message":"\#(AnswerHouse.words)","type":"invalid_request_error","param":null,"code":null}}"#,
      status: "\(status) No")
  }

  static let upstreams = [401, 402, 403, 404, 407, 410, 424, 425, 499]
  /// Those that will be the same next time.
  static let lasting = [401, 402, 403, 404, 407, 410]

  @Test("that says 'not here' leads to the next candidate", arguments: upstreams)
  func failover(status: Int) async throws {
    for stream in [false, true] {
      try await AnswerHouse.expectFailover(Self.error(status), stream: stream)
      let page: [SteppedUpstream.Step] = .answer("<html>No</html>", status: "\(status) No", type: "text/html")
      try await AnswerHouse.expectFailover(page, stream: stream)
    }
    for sample in [AnswerSample.messages, .responses, .embeddings] {
      try await AnswerHouse.expectFailover(Self.error(status), sample, stream: sample != .embeddings)
    }
  }

  @Test(
    "that says 'not here' is told as 502, in the upstream's words, when there is nobody else", arguments: upstreams)
  func alone(status: Int) async throws {
    // What an upstream says about the gateway's own credentials is nothing for its clients.
    let words = status == 401 || status == 407 ? nil : AnswerHouse.words
    let shouldRetry = Self.lasting.contains(status) ? "false" : nil
    for stream in [false, true] {
      try await AnswerHouse.expectRefusal(
        Self.error(status), stream: stream, words: words, shouldRetry: shouldRetry)
    }
    for sample in [AnswerSample.messages, .responses, .embeddings] {
      try await AnswerHouse.expectRefusal(
        Self.error(status), sample, stream: sample != .embeddings, words: words, shouldRetry: shouldRetry)
    }
  }

  @Test("that is a web page is told as 502 without the page", arguments: [402, 403, 404, 410])
  func page(status: Int) async throws {
    let page: [SteppedUpstream.Step] = .answer("<html>No</html>", status: "\(status) No", type: "text/html")
    for stream in [false, true] { try await AnswerHouse.expectRefusal(page, stream: stream, shouldRetry: "false") }
  }
}
