@testable import Gateway
import GatewayConfiguration
import Lifecycle
import TestKit
import Testing

@Suite("A model's own word on faults")
struct FaultPolicyStories {
  /// Model `m` at the upstreams in their order, with this `onFault`.
  private static func models(_ count: Int, _ onFault: String) -> String {
    let serve = ["a", "b", "c"].prefix(count).map { "{ upstream: \($0) }" }.joined(separator: ", ")
    return "models:\n  m: { serve: [\(serve)], onFault: { \(onFault) } }\n"
  }

  private static func story(
    _ upstreams: [SteppedUpstream], onFault: String, options: String = "", _ body: (House) async throws -> Void
  ) async throws {
    try await House.story(
      upstreams: 0,
      configuration: { _ in
        "anonymous: true\n" + House.upstreams(upstreams.map(\.port), options: options)
          + models(upstreams.count, onFault)
      }, body)
  }

  private static func error(_ words: String, code: String = "null") -> String {
    #"{"error":{"message":"\#(words)","type":"invalid_request_error","param":null,"code":\#(code)}}"#
  }

  private static let tooLong = error("This model takes 8,192 tokens", code: #""context_length_exceeded""#)
  private static let filtered = error("Not with us", code: #""content_filter""#)

  /// What the caller is blamed for by default, but not where the model says so: name, answer.
  private static let callers: [(String, String)] = [
    ("contextLength", tooLong), ("contentFilter", filtered), ("caller", error("temperature must be below 1")),
  ]

  @Test("`next`: what is the caller's fault with one candidate may be none with another", arguments: callers)
  func next(name: String, document: String) async throws {
    for stream in [false, true] {
      let first = try SteppedUpstream(.answer(document, status: "400 No"))
      let second = try SteppedUpstream(AnswerSample.chat.good(stream: stream))
      try await Self.story([first, second], onFault: "\(name): next") { house async throws in
        let response = try house.ask(AnswerSample.chat.request(stream: stream))
        #expect(
          response.status == 200 && response.text == AnswerSample.chat.goodBody(stream: stream), "\(response.text)")
        #expect(response.header("x-sluice-upstream") == "b" && response.header("x-sluice-attempts") == "2")
        #expect(first.requestCount == 1 && second.requestCount == 1)
        let line = try #require(try await house.log(count: 1).first)
        #expect(line["failures"] as? [String] == ["a: status 400"] && line["outcome"] as? String == "completed")
      }
    }
  }

  @Test("`next` with nobody left: the caller gets the last one's own document", arguments: callers)
  func nobodyLeft(name: String, document: String) async throws {
    let first = try SteppedUpstream(.answer(Self.error("of the first"), status: "400 No"))
    let second = try SteppedUpstream(.answer(document, status: "400 No"))
    try await Self.story(
      [first, second], onFault: "\(Set(["caller", name]).map { "\($0): next" }.joined(separator: ", "))"
    ) { house async throws in
      let response = try house.ask(AnswerSample.chat.request(stream: true))
      #expect(response.status == 400 && response.text == document)
      #expect(response.header("x-sluice-upstream") == "b" && second.requestCount == 1)
    }
  }

  @Test("`next` for one kind says nothing of the others: a wrong request stays the caller's")
  func oneKind() async throws {
    let document = Self.error("temperature must be below 1")
    let first = try SteppedUpstream(.answer(document, status: "400 No"))
    let second = try SteppedUpstream(AnswerSample.chat.good(stream: false))
    try await Self.story([first, second], onFault: "contextLength: next, contentFilter: next") { house async throws in
      let response = try house.ask(AnswerSample.chat.request(stream: false))
      #expect(response.status == 400 && response.text == document && second.requestCount == 0)
    }
  }

  @Test(
    "`answer`: nobody else is asked, and the caller is told",
    arguments: [
      ("rateLimited", "429 No", 429, nil), ("overloaded", "503 No", 503, nil), ("upstream", "500 No", 500, nil),
      ("notNow", "408 No", 408, nil), ("key", "401 No", 502, "upstream_unauthorized"),
      ("account", "402 No", 502, "upstream_payment_required"), ("place", "404 No", 502, "upstream_not_found"),
      ("malformed", "200 OK", 502, "upstream_invalid_answer"),
    ] as [(String, String, Int, String?)])
  func answer(name: String, status: String, told: Int, code: String?) async throws {
    let document = Self.error("Come back later")
    for stream in [false, true] {
      let first = try SteppedUpstream(.answer(document, status: status))
      let second = try SteppedUpstream(AnswerSample.chat.good(stream: stream))
      try await Self.story([first, second], onFault: "\(name): answer") { house async throws in
        let response = try house.ask(AnswerSample.chat.request(stream: stream))
        #expect(response.status == told && second.requestCount == 0, "\(response.text)")
        #expect(response.header("x-sluice-attempts") == "1" && response.header("x-sluice-upstream") == "a")
        if let code {
          #expect(try errorObject(response.body)["code"] as? String == code)
        } else {
          #expect(response.text == document)
        }
      }
    }
  }

  @Test("the word of the model counts whose candidate failed, not of the one that was asked for")
  func fallbacks() async throws {
    let limited = Self.error("Come back later")
    let first = try SteppedUpstream(.answer(limited, status: "429 No"))
    let second = try SteppedUpstream(.answer(Self.tooLong, status: "400 No"))
    let third = try SteppedUpstream(AnswerSample.chat.good(stream: false))
    try await House.story(
      upstreams: 0,
      configuration: { _ in
        "anonymous: true\n" + House.upstreams([first.port, second.port, third.port]) + """
          models:
            m: { serve: a, fallback: [long] }
            long: { serve: [{ upstream: b }, { upstream: c }], onFault: { contextLength: next, rateLimited: answer } }

          """
      }
    ) { house async throws in
      let response = try house.ask(AnswerSample.chat.request(stream: false))
      #expect(response.status == 200 && response.header("x-sluice-upstream") == "c", "\(response.text)")
      let direct = try house.ask(#"{"model":"a/x","messages":[]}"#)
      #expect(direct.status == 429 && direct.text == limited)
    }
  }

  @Test("a caller's fault in a stream that is open already is told in the upstream's own words")
  func openStream() async throws {
    let first = try SteppedUpstream(.open([": busy\n\n"]) + [.silence])
    let second = try SteppedUpstream(.answer(Self.tooLong, status: "400 No"))
    try await Self.story([first, second], onFault: "", options: "timeouts: { firstToken: 5500ms }") {
      house async throws in
      let client = try RawClient(port: house.port, timeout: .seconds(20))
      try client.post("/v1/chat/completions", AnswerSample.chat.request(stream: true))
      let response = try client.readResponse()
      #expect(response.status == 200 && response.text.contains("status 400. It says: This model takes 8,192 tokens."))
    }
  }

  @Test("configuration and table have the same classes and the same usual rows")
  func names() {
    #expect(FaultName.allCases.map(\.rawValue) == FaultClass.allCases.map { "\($0)" })
    for name in FaultName.allCases {
      #expect("\(FaultClass(name))" == name.rawValue)
      #expect(FaultTable.usual[FaultClass(name)].contains(.nextCandidate) == (name.usual == .next), "\(name)")
      for policy in FaultPolicy.allCases {
        var policies = FaultPolicies()
        policies[name] = policy
        #expect(FaultTable(policies)[FaultClass(name)].contains(.nextCandidate) == (policy == .next))
        if policy == name.usual { #expect(FaultTable(policies) == .usual) }
        if policy == .answer { #expect(FaultTable(policies)[FaultClass(name)] == []) }
      }
    }
  }
}
