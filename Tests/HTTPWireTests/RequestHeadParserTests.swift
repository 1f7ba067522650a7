import HTTPWire
import Testing

@Suite("Request heads") struct RequestHeadParserTests {
  @Test("Malformed requests are refused with the status and the defect that fit", arguments: requestRefusals)
  func refuses(_ refusal: Refusal) {
    #expect(requestVerdict(refusal.text) == .refused(refusal.kind, status: refusal.status))
  }

  @Test("A defect is the same however the bytes are split", arguments: requestRefusals)
  func refusesAtEverySplit(_ refusal: Refusal) {
    let sample = bytes(refusal.text)
    var parser = RequestHeadParser()
    for ends in everySplit(sample.count) {
      #expect(
        requestVerdict(sample, ends: ends, parser: &parser).kind == refusal.kind, "pieces end at \(ends.prefix(2))")
    }
  }

  @Test("A defect that ends the sample is refused before the head is complete")
  func refusesEarly() {
    // Nearly all samples stop right after the offending byte; none of these holds an empty line.
    let early = requestRefusals.filter { !$0.text.contains("\r\n\r\n") }
    #expect(early.count > 30)
    for refusal in early { #expect(requestVerdict(refusal.text).status == refusal.status) }
  }

  @Test("Good requests parse to the same head however the bytes are split", arguments: requestsAccepted)
  func acceptsAtEverySplit(_ text: String) throws {
    let sample = bytes(text)
    let whole = requestVerdict(text)
    #expect(whole.requestHead != nil)
    var parser = RequestHeadParser()
    for ends in everySplit(sample.count) {
      #expect(requestVerdict(sample, ends: ends, parser: &parser) == whole, "pieces end at \(ends.prefix(2))")
    }
  }

  @Test("No prefix of a good head is refused or taken for the whole")
  func prefixes() throws {
    for text in requestsAccepted {
      guard case .request(_, _, let endOffset) = requestVerdict(text) else {
        Issue.record("refused: \(text)")
        continue
      }
      for end in 0..<endOffset {
        #expect(requestVerdict(prefix(text, end)) == .incomplete)
      }
    }
  }

  @Test("A chat request's head says what the gateway must know")
  func chat() throws {
    let text = requestsAccepted[8]
    let sample = bytes(text)
    func spelled(_ range: Range<Int>?) -> String? { range.map { String(decoding: sample[$0], as: UTF8.self) } }
    guard case .request(let head, let fields, let endOffset) = requestVerdict(text) else {
      Issue.record("refused")
      return
    }
    #expect(head.method == .post)
    #expect(spelled(head.methodName) == "POST")
    #expect(spelled(head.target) == "/v1/chat/completions?a=1?b")
    #expect(spelled(head.path) == "/v1/chat/completions")
    #expect(spelled(head.query) == "a=1?b")
    #expect(spelled(head.host) == "localhost:8080")
    #expect(head.versionMinor == 1)
    #expect(head.framing == .length(12))
    #expect(head.keepAlive)
    #expect(head.expectsContinue)
    #expect(spelled(endOffset..<endOffset + 12) == "{\"model\":\"\"}")
    #expect(spelled(fields.firstValue(of: .authorization)) == "Bearer sk-1234567890")
    #expect(
      fields.map(\.id) == [
        .host, .contentType, .authorization, .xApiKey, .apiKey, .userAgent, .contentLength, .connection, .expect,
      ])
    #expect(fields.map { spelled($0.name) }.prefix(4) == ["Host", "Content-Type", "Authorization", "X-API-Key"])
    #expect(fields.count(of: .host) == 1 && fields.count(of: .cookie) == 0)
    #expect(fields.firstValue(of: .cookie) == nil)
  }

  @Test("Targets in absolute and asterisk form name host and path")
  func targets() throws {
    func parts(_ index: Int) throws -> [String?] {
      let sample = bytes(requestsAccepted[index])
      let head = try #require(requestVerdict(requestsAccepted[index]).requestHead)
      return [head.host, head.path, head.query].map { $0.map { String(decoding: sample[$0], as: UTF8.self) } }
    }
    #expect(try parts(2) == [nil, "/", nil])
    #expect(try parts(3) == ["h", "*", nil])
    #expect(try parts(4) == ["API.example:8080", "/v1/models", "limit=2&x=%20"])
    #expect(try parts(5) == ["h", "", nil])
    #expect(try parts(6) == ["h", "", "q"])
    #expect(try parts(7) == ["[2001:db8::1]:8080", "/pot", nil])
  }

  @Test("Values lose surrounding white space only")
  func values() throws {
    let sample = bytes(requestsAccepted[7])
    guard case .request(_, let fields, _) = requestVerdict(requestsAccepted[7]) else {
      Issue.record("refused")
      return
    }
    #expect(fields.dropFirst().map { Array(sample[$0.value]) } == [[], [], bytes("a\tb \u{E9}\u{FF}")])
  }

  @Test(
    "Whether the connection lives on follows version and Connection",
    arguments: [
      ("1.1", "", true), ("1.1", "Connection: close\r\n", false), ("1.1", "Connection: keep-alive\r\n", true),
      ("1.1", "Connection: x, CLOSE ,\r\n", false), ("1.1", "Connection: x\r\nconnection: close\r\n", false),
      ("1.1", "Connection: keep-alive, close\r\n", false), ("1.1", "Connection:\r\n", true),
      ("1.0", "", false), ("1.0", "Connection: Keep-Alive\r\n", true),
      ("1.0", "Connection: close, keep-alive\r\n", false),
      ("1.0", "Connection: keep-alivex\r\n", false),
    ])
  func keepAlive(_ version: String, _ fields: String, _ expected: Bool) {
    #expect(requestVerdict("GET / HTTP/\(version)\r\nHost: h\r\n\(fields)\r\n").requestHead?.keepAlive == expected)
  }

  @Test(
    "Framing and expectation follow the fields",
    arguments: [
      ("", BodyFraming.none, false), ("Content-Length: 0\r\n", .none, false),
      ("Content-Length: 007\r\n", .length(7), false),
      ("Content-Length: 9223372036854775807\r\n", .length(.max), false),
      ("Transfer-Encoding: Chunked\r\n", .chunked, false),
      ("Expect: 100-continue\r\n", .none, false), ("Expect: 100-continue\r\nContent-Length: 1\r\n", .length(1), true),
      ("Transfer-Encoding: chunked\r\nExpect: 100-CONTINUE\r\n", .chunked, true),
    ])
  func framing(_ fields: String, _ framing: BodyFraming, _ expectsContinue: Bool) {
    let head = requestVerdict("PUT / HTTP/1.1\r\nHost: h\r\n\(fields)\r\n").requestHead
    #expect(head?.framing == framing)
    #expect(head?.expectsContinue == expectsContinue)
  }

  @Test("An HTTP/1.0 client is not told to continue")
  func oldClient() {
    let head = requestVerdict("PUT / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n").requestHead
    #expect(head?.expectsContinue == false)
    #expect(head?.framing == .length(1))
  }

  @Test("Methods are known by their exact spelling", arguments: HTTPMethod.allCases)
  func methods(_ method: HTTPMethod) {
    guard method != .other, method != .connect else { return }
    let name = "\(method.name)"
    #expect(requestVerdict("\(name) / HTTP/1.1\r\nHost: h\r\n\r\n").requestHead?.method == method)
    for other in [name.lowercased(), name + "X", String(name.dropLast()) + "_"] {
      #expect(requestVerdict("\(other) / HTTP/1.1\r\nHost: h\r\n\r\n").requestHead?.method == .other)
    }
  }

  @Test("A parser that refused one request parses the next")
  func reuse() {
    var parser = RequestHeadParser()
    #expect(
      requestVerdict(bytes("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: x\r\n\r\n"), parser: &parser).status == 400)
    let next = requestVerdict(bytes(requestsAccepted[0]), parser: &parser)
    #expect(next == requestVerdict(requestsAccepted[0]))
  }
}
