internal import HTTPWire

/// Collects what a connection sends and takes complete requests from it, one after another.
struct RequestReader {
  /// A request with all its bytes.
  struct Complete {
    let request: Request
    /// Head, the empty line included.
    let head: [UInt8]
    /// Whole body without framing.
    let body: [UInt8]
  }

  /// What the bytes so far come to.
  enum Step {
    case needMore
    /// The client waits for `100 Continue` before it sends the body.
    case needContinue
    case complete(Complete)
    case bodyTooLong
  }

  /// A request whose head is complete.
  private struct Incoming {
    let request: Request
    let head: [UInt8]
    let framing: BodyFraming
    var decoder = ChunkedDecoder()
    var body: [UInt8] = []
    var awaitsContinue: Bool
  }

  private let bodyBytesMax: Int
  private let requiredAuthorization: [UInt8]?
  private var input: [UInt8] = []
  private var searchedBytes = 0
  private var incoming: Incoming?

  /// - Parameter requiredAuthorization: what the Authorization field must say; nil demands nothing.
  init(bodyBytesMax: Int, requiredAuthorization: [UInt8]?) {
    self.bodyBytesMax = bodyBytesMax
    self.requiredAuthorization = requiredAuthorization
  }

  /// Bytes that no complete request has used yet.
  var waitingCount: Int { input.count }

  mutating func append(_ bytes: UnsafeRawBufferPointer) { input.append(contentsOf: bytes) }

  /// Takes the next request if all of it is there.
  mutating func next(_ parser: inout RequestHeadParser) throws(HTTPWireError) -> Step {
    if incoming == nil {
      guard try readHead(&parser) else { return .needMore }
    }
    guard var incoming else { return .needMore }
    self.incoming = nil
    if incoming.awaitsContinue {
      incoming.awaitsContinue = false
      if input.isEmpty {
        self.incoming = incoming
        return .needContinue
      }
    }
    switch incoming.framing {
    case .none, .untilClose: break
    case .length(let length):
      guard length <= bodyBytesMax else { return .bodyTooLong }
      guard input.count >= length else {
        input.reserveCapacity(length)
        self.incoming = incoming
        return .needMore
      }
      incoming.body = take(length)
    case .chunked:
      let isComplete = try decodeChunks(&incoming)
      guard incoming.body.count <= bodyBytesMax else { return .bodyTooLong }
      guard isComplete else {
        self.incoming = incoming
        return .needMore
      }
    }
    return .complete(Complete(request: incoming.request, head: incoming.head, body: incoming.body))
  }

  private mutating func readHead(_ parser: inout RequestHeadParser) throws(HTTPWireError) -> Bool {
    guard !input.isEmpty else { return false }
    switch try parser.parse(input.span.bytes, searchedBytes: searchedBytes) {
    case .incomplete(let searched):
      searchedBytes = searched
      return false
    case .head(let end):
      searchedBytes = 0
      let head = parser.head
      let request = Request(
        isHead: head.method == .head, isGet: head.method == .get || head.method == .head,
        method: String(decoding: input[head.methodName], as: UTF8.self),
        path: String(decoding: input[head.path], as: UTF8.self), isAuthorized: isAuthorized(parser.fields),
        closes: !head.keepAlive, isHTTP10: head.versionMinor == 0)
      incoming = Incoming(
        request: request, head: take(end), framing: head.framing, awaitsContinue: head.expectsContinue)
      return true
    }
  }

  private func isAuthorized(_ fields: [HeaderField]) -> Bool {
    guard let requiredAuthorization else { return true }
    return fields.firstValue(of: .authorization).map { input[$0].elementsEqual(requiredAuthorization) } ?? false
  }

  /// Decodes what is there; true at the end of the body.
  private mutating func decodeChunks(_ incoming: inout Incoming) throws(HTTPWireError) -> Bool {
    var at = 0
    while true {
      switch try incoming.decoder.next(input.span.bytes, at: at) {
      case .payload(let range, let next):
        incoming.body += input[range]
        at = next
      case .needMore:
        input.removeAll(keepingCapacity: true)
        return false
      case .end(let next):
        _ = take(next)
        return true
      }
    }
  }

  /// Removes the first `count` bytes from the input.
  private mutating func take(_ count: Int) -> [UInt8] {
    guard count < input.count else {
      // All of it, the usual end of a request: the storage moves, nothing is copied.
      defer { input = [] }
      return input
    }
    defer { input.removeFirst(count) }
    return Array(input[..<count])
  }
}
