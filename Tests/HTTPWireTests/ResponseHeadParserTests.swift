import HTTPWire
import Testing

@Suite("Response heads") struct ResponseHeadParserTests {
  @Test("Malformed responses are refused as 502, at every split alike", arguments: responseRefusals)
  func refuses(_ refusal: Refusal) {
    let sample = bytes(refusal.text)
    #expect(responseVerdict(refusal.text) == .refused(refusal.kind, status: 502))
    var parser = ResponseHeadParser()
    for ends in everySplit(sample.count) {
      #expect(responseVerdict(sample, ends: ends, to: .post, parser: &parser).kind == refusal.kind)
    }
  }

  @Test("Good responses parse to the same head however the bytes are split", arguments: responsesAccepted)
  func accepts(_ text: String) {
    let sample = bytes(text)
    let whole = responseVerdict(text)
    #expect(whole.responseHead != nil)
    var parser = ResponseHeadParser()
    for ends in everySplit(sample.count) {
      #expect(responseVerdict(sample, ends: ends, to: .post, parser: &parser) == whole)
    }
    guard case .response(_, _, let endOffset) = whole else { return }
    for end in 0..<endOffset {
      #expect(responseVerdict(prefix(text, end)) == .incomplete)
    }
  }

  struct Case: Sendable {
    let status: Int
    let method: HTTPMethod
    let version: String
    let fields: String
    let framing: BodyFraming
    let keepAlive: Bool
  }

  static let cases: [Case] = [
    // Without any framing field the body lasts until the connection closes.
    Case(status: 200, method: .get, version: "1.1", fields: "", framing: .untilClose, keepAlive: false),
    Case(status: 200, method: .get, version: "1.0", fields: "", framing: .untilClose, keepAlive: false),
    Case(status: 500, method: .post, version: "1.1", fields: "", framing: .untilClose, keepAlive: false),
    Case(
      status: 200, method: .get, version: "1.1", fields: "Connection: keep-alive\r\n", framing: .untilClose,
      keepAlive: false),
    // Lengths.
    Case(
      status: 200, method: .get, version: "1.1", fields: "Content-Length: 7\r\n", framing: .length(7), keepAlive: true),
    Case(status: 200, method: .get, version: "1.1", fields: "Content-Length: 0\r\n", framing: .none, keepAlive: true),
    Case(
      status: 200, method: .get, version: "1.1", fields: "Content-Length: 7\r\nContent-Length: 7\r\n",
      framing: .length(7), keepAlive: true),
    Case(
      status: 200, method: .get, version: "1.1", fields: "Content-Length: 7\r\nConnection: close\r\n",
      framing: .length(7), keepAlive: false),
    Case(
      status: 200, method: .get, version: "1.0", fields: "Content-Length: 7\r\n", framing: .length(7), keepAlive: false),
    Case(
      status: 200, method: .get, version: "1.0", fields: "Content-Length: 7\r\nConnection: keep-alive\r\n",
      framing: .length(7), keepAlive: true),
    // Chunks.
    Case(
      status: 200, method: .post, version: "1.1", fields: "Transfer-Encoding: chunked\r\n", framing: .chunked,
      keepAlive: true),
    Case(
      status: 404, method: .post, version: "1.1", fields: "transfer-encoding: Chunked\r\nConnection: close\r\n",
      framing: .chunked, keepAlive: false),
    // No body whatever the fields say.
    Case(status: 200, method: .head, version: "1.1", fields: "Content-Length: 7\r\n", framing: .none, keepAlive: true),
    Case(
      status: 200, method: .head, version: "1.1", fields: "Transfer-Encoding: chunked\r\n", framing: .none,
      keepAlive: true),
    Case(status: 200, method: .head, version: "1.1", fields: "", framing: .none, keepAlive: true),
    Case(status: 204, method: .post, version: "1.1", fields: "", framing: .none, keepAlive: true),
    Case(status: 304, method: .get, version: "1.1", fields: "Content-Length: 7\r\n", framing: .none, keepAlive: true),
    Case(status: 100, method: .post, version: "1.1", fields: "", framing: .none, keepAlive: true),
    Case(status: 103, method: .post, version: "1.1", fields: "Link: </a>\r\n", framing: .none, keepAlive: true),
    // A body that may not be there is not believed absent: the connection is not used again.
    Case(status: 204, method: .post, version: "1.1", fields: "Content-Length: 7\r\n", framing: .none, keepAlive: false),
    Case(
      status: 204, method: .post, version: "1.1", fields: "Transfer-Encoding: chunked\r\n", framing: .none,
      keepAlive: false),
    Case(status: 204, method: .post, version: "1.1", fields: "Content-Length: 0\r\n", framing: .none, keepAlive: true),
  ]

  @Test("Framing and reuse follow method, status, version and fields", arguments: cases)
  func framing(_ sample: Case) throws {
    let text = "HTTP/\(sample.version) \(sample.status) x\r\n\(sample.fields)\r\n"
    let head = try #require(responseVerdict(text, to: sample.method).responseHead)
    #expect(head.status == sample.status)
    #expect(head.framing == sample.framing)
    #expect(head.keepAlive == sample.keepAlive)
    #expect(head.isInterim == (sample.status < 200))
  }

  @Test("After an interim head the real one is parsed from where it ended")
  func interim() throws {
    let sample = bytes(responsesAccepted[4])
    var parser = ResponseHeadParser()
    guard case .head(let first) = try parser.parse(sample.span.bytes, requestMethod: .post) else {
      Issue.record("incomplete")
      return
    }
    #expect(parser.head.isInterim)
    let second = try parser.parse(sample.span.bytes.extracting(droppingFirst: first), requestMethod: .post)
    #expect(second == .head(endOffset: sample.count - first))
    #expect(parser.head.status == 200)
  }

  @Test("The reason is a range of the bytes and may be empty or missing")
  func reason() throws {
    for (index, reason) in [(0, "OK"), (1, ""), (2, "")] {
      let head = try #require(responseVerdict(responsesAccepted[index]).responseHead)
      #expect(String(decoding: bytes(responsesAccepted[index])[head.reason], as: UTF8.self) == reason)
    }
  }
}
