import Foundation
import Gateway
import TestKit
import Testing

/// An answer with status 200 or 204 that is no answer.
struct AnswerFault: Sendable, CustomTestStringConvertible {
  let testDescription: String
  let steps: [SteppedUpstream.Step]
  /// The error's code; nil for any of an upstream's.
  var code: String? = "upstream_invalid_answer"
  /// What it says for itself.
  var words: String?
  /// Only where no stream was asked for.
  var isForWholeOnly = false

  init(
    _ name: String, _ steps: [SteppedUpstream.Step], code: String? = "upstream_invalid_answer", words: String? = nil,
    isForWholeOnly: Bool = false
  ) {
    testDescription = name
    self.steps = steps
    self.code = code
    self.words = words
    self.isForWholeOnly = isForWholeOnly
  }

  private static let page = "<html><head><title>Sign in</title></head><body>Welcome to nginx</body></html>"
  private static let errorObject = #"{"error":{"message":"\#(AnswerHouse.words)","type":"server_error","code":null}}"#
  private static let errorType = #"{"object":"error","message":"\#(AnswerHouse.words)","code":500}"#
  private static let openDocument =
    #"{"id":"c1","object":"chat.completion","choices":[{"index":0,"message":{"content":"Th"#

  /// For every endpoint.
  static let common = [
    AnswerFault("a web page", .answer(page, type: "text/html")),
    AnswerFault("a web page called JSON", .answer(page)),
    AnswerFault("plain text", .answer("upstream connect error", type: "text/plain")),
    AnswerFault("nothing", .answer("")),
    AnswerFault("nothing of no type", .answer("", type: nil)),
    AnswerFault("null", .answer("null")),
    AnswerFault("an error object", .answer(errorObject), code: nil, words: AnswerHouse.words),
    AnswerFault(
      "an error object in chunks", .chunked([errorObject], type: "application/json"), code: nil,
      words: AnswerHouse.words),
    AnswerFault("an object that calls itself an error", .answer(errorType), code: nil, words: AnswerHouse.words),
    AnswerFault("a document that stays open", .answer(openDocument)),
    AnswerFault("a document that stays open, in chunks", .chunked([openDocument], type: "application/json", pause: 5)),
    AnswerFault(
      "a document cut short by the connection's end",
      [
        .send(
          "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 4000\r\n\r\n\(openDocument)"),
        .pause(20), .close,
      ], code: nil),
    AnswerFault("status 204", [.send("HTTP/1.1 204 No Content\r\n\r\n")]),
    blank(then: "", name: "nothing"),
    blank(then: page, name: "a web page"),
    blank(then: "null", name: "null"),
    blank(then: errorObject, name: "an error object", code: nil, words: AnswerHouse.words),
    blank(then: openDocument, name: "a document that stays open"),
  ]

