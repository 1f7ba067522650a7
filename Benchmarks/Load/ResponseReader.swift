import CLinux

/// Reads HTTP/1.1 answers as lean as a checking client may: the status, the length or the chunks, nothing else.
///
/// Not the gateway's own parser on purpose: a mistake made there must not be invisible here.
struct ResponseReader {
  /// Where an answer stands after some bytes.
  enum Progress: Equatable {
    case unfinished
    case complete
    case wrong(String)
  }

  private enum State: Equatable {
    case head
    case body(left: Int)
    case chunkSize(value: Int, digits: Int)
    case chunkExtension(value: Int)
    case chunkLineFeed(value: Int)
    case chunk(left: Int)
    case chunkEnd
    case chunkEndLineFeed
    /// The trailer section: so many bytes of the current line.
    case trailer(lineBytes: Int)
    case done
  }

  private static let headBytesMax = 16_384
  private var state = State.head
  private var partialHead: [UInt8] = []

  private(set) var status = 0
  private(set) var isEventStream = false
  /// Whether the server will close the connection after this answer.
  private(set) var closes = false
  /// After how many milliseconds the server would like to be asked again; nil if it does not say.
  private(set) var retryMilliseconds: Int?

  /// Whether nothing of an answer has come yet.
  var isFresh: Bool { state == .head && partialHead.isEmpty }

  /// Makes ready for the next answer.
  mutating func reset() {
    state = .head
    partialHead.removeAll(keepingCapacity: true)
    status = 0
    isEventStream = false
    closes = false
    retryMilliseconds = nil
  }

  /// Takes what came in; the body's bytes go to `body` piece by piece. Bytes behind the answer's end are wrong:
  /// nothing was asked.
  @inline(__always)
  mutating func feed(_ bytes: UnsafeRawBufferPointer, body: (UnsafeRawBufferPointer) -> Void) -> Progress {
    var position = 0
    while position < bytes.count {
      switch state {
      case .head:
        switch feedHead(UnsafeRawBufferPointer(rebasing: bytes[position...])) {
        case .needsMore: return .unfinished
        case .taken(let count): position += count
        case .wrong(let why): return .wrong(why)
        }
      case .body(let left):
        let count = min(left, bytes.count - position)
        body(UnsafeRawBufferPointer(rebasing: bytes[position..<position + count]))
        position += count
        state = left == count ? .done : .body(left: left - count)
      case .chunk(let left):
        let count = min(left, bytes.count - position)
        body(UnsafeRawBufferPointer(rebasing: bytes[position..<position + count]))
        position += count
        state = left == count ? .chunkEnd : .chunk(left: left - count)
      case .done:
        return .wrong("\(bytes.count - position) bytes after the end of the answer")
      default:
        guard feedFraming(bytes[position]) else { return .wrong("broken chunk framing") }
        position += 1
      }
    }
    return state == .done ? .complete : .unfinished
  }

  private mutating func feedFraming(_ byte: UInt8) -> Bool {
    switch state {
    case .chunkSize(let value, let digits):
      if let digit = Self.hexDigit(byte), digits < 8 {
        state = .chunkSize(value: value << 4 | digit, digits: digits + 1)
        return true
      }
      guard digits > 0 else { return false }
      if byte == 0x0d { state = .chunkLineFeed(value: value) } else { state = .chunkExtension(value: value) }
      return byte == 0x0d || byte == 0x3b
    case .chunkExtension(let value):
      if byte == 0x0d { state = .chunkLineFeed(value: value) }
      return true
    case .chunkLineFeed(let value):
      state = value == 0 ? .trailer(lineBytes: 0) : .chunk(left: value)
      return byte == 0x0a
    case .chunkEnd:
      state = .chunkEndLineFeed
      return byte == 0x0d
    case .chunkEndLineFeed:
      state = .chunkSize(value: 0, digits: 0)
      return byte == 0x0a
    case .trailer(let lineBytes):
      switch byte {
      case 0x0d: break
      case 0x0a: state = lineBytes == 0 ? .done : .trailer(lineBytes: 0)
      default: state = .trailer(lineBytes: lineBytes + 1)
      }
      return true
    case .head, .body, .chunk, .done:
      return false
    }
  }

