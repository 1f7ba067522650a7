import Foundation
import Gateway
import TestKit
import Testing

/// How a stream of `/v1/messages` or `/v1/responses` fails.
struct EventFault: Sendable, CustomTestStringConvertible {
  let testDescription: String
  let sample: AnswerSample
  /// What comes in place of the rest; its own words are in it if it has some.
  let steps: [SteppedUpstream.Step]
  var hasWords: Bool

  private init(_ name: String, _ sample: AnswerSample, event: String) {
    self.init(name, sample, steps: [.send("\(String(event.utf8.count, radix: 16))\r\n\(event)\r\n0\r\n\r\n")], true)
  }

  private init(_ name: String, _ sample: AnswerSample, steps: [SteppedUpstream.Step], _ hasWords: Bool = false) {
    testDescription = "\(name) on \(sample.path)"
    self.sample = sample
    self.steps = steps
    self.hasWords = hasWords
  }

  private static let words = AnswerHouse.words

  static let all: [EventFault] =
    [AnswerSample.messages, .responses].flatMap { sample in
      [
        EventFault("the body's proper end", sample, steps: [.send("0\r\n\r\n")]),
        EventFault("a closed connection", sample, steps: [.close]),
        EventFault("a reset connection", sample, steps: [.reset]),
        EventFault(
          "an event named error", sample, event: "event: error\ndata: {\"code\":\"500\",\"message\":\"\(words)\"}\n\n"),
        EventFault("an error object", sample, event: "data: {\"error\":{\"message\":\"\(words)\"}}\n\n"),
      ]
    } + [
      EventFault(
        "an event of type error", .messages,
        event: AnswerSample.event("error", #""error":{"type":"overloaded_error","message":"\#(words)"}"#)),
      EventFault(
        "an event of type error without a name", .messages,
        event: #"data: {"type":"error","error":{"type":"overloaded_error","message":"\#(words)"}}"# + "\n\n"),
      EventFault(
        "an event of type error", .responses,
        event: AnswerSample.event(
          "error", #""code":"server_error","message":"\#(words)","param":null,"sequence_number":9"#)),
      EventFault(
        "response.failed", .responses,
        event: AnswerSample.event(
          "response.failed",
          #""sequence_number":9,"response":{"id":"resp_1","object":"response","created_at":1,"status":"failed","#
            + #""error":{"code":"server_error","message":"\#(words)"},"model":"m","output":[]}"#)),
    ]
}

@Suite("A stream of messages or responses")
struct AnswerEventStories {
  private static let options = "timeouts: { firstToken: 300ms, betweenTokens: 300ms }"

  /// These events, then the fault, each by itself.
  private func steps(_ events: [String], _ fault: EventFault) -> [SteppedUpstream.Step] {
    .open(events, pause: 10) + [.pause(40)] + fault.steps
  }

  // MARK: Before content

  @Test("that fails behind its beginnings makes room for the next candidate's", arguments: EventFault.all)
  func failover(fault: EventFault) async throws {
    for events in [[], [fault.sample.beginnings[0]], fault.sample.beginnings] {
      try await AnswerHouse.expectFailover(steps(events, fault), fault.sample, stream: true)
    }
  }

  @Test("that fails behind its beginnings is told as an error when nobody else can answer", arguments: EventFault.all)
  func alone(fault: EventFault) async throws {
    for events in [[], [fault.sample.beginnings[0]], fault.sample.beginnings] {
      try await AnswerHouse.story([try SteppedUpstream(steps(events, fault))]) { house async throws in
        let response = try house.ask(fault.sample.request(stream: true), path: fault.sample.path)
        try expectError(response, fault)
        let line = try #require(try await house.log(count: 1).first)
        #expect(line["outcome"] as? String != "completed" && line["ttft_ms"] == nil, "\(line)")
      }
    }
  }

  /// An error with a status of its own, or at the end of what was begun.
  private func expectError(_ response: RawResponse, _ fault: EventFault) throws {
    if fault.hasWords { #expect(response.text.contains(AnswerHouse.words), "\(response.text)") }
    guard response.status == 200 else {
      #expect(response.status == 502, "\(response.text)")
      #expect(try errorCode(response).hasPrefix("upstream_"))
      return
    }
    try expectEnding(response, fault)
  }

  /// The endpoint's own words for a failure, in its last event.
  private func expectEnding(_ response: RawResponse, _ fault: EventFault) throws {
    let events = ArrivedEvent.all(response.text)
    #expect(response.text.hasSuffix("\n\n") && !response.text.contains("[DONE]"), "\(response.text)")
    #expect(!events.contains { $0.name == "message_stop" || $0.name == "response.completed" })
    let last = try #require(events.last, "\(response.text)")
    let object = try #require(last.object, "\(last.data)")
    if fault.hasWords { #expect(last.data.contains(AnswerHouse.words), "\(last.data)") }
    // What the upstream itself says may stand as it is where the endpoint's clients understand it.
    if fault.hasWords, object["type"] as? String == "error" || last.name == "error" { return }
    if fault.hasWords, fault.sample == .responses, object["error"] != nil { return }
    if fault.sample == .messages {
      #expect(last.name == "error" && object["type"] as? String == "error", "\(last.data)")
      let error = try #require(object["error"] as? [String: Any], "\(last.data)")
      #expect(error["type"] is String && error["message"] is String, "\(last.data)")
    } else {
      #expect(last.name == "response.failed" && object["type"] as? String == "response.failed", "\(last.data)")
      let told = try #require(object["response"] as? [String: Any], "\(last.data)")
      #expect(told["object"] as? String == "response" && told["status"] as? String == "failed", "\(last.data)")
      #expect(told["id"] as? String == "resp_1", "\(last.data)")
      let error = try #require(told["error"] as? [String: Any], "\(last.data)")
      #expect(error["code"] is String && error["message"] is String, "\(last.data)")
      let numbers = events.compactMap { $0.object?["sequence_number"] as? Int }
      #expect(numbers.count == events.count && numbers == numbers.sorted(), "\(numbers)")
      #expect(Set(numbers).count == numbers.count, "\(numbers)")
    }
  }

  @Test("whose beginnings go on and on has no more time for its first content than any", arguments: [false, true])
  func endlessBeginnings(isMessages: Bool) async throws {
    let sample = isMessages ? AnswerSample.messages : .responses
    let event = isMessages ? AnswerSample.ping : sample.beginnings[1]
    let events = sample.beginnings + Array(repeating: event, count: 12)
    let steps: [SteppedUpstream.Step] = .open(events, pause: 50) + [.silence]
    try await AnswerHouse.expectFailover(steps, sample, stream: true, options: Self.options)
    try await AnswerHouse.story([try SteppedUpstream(steps)], options: Self.options) { house async throws in
      let response = try house.ask(sample.request(stream: true), path: sample.path)
      if response.status == 200 {
        #expect(ArrivedEvent.all(response.text).last?.data.contains("upstream_timeout") == true, "\(response.text)")
      } else {
        #expect(response.status == 504, "\(response.text)")
        #expect(try errorCode(response) == "upstream_timeout")
      }
      let line = try #require(try await house.log(count: 1).first)
      #expect(line["ttft_ms"] == nil && line["error"] as? String == "upstream_timeout", "\(line)")
    }
  }

  // MARK: Whole

  @Test("is unchanged, its first token the first with content in it", arguments: [AnswerSample.messages, .responses])
  func whole(sample: AnswerSample) async throws {
    let events = sample.beginnings + [AnswerSample.ping].filter { _ in sample == .messages } + sample.contents
    let steps: [SteppedUpstream.Step] = .chunked(events + sample.endings, pause: 60)
    try await AnswerHouse.story([try SteppedUpstream(steps)], options: "timeouts: { firstToken: 2s }") {
      house async throws in
      let response = try house.ask(sample.request(stream: true), path: sample.path)
      #expect(response.status == 200 && response.text == (events + sample.endings).joined())
      let line = try #require(try await house.log(count: 1).first)
      #expect(line["outcome"] as? String == "completed", "\(line)")
      // Two beginnings at least, each a pause before the next.
      #expect((line["ttft_ms"] as? Double ?? 0) >= 110, "\(line)")
      #expect(line["total_tokens"] as? Int == AnswerSample.totalTokens, "\(line)")
    }
  }

  // MARK: After content

  @Test(
    "that fails behind its first content ends in its endpoint's words, and nobody else is asked",
    arguments: EventFault.all)
  func afterContent(fault: EventFault) async throws {
    let events = fault.sample.beginnings + fault.sample.contents
    let second = try SteppedUpstream(fault.sample.good(stream: true))
    for others in [[], [second]] {
      try await AnswerHouse.story([try SteppedUpstream(steps(events, fault))] + others) { house async throws in
        let response = try house.ask(fault.sample.request(stream: true), path: fault.sample.path)
        #expect(response.status == 200 && response.text.hasPrefix(events.joined()), "\(response.text)")
        try expectEnding(response, fault)
        let line = try #require(try await house.log(count: 1).first)
        #expect(line["outcome"] as? String == "cut" && line["attempts"] as? Int == 1, "\(line)")
      }
    }
    #expect(second.requestCount == 0)
  }

  @Test(
    "that stalls behind its first content ends in its endpoint's words", arguments: [AnswerSample.messages, .responses])
  func stall(sample: AnswerSample) async throws {
    let fault = try #require(EventFault.all.first { $0.sample == sample && !$0.hasWords })
    let steps: [SteppedUpstream.Step] = .open(sample.beginnings + sample.contents) + [.silence]
    try await AnswerHouse.story([try SteppedUpstream(steps)], options: Self.options) { house async throws in
      let response = try house.ask(sample.request(stream: true), path: sample.path)
      #expect(response.status == 200)
      try expectEnding(response, fault)
      #expect(response.text.contains("upstream_stalled"), "\(response.text)")
    }
  }
}
