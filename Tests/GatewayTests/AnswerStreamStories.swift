import Foundation
import Gateway
import TestKit
import Testing

@Suite("A stream judged by its events")
struct AnswerStreamStories {
  private static let sample = AnswerSample.chat

  // MARK: Types

  static let types: [String?] = [
    nil, "text/plain", "text/plain; charset=utf-8", "application/octet-stream", "application/x-ndjson",
    "application/json", "application/json; charset=utf-8",
  ]

  @Test("is read as one whatever type it claims: counted, its usage only for who asked", arguments: types)
  func anyType(type: String?) async throws {
    // At once, event by event, and so that its first bytes alone do not say what it is.
    let all = Self.sample.events.joined()
    for pieces in [[all], Self.sample.events, [String(all.prefix(2)), String(all.dropFirst(2))]] {
      for usage in [false, true] {
        try await AnswerHouse.askForStream([try SteppedUpstream(.chunked(pieces, type: type, pause: 5))], usage: usage)
        { response, line in
          #expect(response.status == 200)
          #expect(response.text == (usage ? all : Self.sample.delivered))
          #expect(line["total_tokens"] as? Int == AnswerSample.totalTokens, "\(line)")
          #expect(line["token_source"] as? String == "upstream" && line["ttft_ms"] != nil, "\(line)")
          #expect(line["outcome"] as? String == "completed" && (line["events"] as? Int ?? 0) > 0, "\(line)")
        }
      }
    }
  }

  @Test("reaches its client as text/event-stream, whatever type it claimed", arguments: types)
  func typeForClient(type: String?) async throws {
    try await AnswerHouse.askForStream([try SteppedUpstream(.chunked(Self.sample.events, type: type))]) { response, _ in
      #expect(response.header("content-type")?.hasPrefix("text/event-stream") == true, "\(response.head)")
      #expect(response.header("transfer-encoding") == "chunked" && response.header("content-length") == nil)
    }
  }

  @Test(
    "of another type is known by comments, names and byte order marks before its first data",
    arguments: [": ping\n\n", "event: message\n", "id: 1\n", "retry: 100\n\n", "\u{FEFF}", "\n\n"])
  func otherBeginnings(opening: String) async throws {
    for type in [nil, "text/plain", "application/json"] {
      let steps: [SteppedUpstream.Step] = .chunked([opening] + Self.sample.events, type: type, pause: 3)
      try await AnswerHouse.askForStream([try SteppedUpstream(steps)]) { response, line in
        // What is nothing but blank lines need not arrive.
        let text = opening == "\n\n" ? String(response.text.drop { $0 == "\n" }) : response.text
        #expect(text == (opening == "\n\n" ? "" : opening) + Self.sample.delivered, "\(response.text)")
        #expect(line["total_tokens"] as? Int == AnswerSample.totalTokens, "\(line)")
      }
    }
  }

  @Test("of another type is counted when nobody tells usage, and fails as every stream does", arguments: types)
  func anyTypeCut(type: String?) async throws {
    let chunks = [Self.sample.beginnings, Self.sample.contents].joined().map(\.self)
    let whole = chunks + [AnswerSample.chunk("{}", finish: "\"stop\""), AnswerSample.done]
    try await AnswerHouse.askForStream([try SteppedUpstream(.chunked(whole, type: type))]) { response, line in
      #expect(response.text == whole.joined())
      #expect((line["completion_tokens"] as? Int ?? 0) > 0, "\(line)")
    }
    try await AnswerHouse.askForStream([try SteppedUpstream(.chunked(chunks, type: type, pause: 25))]) {
      response, line in
      #expect(lastEventErrorCode(response.body)?.hasPrefix("upstream_") == true, "\(response.text)")
      #expect(line["outcome"] as? String != "completed", "\(line)")
    }
    try await AnswerHouse.expectFailover(.chunked(Self.sample.beginnings, type: type), stream: true)
  }

  @Test("on other endpoints is read whatever type it claims", arguments: [AnswerSample.messages, .responses])
  func otherEndpoints(sample: AnswerSample) async throws {
    for type in [nil, "text/plain", "application/octet-stream", "application/json"] {
      try await AnswerHouse.story([try SteppedUpstream(.chunked(sample.events, type: type))]) { house async throws in
        let response = try house.ask(sample.request(stream: true), path: sample.path)
        #expect(response.status == 200 && response.text == sample.delivered)
        let line = try #require(try await house.log(count: 1).first)
        #expect(line["total_tokens"] as? Int == AnswerSample.totalTokens, "\(type ?? "none"): \(line)")
      }
    }
  }

