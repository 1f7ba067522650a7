import Foundation
import Gateway
import TestKit
import Testing
import Upstreams

@Suite("A request that may not be done twice")
struct PassThroughStories {
  private static let good: [SteppedUpstream.Step] = .answer(#"{"id":"batch_1","object":"batch"}"#)
  private static let routes = "routes: [{ path: /v1/batches, upstream: a }, { pathPrefix: /v1/files, upstream: a }]\n"

  /// One upstream with these endpoints behind routes for batches and files.
  private func story(_ upstreams: [SteppedUpstream], _ body: (House) async throws -> Void) async throws {
    let urls = upstreams.map { "{ url: http://127.0.0.1:\($0.port)/v1 }" }.joined(separator: ", ")
    try await House.story(
      upstreams: 0,
      configuration: { _ in
        "anonymous: true\nupstreams:\n  a: { provider: vllm, endpoints: [\(urls)], apiKeys: [\(House.upstreamKey)], "
          + "timeouts: { firstToken: 200ms, betweenTokens: 200ms, total: 1s } }\n" + Self.routes
      }, body)
  }

  /// A batch or a file's upload.
  private func post(_ house: House, _ path: String) throws -> RawResponse {
    let client = try house.client()
    guard path == "/v1/files" else {
      try client.post(path, #"{"input_file_id":"file-1","endpoint":"/v1/chat/completions","completion_window":"24h"}"#)
      return try client.readResponse()
    }
    let form =
      "--x\r\nContent-Disposition: form-data; name=\"purpose\"\r\n\r\nbatch\r\n"
      + "--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.jsonl\"\r\n\r\n{}\n\r\n--x--\r\n"
    try client.send(
      "POST \(path) HTTP/1.1\r\nHost: test\r\nContent-Type: multipart/form-data; boundary=x\r\n"
        + "Content-Length: \(form.utf8.count)\r\n\r\n\(form)")
    return try client.readResponse()
  }

  @Test(
    "is sent once when its connection ends before the answer, a kept one as well as a fresh one",
    arguments: [[SteppedUpstream.Step.close], [.reset], [.pause(30), .close]], ["/v1/batches", "/v1/files"])
  func deadSession(ending: [SteppedUpstream.Step], path: String) async throws {
    // With one endpoint and with two; the first request of each leaves a kept session, the second one ends it.
    for count in 1...2 {
      let upstreams = try (0..<count).map { _ in try SteppedUpstream([Self.good, ending, Self.good]) }
      try await story(upstreams) { house async throws in
        var statuses: [Int] = []
        for _ in 0..<6 { statuses.append(try post(house, path).status) }
        #expect(upstreams.map(\.requestCount).reduce(0, +) == 6, "\(statuses)")
        let failed = statuses.filter { $0 == 502 }.count
        #expect(failed >= 1 && statuses.allSatisfy { $0 == 200 || $0 == 502 }, "\(statuses)")
      }
      let fresh = try (0..<count).map { _ in try SteppedUpstream(ending) }
      try await story(fresh) { house async throws in
        #expect(try post(house, path).status == 502)
        #expect(fresh.map(\.requestCount).reduce(0, +) == 1)
      }
    }
  }

  @Test(
    "is sent once when an endpoint says that it cannot", arguments: [429, 500, 502, 503, 504],
    ["/v1/batches", "/v1/files"])
  func refused(status: Int, path: String) async throws {
    let words = #"{"error":{"message":"\#(AnswerHouse.words)","type":"server_error","code":null}}"#
    let upstreams = try (0..<2).map { _ in try SteppedUpstream(.answer(words, status: "\(status) No")) }
    try await story(upstreams) { house async throws in
      let response = try post(house, path)
      #expect(response.status == status, "\(response.text)")
      #expect(response.text.contains(AnswerHouse.words))
      #expect(upstreams.map(\.requestCount).reduce(0, +) == 1)
    }
  }

  @Test(
    "is sent once when nothing comes back, or no more than a part",
    arguments: [
      [SteppedUpstream.Step.silence], .open(["{\"id\":"], type: "application/json") + [.close],
      [.send("nonsense\r\n\r\n"), .close], .answer("<html>Sign in</html>", type: "text/html"), .answer(""),
    ])
  func broken(steps: [SteppedUpstream.Step]) async throws {
    let upstreams = try (0..<2).map { _ in try SteppedUpstream(steps) }
    try await story(upstreams) { house async throws in
      let client = try house.client()
      try client.post("/v1/batches", "{}")
      _ = client.readSome()
      _ = try await house.log(count: 1)
      #expect(upstreams.map(\.requestCount).reduce(0, +) == 1)
    }
  }

  @Test("goes over a fresh connection when the kept one was seen to end before")
  func endedBefore() async throws {
    let upstream = try SteppedUpstream([Self.good + [.close]])
    try await story([upstream]) { house async throws in
      for _ in 0..<3 {
        #expect(try post(house, "/v1/batches").status == 200)
        let isGone = await eventually { await house.pool().idle == 0 }
        #expect(isGone)
      }
      #expect(upstream.requestCount == 3)
    }
  }
}