  /// For chat alone.
  static let chat = [
    AnswerFault("choices that are null", .answer(#"{"id":"c1","object":"chat.completion","choices":null}"#)),
    AnswerFault("no choices", .answer(#"{"id":"c1","object":"chat.completion","choices":[]}"#), isForWholeOnly: true),
    blank(then: #"{"id":"c1","choices":null}"#, name: "choices that are null"),
  ]

  /// Blank lines that keep the connection alive while the model is at work, and then this.
  private static func blank(
    then text: String, name: String, code: String? = "upstream_invalid_answer", words: String? = nil
  ) -> AnswerFault {
    let pieces = Array(repeating: "\n\n", count: 5) + (text.isEmpty ? [] : [text])
    return AnswerFault(
      "blank lines, then \(name)", .chunked(pieces, type: "application/json", pause: 3), code: code, words: words)
  }
}

@Suite("An answer that is none")
struct AnswerStories {
  @Test(
    "makes room for the next candidate's, of which the client cannot tell that it was not the first",
    arguments: AnswerFault.common + AnswerFault.chat)
  func failover(fault: AnswerFault) async throws {
    try await AnswerHouse.expectFailover(fault.steps, stream: false)
    if !fault.isForWholeOnly { try await AnswerHouse.expectFailover(fault.steps, stream: true) }
  }

  @Test(
    "is told as the upstream's fault, in its words if it had some, when nobody else can answer",
    arguments: AnswerFault.common + AnswerFault.chat)
  func alone(fault: AnswerFault) async throws {
    for stream in [false, true] where !(stream && fault.isForWholeOnly) {
      try await AnswerHouse.expectRefusal(fault.steps, stream: stream, code: fault.code, words: fault.words)
    }
  }

  @Test("is none on other endpoints either", arguments: AnswerFault.common)
  func otherEndpoints(fault: AnswerFault) async throws {
    for sample in [AnswerSample.messages, .responses, .embeddings] {
      for stream in sample == .embeddings ? [false] : [false, true] {
        try await AnswerHouse.expectFailover(fault.steps, sample, stream: stream)
        try await AnswerHouse.expectRefusal(fault.steps, sample, stream: stream, code: fault.code, words: fault.words)
      }
    }
  }

  @Test("of its endpoint's own kind is the upstream's fault too")
  func ownKinds() async throws {
    let words = AnswerHouse.words
    for (sample, body) in [
      (AnswerSample.messages, #"{"type":"error","error":{"type":"overloaded_error","message":"\#(words)"}}"#),
      (
        .responses,
        #"{"id":"resp_1","object":"response","status":"failed","output":[],"#
          + #""error":{"code":"server_error","message":"\#(words)"}}"#
      ),
      (.embeddings, #"{"object":"error","message":"\#(words)"}"#),
    ] {
      try await AnswerHouse.expectFailover(.answer(body), sample, stream: false)
      try await AnswerHouse.expectRefusal(.answer(body), sample, stream: false, words: words)
    }
  }

  @Test("is not one with members that are null, or of an endpoint whose answers nobody knows")
  func answersAllTheSame() async throws {
    let body = AnswerSample.chat.whole.replacingOccurrences(of: "{\"id\"", with: "{\"error\":null,\"id\"")
    try await AnswerHouse.story([try SteppedUpstream(.answer(body)), try SteppedUpstream(.answer("{}"))]) {
      house async throws in
      let response = try house.ask(AnswerSample.chat.request(stream: false))
      #expect(response.status == 200 && response.text == body)
    }
    try await AnswerHouse.story([try SteppedUpstream(.answer("audio", type: "audio/mpeg"))]) { house async throws in
      let response = try house.ask(#"{"model":"m","voice":"alloy","input":"hi"}"#, path: "/v1/audio/speech")
      #expect(response.status == 200 && response.text == "audio")
      #expect(response.header("content-type") == "audio/mpeg")
    }
  }

  // MARK: Codings

  @Test(
    "can be read in no coding that nobody asked for: the next candidate answers",
    arguments: ["gzip", "br", "zstd", "deflate", "GZIP", "identity, gzip"])
  func coding(name: String) async throws {
    let headers = "content-encoding: \(name)\r\n"
    for sample in name == "gzip" ? AnswerSample.allCases : [.chat] {
      let whole: [SteppedUpstream.Step] = .answer("\u{1F}\u{2}coded", headers: headers)
      try await AnswerHouse.expectFailover(whole, sample, stream: false)
      try await AnswerHouse.expectRefusal(whole, sample, stream: false)
      guard sample != .embeddings else { continue }
      let events: [SteppedUpstream.Step] = .chunked(["\u{1F}\u{2}coded"], headers: headers)
      try await AnswerHouse.expectFailover(events, sample, stream: true)
      try await AnswerHouse.expectRefusal(events, sample, stream: true)
    }
  }

  @Test("is not one whose coding is identity: it is read and counted")
  func identity() async throws {
    let headers = "content-encoding: identity\r\n"
    let sample = AnswerSample.chat
    for stream in [false, true] {
      let steps: [SteppedUpstream.Step] =
        stream ? .chunked(sample.events, headers: headers) : .answer(sample.whole, headers: headers)
      try await AnswerHouse.story([try SteppedUpstream(steps)]) { house async throws in
        let response = try house.ask(sample.request(stream: stream))
        #expect(response.status == 200 && response.text == sample.goodBody(stream: stream))
        let line = try #require(try await house.log(count: 1).first)
        #expect(line["total_tokens"] as? Int == AnswerSample.totalTokens, "\(line)")
      }
    }
  }
}
