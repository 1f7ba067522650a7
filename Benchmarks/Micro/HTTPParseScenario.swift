import HTTPWire

/// The head parsers and the chunk decoder alone.
struct HTTPParseScenario: Scenario {
  let name = "http-parse"
  let summary = "the head parsers and the chunk decoder alone: speed, allocations per head or chunk"

  private static let heads = 64
  private static let chunks = 200

  func run(_ bench: Bench) throws -> ScenarioReport {
    let request = Array(Self.requestHead.utf8)
    let response = Array(Self.responseHead.utf8)
    let events = try UpstreamScript(textEvents: Self.chunks, gapMilliseconds: 0).eventBytes()[1...Self.chunks]
    let body = Self.chunked(events)
    var report = ScenarioReport(name: name, summary: summary, parameters: [])
    report.checked = try Self.check(request, response, body, payloadBytes: events.reduce(0) { $0 + $1.count })
    var requests = RequestHeadParser()
    var responses = ResponseHeadParser()
    try MicroRun.run(
      [
        MicroVariant(name: "request head", bytes: request.count * Self.heads, units: Self.heads) {
          Self.parse(&requests, request)
        },
        MicroVariant(name: "response head", bytes: response.count * Self.heads, units: Self.heads) {
          Self.parse(&responses, response)
        },
        MicroVariant(name: "chunk", bytes: body.count, units: Self.chunks) { Self.decode(body) },
      ], unit: "head or chunk", bench, into: &report)
    return report
  }

  private static func parse(_ parser: inout RequestHeadParser, _ head: [UInt8]) -> UInt64 {
    var sum: UInt64 = 0
    for _ in 0..<heads {
      guard case .head(let end)? = try? parser.parse(head.span.bytes) else { return 0 }
      sum &+= UInt64(end + parser.fields.count)
    }
    return sum
  }

  private static func parse(_ parser: inout ResponseHeadParser, _ head: [UInt8]) -> UInt64 {
    var sum: UInt64 = 0
    for _ in 0..<heads {
      guard case .head(let end)? = try? parser.parse(head.span.bytes, requestMethod: .post) else { return 0 }
      sum &+= UInt64(end + parser.fields.count)
    }
    return sum
  }

  /// Payload bytes of a whole body.
  private static func decode(_ body: [UInt8]) -> UInt64 {
    var decoder = ChunkedDecoder(limits: .response)
    var offset = 0
    var sum: UInt64 = 0
    while let step = try? decoder.next(body.span.bytes, at: offset), case .payload(let range, let next) = step {
      sum &+= UInt64(range.count)
      offset = next
    }
    return sum
  }

  private static let requestHead =
    "POST /v1/chat/completions HTTP/1.1\r\nHost: gateway.example:8080\r\n"
    + "Authorization: Bearer \(BenchmarkRequest.key)\r\n"
    + "Content-Type: application/json\r\nAccept: application/json\r\nAccept-Encoding: gzip, deflate\r\n"
    + "User-Agent: OpenAI/Python 2.8.0\r\nX-Stainless-Lang: python\r\nX-Stainless-Package-Version: 2.8.0\r\n"
    + "X-Stainless-OS: Linux\r\nX-Stainless-Arch: x64\r\nX-Stainless-Runtime: CPython\r\n"
    + "X-Stainless-Runtime-Version: 3.12.3\r\nX-Stainless-Async: false\r\nx-stainless-retry-count: 0\r\n"
    + "x-stainless-read-timeout: 600\r\nConnection: keep-alive\r\nContent-Length: 318\r\n\r\n"

  private static let responseHead =
    "HTTP/1.1 200 OK\r\nDate: Sat, 21 Nov 2026 08:00:00 GMT\r\nServer: uvicorn\r\n"
    + "Content-Type: text/event-stream; charset=utf-8\r\n"
    + "Cache-Control: no-cache\r\nConnection: keep-alive\r\nx-request-id: req_0123456789abcdef0123456789abcdef\r\n"
    + "openai-processing-ms: 214\r\nTransfer-Encoding: chunked\r\n\r\n"

  private static func chunked(_ events: ArraySlice<[UInt8]>) -> [UInt8] {
    var body: [UInt8] = []
    for event in events { body += Array("\(String(event.count, radix: 16))\r\n".utf8) + event + Array("\r\n".utf8) }
    return body + Array("0\r\n\r\n".utf8)
  }

  private static func check(_ request: [UInt8], _ response: [UInt8], _ body: [UInt8], payloadBytes: Int) throws
    -> String
  {
    var requests = RequestHeadParser()
    guard case .head(request.count) = try requests.parse(request.span.bytes), requests.head.method == .post,
      requests.head.framing == .length(318), requests.fields.count == 17
    else { throw BenchmarkError("the request head is misread: \(requests.head)") }
    var responses = ResponseHeadParser()
    guard case .head(response.count) = try responses.parse(response.span.bytes, requestMethod: .post),
      responses.head.status == 200, responses.head.framing == .chunked, responses.fields.count == 8
    else { throw BenchmarkError("the response head is misread: \(responses.head)") }
    guard decode(body) == UInt64(payloadBytes) else { throw BenchmarkError("the chunks are misread") }
    return "method, framing, status, all fields, and every chunk's length"
  }
}
