import HTTPWire
import Testing

@Suite("Limits") struct HTTPLimitsTests {
  let small = HTTPLimits(
    startLineBytesMax: 40, headBytesMax: 200, fieldCountMax: 4, fieldNameBytesMax: 20, chunkExtensionBytesMax: 8,
    chunkExtensionBytesTotalMax: 20, chunkBytesMax: 0xFF, trailerBytesMax: 30)

  func filler(_ count: Int) -> String { String(repeating: "a", count: count) }

  @Test("A request line may have exactly its bound")
  func requestLine() {
    // "GET /" and " HTTP/1.1" are 14 bytes.
    #expect(requestVerdict("GET /\(filler(26)) HTTP/1.1\r\nHost: h\r\n\r\n", limits: small).requestHead != nil)
    #expect(requestVerdict("GET /\(filler(27)) HTTP/1.1\r\nHost: h\r\n\r\n", limits: small).status == 414)
    #expect(requestVerdict("GET /\(filler(35))", limits: small) == .incomplete)
    #expect(requestVerdict("GET /\(filler(36))", limits: small).status == 414)
  }

  @Test("A head may have exactly its bound and is refused at the byte beyond")
  func head() {
    func request(_ count: Int) -> String { "GET / HTTP/1.1\r\nHost: h\r\nX: \(filler(count))\r\n\r\n" }
    let overhead = request(0).utf8.count
    #expect(requestVerdict(request(200 - overhead), limits: small).requestHead != nil)
    #expect(requestVerdict(request(201 - overhead), limits: small).kind == .headTooLarge)
    #expect(requestVerdict(prefix(request(300), 199), limits: small) == .incomplete)
    #expect(requestVerdict(prefix(request(300), 200), limits: small).status == 431)
  }

  @Test("Fields are counted, and their names measured")
  func fields() {
    func request(_ fields: String) -> String { "GET / HTTP/1.1\r\nHost: h\r\n\(fields)" }
    #expect(requestVerdict(request("A:\r\nB:\r\nC:\r\n\r\n"), limits: small).requestHead != nil)
    #expect(requestVerdict(request("A:\r\nB:\r\nC:\r\nD"), limits: small).kind == .tooManyFields)
    #expect(requestVerdict(request("\(filler(20)):\r\n\r\n"), limits: small).requestHead != nil)
    #expect(requestVerdict(request("\(filler(21))"), limits: small).kind == .fieldNameTooLong)
  }

  @Test("The defaults are those that are promised")
  func defaults() {
    #expect(HTTPLimits.request.headBytesMax == 16_384 && HTTPLimits.request.startLineBytesMax == 8192)
    #expect(HTTPLimits.request.fieldCountMax == 100 && HTTPLimits.response.headBytesMax == 65_536)
    func request(_ count: Int) -> String {
      "GET / HTTP/1.1\r\nHost: h\r\n" + String(repeating: "A: b\r\n", count: count) + "\r\n"
    }
    #expect(requestVerdict(request(99)).requestHead != nil)
    #expect(requestVerdict(request(100)).status == 431)
    #expect(requestVerdict("GET /" + filler(9000)).status == 414)
    #expect(requestVerdict("GET / HTTP/1.1\r\nX: " + filler(17_000)).status == 431)
    #expect(responseVerdict("HTTP/1.1 200 " + filler(9000)).kind == .startLineTooLong)
    #expect(responseVerdict("HTTP/1.1 200 OK\r\nX: " + filler(60_000) + "\r\n\r\n").responseHead != nil)
    #expect(responseVerdict("HTTP/1.1 200 OK\r\nX: " + filler(66_000)).kind == .headTooLarge)
  }

  @Test("Bounds hold at the same byte for a peer that sends byte by byte")
  func dribble() {
    var parser = RequestHeadParser(limits: small)
    for text in ["GET /" + filler(100), "GET / HTTP/1.1\r\nX: " + filler(300), "GET / HTTP/1.1\r\n" + filler(100)] {
      let sample = bytes(text)
      let whole = requestVerdict(sample, parser: &parser)
      #expect(whole.status != nil)
      #expect(requestVerdict(sample, ends: Array(1...sample.count), parser: &parser) == whole)
    }
    var answers = ResponseHeadParser(limits: small)
    for text in ["HTTP/1.1 200 " + filler(100), "HTTP/1.1 200 OK\r\nX: " + filler(300)] {
      let sample = bytes(text)
      let whole = responseVerdict(sample, to: .get, parser: &answers)
      #expect(whole.status == 502)
      #expect(responseVerdict(sample, ends: Array(1...sample.count), to: .get, parser: &answers) == whole)
    }
  }

  @Test("Bounds below one count as one and cannot trap")
  func absurd() {
    let limits = HTTPLimits(
      startLineBytesMax: 0, headBytesMax: .min, fieldCountMax: -1, fieldNameBytesMax: 0, chunkExtensionBytesMax: .max,
      chunkExtensionBytesTotalMax: .max, chunkBytesMax: .max, trailerBytesMax: .max)
    #expect(requestVerdict("GET / HTTP/1.1\r\n", limits: limits).status != nil)
    #expect(responseVerdict("HTTP/1.1 200 OK\r\n", limits: limits).status == 502)
    #expect(decoded(bytes("1;a\r\nx\r\n0\r\n\r\n"), limits: limits).payload == bytes("x"))
  }

  @Test("Chunk sizes, extensions and trailers stop at their bounds")
  func chunks() {
    func outcome(_ text: String) -> HTTPWireError.Kind? { decoded(bytes(text), limits: small).refused }
    #expect(outcome("ff\r\n") == nil)
    #expect(outcome("100\r\n") == .chunkTooLarge)
    #expect(outcome("1;234567 \r\n") == nil)
    #expect(outcome("1;23456789") == .chunkExtensionsTooLarge)
    #expect(outcome("1;234567\r\na\r\n1;234567\r\na\r\n1;abc") == nil)
    #expect(outcome("1;234567\r\na\r\n1;234567\r\na\r\n1;abcdef") == .chunkExtensionsTooLarge)
    #expect(outcome("0\r\nX: \(filler(25))\r\n\r\n") == nil)
    #expect(outcome("0\r\nX: \(filler(30))") == .trailersTooLarge)
    #expect(outcome("0\r\n" + String(repeating: "X:\r\n", count: 8)) == .trailersTooLarge)
  }
}
