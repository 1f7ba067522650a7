import Foundation
import Gateway
import TestKit
import Testing

/// Houses whose upstreams answer step by step, and what must come of an answer that is none.
enum AnswerHouse {
  /// Words that only an upstream says.
  static let words = "The engine is out of rooms"

  /// Model `m` at the first upstream, then at the others.
  static func story(
    _ upstreams: [SteppedUpstream], options: String = "", limits: String = "", routes: String = "",
    sourceLocation: SourceLocation = #_sourceLocation, _ body: (House) async throws -> Void
  ) async throws {
    try await House.story(
      upstreams: 0, sourceLocation: sourceLocation,
      configuration: { _ in
        "anonymous: true\n" + House.upstreams(upstreams.map(\.port), options: options)
          + House.models(upstreams.count) + routes + (limits.isEmpty ? "" : "limits:\n" + limits)
      }, body)
  }

  /// Asks a house with these upstreams for a chat as a stream, and lends the answer and its line in the log.
  static func askForStream(
    _ upstreams: [SteppedUpstream], usage: Bool = false, sourceLocation: SourceLocation = #_sourceLocation,
    _ body: (RawResponse, [String: Any]) throws -> Void
  ) async throws {
    try await story(upstreams, sourceLocation: sourceLocation) { house async throws in
      let response = try house.ask(AnswerSample.chat.request(stream: true, usage: usage))
      try body(response, try #require(try await house.log(count: 1).first, sourceLocation: sourceLocation))
    }
  }

  /// With two candidates, of which the first answers with `steps`: the client must get the second's answer and nothing
  /// else.
  static func expectFailover(
    _ steps: [SteppedUpstream.Step], _ sample: AnswerSample = .chat, stream: Bool, options: String = "",
    sourceLocation: SourceLocation = #_sourceLocation
  ) async throws {
    let first = try SteppedUpstream(steps)
    let second = try SteppedUpstream(sample.good(stream: stream))
    try await story([first, second], options: options, sourceLocation: sourceLocation) { house async throws in
      let response = try house.ask(sample.request(stream: stream), path: sample.path)
      #expect(response.status == 200, "\(sample): \(response.text)", sourceLocation: sourceLocation)
      #expect(response.text == sample.goodBody(stream: stream), "\(sample)", sourceLocation: sourceLocation)
      #expect(response.header("x-sluice-upstream") == "b", sourceLocation: sourceLocation)
      #expect(response.header("x-sluice-attempts") == "2", sourceLocation: sourceLocation)
      #expect(first.requestCount == 1 && second.requestCount == 1, sourceLocation: sourceLocation)
      let line = try #require(try await house.log(count: 1).first, sourceLocation: sourceLocation)
      #expect(line["attempts"] as? Int == 2, "\(line)", sourceLocation: sourceLocation)
      #expect((line["failures"] as? [String])?.count == 1, "\(line)", sourceLocation: sourceLocation)
      #expect(line["outcome"] as? String == "completed", "\(line)", sourceLocation: sourceLocation)
      #expect(line["total_tokens"] as? Int == AnswerSample.totalTokens, "\(line)", sourceLocation: sourceLocation)
    }
  }

  /// With one candidate that answers with `steps`: the client must get the status and an error that says whose fault
  /// it is.
  ///
  /// - Parameters:
  ///   - code: nil for any of an upstream's.
  ///   - shouldRetry: what `x-should-retry` says.
  static func expectRefusal(
    _ steps: [SteppedUpstream.Step], _ sample: AnswerSample = .chat, stream: Bool, status: Int = 502,
    code: String? = nil, words: String? = nil, shouldRetry: String? = nil, options: String = "",
    sourceLocation: SourceLocation = #_sourceLocation
  ) async throws {
    try await story([try SteppedUpstream(steps)], options: options, sourceLocation: sourceLocation) {
      house async throws in
      let client = try house.client()
      try client.post(sample.path, sample.request(stream: stream))
      let response = try client.readResponse()
      #expect(response.status == status, "\(sample): \(response.text)", sourceLocation: sourceLocation)
      #expect(response.header("content-type") == "application/json", sourceLocation: sourceLocation)
      #expect(response.header("content-encoding") == nil, sourceLocation: sourceLocation)
      #expect(!response.text.contains("<html"), sourceLocation: sourceLocation)
      let error = try errorObject(response.body, sourceLocation: sourceLocation)
      let told = try #require(error["code"] as? String, "\(error)", sourceLocation: sourceLocation)
      #expect(told.hasPrefix("upstream_"), sourceLocation: sourceLocation)
      if let code { #expect(told == code, sourceLocation: sourceLocation) }
      let message = try #require(error["message"] as? String, "\(error)", sourceLocation: sourceLocation)
      if let words { #expect(message.contains(words), "\(message)", sourceLocation: sourceLocation) }
      if let shouldRetry {
        #expect(response.header("x-should-retry") == shouldRetry, "\(response.head)", sourceLocation: sourceLocation)
      }
      // The connection is in order: it takes the next request.
      try client.send("GET /livez HTTP/1.1\r\nHost: test\r\n\r\n")
      #expect(try client.readResponse().status == 200, sourceLocation: sourceLocation)
      let line = try #require(try await house.log(count: 1).first, sourceLocation: sourceLocation)
      #expect(line["outcome"] as? String != "completed", "\(line)", sourceLocation: sourceLocation)
      #expect(line["status"] as? Int == status, "\(line)", sourceLocation: sourceLocation)
      #expect(line["error"] as? String == told, "\(line)", sourceLocation: sourceLocation)
    }
  }
}

/// An event of a stream that arrived: its name, if it had one, and its data.
struct ArrivedEvent {
  let name: String?
  let data: String

  var object: [String: Any]? { try? JSONSerialization.jsonObject(with: Data(data.utf8)) as? [String: Any] }

  /// All events of a well-formed stream whose lines end with LF; comments are left out.
  static func all(_ text: String) -> [ArrivedEvent] {
    text.components(separatedBy: "\n\n").compactMap { block in
      let lines = block.split(separator: "\n")
      let data = lines.filter { $0.hasPrefix("data:") }.map { $0.dropFirst(5).drop { $0 == " " } }
      guard !data.isEmpty else { return nil }
      let name = lines.first { $0.hasPrefix("event:") }.map { String($0.dropFirst(6).drop { $0 == " " }) }
      return ArrivedEvent(name: name, data: data.joined(separator: "\n"))
    }
  }
}