  private enum HeadStep {
    case needsMore
    case taken(Int)
    case wrong(String)
  }

  private mutating func feedHead(_ bytes: UnsafeRawBufferPointer) -> HeadStep {
    if partialHead.isEmpty, let end = Self.headEnd(bytes) {
      return read(head: UnsafeRawBufferPointer(rebasing: bytes[..<end])).map { .wrong($0) } ?? .taken(end)
    }
    let before = partialHead.count
    partialHead.append(contentsOf: bytes)
    guard let end = partialHead.withUnsafeBytes(Self.headEnd) else {
      return partialHead.count > Self.headBytesMax ? .wrong("a head without an end") : .needsMore
    }
    let head = partialHead
    let wrong = head.withUnsafeBytes { read(head: UnsafeRawBufferPointer(rebasing: $0[..<end])) }
    return wrong.map { .wrong($0) } ?? .taken(end - before)
  }

  private static func headEnd(_ bytes: UnsafeRawBufferPointer) -> Int? {
    guard let base = bytes.baseAddress, let found = memmem(base, bytes.count, "\r\n\r\n", 4) else { return nil }
    return UnsafeRawPointer(found) - base + 4
  }

  /// Reads the fields that matter; gives back what is wrong.
  private mutating func read(head: UnsafeRawBufferPointer) -> String? {
    guard head.count > 12, let base = head.baseAddress, memcmp(base, "HTTP/1.1 ", 9) == 0 else {
      return "not an HTTP/1.1 answer"
    }
    status = head[9..<12].reduce(0) { $0 * 10 + Int($1) - 48 }
    var length: Int?
    var isChunked = false
    var position = 0
    while let feed = head[position...].firstIndex(of: 0x0a), feed + 1 < head.count {
      position = feed + 1
      if Self.has("content-length:", head, position) {
        length = Self.number(head[(position + 15)...])
      } else if Self.has("retry-after-ms:", head, position) {
        retryMilliseconds = Self.number(head[(position + 15)...])
      } else if Self.has("retry-after:", head, position) {
        retryMilliseconds = retryMilliseconds ?? Self.number(head[(position + 12)...]) * 1000
      } else if Self.has("transfer-encoding: chunked", head, position) {
        isChunked = true
      } else if Self.has("content-type: text/event-stream", head, position) {
        isEventStream = true
      } else if Self.has("connection: close", head, position) {
        closes = true
      }
    }
    guard isChunked != (length != nil) else { return "an answer with both a length and chunks, or neither" }
    state = isChunked ? .chunkSize(value: 0, digits: 0) : length == 0 ? .done : .body(left: length ?? 0)
    return nil
  }

  private static func has(_ name: StaticString, _ head: UnsafeRawBufferPointer, _ position: Int) -> Bool {
    guard head.count - position >= name.utf8CodeUnitCount, let base = head.baseAddress else { return false }
    return strncasecmp((base + position).assumingMemoryBound(to: CChar.self), name.utf8Start, name.utf8CodeUnitCount)
      == 0
  }

  private static func number(_ bytes: Slice<UnsafeRawBufferPointer>) -> Int {
    bytes.prefix { $0 != 0x0d }.reduce(0) { (48...57).contains($1) ? $0 &* 10 &+ Int($1) &- 48 : $0 }
  }

  private static func hexDigit(_ byte: UInt8) -> Int? {
    switch byte {
    case 0x30...0x39: Int(byte) - 0x30
    case 0x41...0x46: Int(byte) - 0x41 + 10
    case 0x61...0x66: Int(byte) - 0x61 + 10
    default: nil
    }
  }
}
