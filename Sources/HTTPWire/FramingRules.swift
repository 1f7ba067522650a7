/// What the decisive fields mean: lengths, codings, connection options, expectations, hosts.
enum FramingRules {
  /// Content-Length as RFC 9112 section 6.3 wants it: digits alone, no sign, no list, no overflow.
  static func contentLength(_ bytes: UnsafeRawBufferPointer, _ range: Range<Int>) throws(HTTPWireError) -> Int {
    // 19 digits are the most an Int can need; more would only be leading zeros meant to confuse.
    guard !range.isEmpty, range.count <= 19 else { throw HTTPWireError(.badContentLength) }
    var length = 0
    for at in range {
      guard ByteClass.isDigit(bytes[at]) else { throw HTTPWireError(.badContentLength) }
      let (tens, tooBig) = length.multipliedReportingOverflow(by: 10)
      let (sum, overflow) = tens.addingReportingOverflow(Int(bytes[at] &- 0x30))
      if tooBig || overflow { throw HTTPWireError(.badContentLength) }
      length = sum
    }
    return length
  }

  /// Accepts `chunked` and nothing else. A list of codings that exist, `chunked` last or absent, is something we could
  /// have understood (501); anything else is how two parsers are made to disagree (400).
  static func requireChunked(_ bytes: UnsafeRawBufferPointer, _ range: Range<Int>) throws(HTTPWireError) {
    var chunkedSeen = false
    var othersSeen = false
    var isWellFormed = true
    forEachElement(bytes, range) { element in
      if chunkedSeen || element.isEmpty { isWellFormed = false }
      if equals(bytes, element, "chunked") {
        chunkedSeen = true
      } else if isKnownCoding(bytes, element) {
        othersSeen = true
      } else {
        isWellFormed = false
      }
    }
    if !isWellFormed { throw HTTPWireError(.badTransferEncoding) }
    if othersSeen { throw HTTPWireError(.unsupportedTransferCoding) }
  }

  private static func isKnownCoding(_ bytes: UnsafeRawBufferPointer, _ element: Range<Int>) -> Bool {
    equals(bytes, element, "gzip") || equals(bytes, element, "x-gzip") || equals(bytes, element, "deflate")
      || equals(bytes, element, "compress") || equals(bytes, element, "x-compress") || equals(bytes, element, "br")
      || equals(bytes, element, "zstd")
  }

  /// The options of all Connection fields together (RFC 9110 section 7.6.1).
  static func connectionOptions(
    _ bytes: UnsafeRawBufferPointer, _ fields: [HeaderField], from first: Int
  ) throws(HTTPWireError) -> (close: Bool, keepAlive: Bool) {
    var close = false
    var keepAlive = false
    var isWellFormed = true
    for field in fields[first...] where field.id == .connection {
      forEachElement(bytes, field.value) { element in
        if equals(bytes, element, "close") { close = true }
        if equals(bytes, element, "keep-alive") { keepAlive = true }
        for at in element where !ByteClass.isToken(bytes[at]) { isWellFormed = false }
      }
    }
    if !isWellFormed { throw HTTPWireError(.badConnection) }
    return (close, keepAlive)
  }

  /// Whether the bytes are `host` or `host:port` (RFC 9110 section 7.2), with the characters hosts really have: a
  /// name of letters, digits and `-._~`, or an IPv6 address in brackets.
  static func isHost(_ bytes: UnsafeRawBufferPointer, _ range: Range<Int>) -> Bool {
    var at = range.lowerBound
    let end = range.upperBound
    if at < end, bytes[at] == UInt8(ascii: "[") {
      at &+= 1
      let start = at
      while at < end, ByteClass.hexValue(bytes[at]) != nil || bytes[at] == 0x3A || bytes[at] == 0x2E { at &+= 1 }
      guard at > start, at < end, bytes[at] == UInt8(ascii: "]") else { return false }
      at &+= 1
    } else {
      while at < end, isNameCharacter(bytes[at]) { at &+= 1 }
      guard at > range.lowerBound else { return false }
    }
    if at == end { return true }
    guard bytes[at] == ByteClass.colon, (1...5).contains(end &- at &- 1) else { return false }
    var port = 0
    for digit in at &+ 1..<end {
      guard ByteClass.isDigit(bytes[digit]) else { return false }
      port = port &* 10 &+ Int(bytes[digit] &- 0x30)
    }
    return port <= 65_535
  }

  private static func isNameCharacter(_ byte: UInt8) -> Bool {
    let letter = (byte | 0x20) &- 0x61
    return letter < 26 || ByteClass.isDigit(byte) || byte == 0x2D || byte == 0x2E || byte == 0x5F || byte == 0x7E
  }

  /// Whether two ranges spell the same, ASCII letters of either case.
  static func equalsIgnoringCase(_ bytes: UnsafeRawBufferPointer, _ left: Range<Int>, _ right: Range<Int>) -> Bool {
    func lower(_ byte: UInt8) -> UInt8 { byte &- 0x41 < 26 ? byte | 0x20 : byte }
    guard left.count == right.count else { return false }
    for offset in 0..<left.count
    where lower(bytes[left.lowerBound &+ offset]) != lower(bytes[right.lowerBound &+ offset]) { return false }
    return true
  }

  /// Whether a range spells `lowercase`, ASCII letters of either case. Text may hold any byte, so it is first seen to
  /// be a token: only then may case be folded by setting a bit.
  static func equals(_ bytes: UnsafeRawBufferPointer, _ range: Range<Int>, _ lowercase: StaticString) -> Bool {
    guard range.count == lowercase.utf8CodeUnitCount, let base = bytes.baseAddress else { return false }
    for at in range where !ByteClass.isToken(bytes[at]) { return false }
    return ByteClass.isSpelled(base + range.lowerBound, range.count, lowercase)
  }

  /// Calls `body` with each element of a comma-separated list, trimmed, empty ones included.
  @inline(__always) static func forEachElement(
    _ bytes: UnsafeRawBufferPointer, _ range: Range<Int>, _ body: (Range<Int>) -> Void
  ) {
    var start = range.lowerBound
    for at in range where bytes[at] == ByteClass.comma {
      body(ByteClass.trimmed(bytes, start..<at))
      start = at &+ 1
    }
    body(ByteClass.trimmed(bytes, start..<range.upperBound))
  }
}