  @Test(
    "that is none but one JSON document is read and counted, whatever type it claims",
    arguments: [nil, "text/plain", "application/octet-stream", "application/json"])
  func document(type: String?) async throws {
    for sample in AnswerSample.allCases {
      for steps: [SteppedUpstream.Step] in [
        .answer(sample.whole, type: type),
        .chunked(["\n", String(sample.whole.prefix(9)), String(sample.whole.dropFirst(9))], type: type, pause: 3),
      ] {
        try await AnswerHouse.story([try SteppedUpstream(steps)]) { house async throws in
          let response = try house.ask(sample.request(stream: false), path: sample.path)
          #expect(response.status == 200 && response.text.hasSuffix(sample.whole))
          let line = try #require(try await house.log(count: 1).first)
          #expect(line["total_tokens"] as? Int == AnswerSample.totalTokens, "\(sample): \(line)")
          #expect(line["token_source"] as? String == "upstream", "\(line)")
        }
      }
    }
  }

  // MARK: The last bytes

  @Test("whose last event lacks its blank line is delivered well-formed and counted", arguments: ["", "\n", "\r\n"])
  func lastEvent(ending: String) async throws {
    for count in 1...2 {
      // The last event is the reason to finish, then the usage.
      let events = Self.sample.beginnings + Self.sample.contents + Self.sample.endings.prefix(count)
      let last = String(try #require(events.last).dropLast(2)) + ending
      for usage in [false, true] {
        let steps: [SteppedUpstream.Step] = .chunked(events.dropLast() + [last], pause: 10)
        try await AnswerHouse.askForStream([try SteppedUpstream(steps)], usage: usage) { response, line in
          let wanted = ArrivedEvent.all(events.filter { usage || $0 != AnswerSample.usageChunk }.joined()).map(\.data)
          let arrived = ArrivedEvent.all(response.text.replacingOccurrences(of: "\r\n", with: "\n")).map(\.data)
          #expect(response.text.hasSuffix("\n\n"), "\(response.text)")
          #expect(arrived.starts(with: wanted) && arrived.last == "[DONE]", "\(response.text)")
          #expect(arrived.count == wanted.count + (usage && count == 1 ? 2 : 1), "\(response.text)")
          #expect(line["outcome"] as? String == "completed", "\(line)")
          if count == 2 { #expect(line["total_tokens"] as? Int == AnswerSample.totalTokens, "\(line)") }
        }
      }
    }
  }

  @Test("whose last event is all there is of content, without its blank line, is delivered")
  func onlyEvent() async throws {
    let event = AnswerSample.chunk(#"{"content":"fine"}"#, finish: #""stop""#)
    try await AnswerHouse.askForStream([try SteppedUpstream(.chunked([String(event.dropLast(2))]))]) { response, line in
      #expect(response.status == 200 && response.text == event + AnswerSample.done, "\(response.text)")
      #expect((line["completion_tokens"] as? Int ?? 0) > 0, "\(line)")
    }
  }

  private static let rawError = #"{"error":{"message":"\#(AnswerHouse.words)","type":"server_error","code":500}}"#

  @Test(
    "that breaks off with an error object outside any event is an error with its words", arguments: ["", "\n", "\n\n"])
  func rawError(ending: String) async throws {
    let begun = Self.sample.beginnings + Self.sample.contents
    let second = try SteppedUpstream(Self.sample.good(stream: true))
    for others in [[], [second]] {
      let steps: [SteppedUpstream.Step] = .chunked(begun + [Self.rawError + ending], pause: 25)
      try await AnswerHouse.askForStream([try SteppedUpstream(steps)] + others) { response, line in
        #expect(response.status == 200 && response.text.hasPrefix(begun.joined()), "\(response.text)")
        let last = try #require(ArrivedEvent.all(response.text).last?.object, "\(response.text)")
        let error = try #require(last["error"] as? [String: Any], "\(response.text)")
        #expect((error["message"] as? String)?.contains(AnswerHouse.words) == true, "\(error)")
        #expect(response.text.hasSuffix("\n\n") && !response.text.contains("[DONE]"))
        #expect(line["outcome"] as? String == "cut", "\(line)")
      }
    }
    #expect(second.requestCount == 0)
  }

  @Test("that breaks off so before content makes room for the next candidate's", arguments: ["", "\n", "\n\n"])
  func rawErrorBeforeContent(ending: String) async throws {
    for pieces in [[Self.rawError + ending], Self.sample.beginnings + [Self.rawError + ending]] {
      try await AnswerHouse.expectFailover(.chunked(pieces, pause: 10), stream: true)
      try await AnswerHouse.expectRefusal(.chunked(pieces, pause: 10), stream: true, words: AnswerHouse.words)
    }
  }
}
