/// `method SP request-target SP HTTP-version CRLF` (RFC 9112 section 3), read in the order of the bytes so that noise is
/// refused at its first byte.
enum RequestLine {
  /// The longest method we look at; the longest registered one has 17 letters.
  static let methodBytesMax = 32

  /// Fills `head` and returns the offset after the line; nil when bytes are missing.
  static func scan(
    _ bytes: UnsafeRawBufferPointer, from start: Int, to end: Int, bytesMax: Int, into head: inout RequestHead
  ) throws(HTTPWireError) -> Int? {
    guard let base = bytes.baseAddress else { return nil }
    // The line's CR may stand at most here.
    let lineEnd = start &+ bytesMax
    var at = start

    let methodEnd = min(end, start &+ methodBytesMax &+ 1, lineEnd)
    while at < methodEnd, ByteClass.isToken(bytes[at]) { at &+= 1 }
    if at &- start > methodBytesMax { throw HTTPWireError(.badMethod) }
    if at == end { return nil }
    if at == lineEnd { throw HTTPWireError(.startLineTooLong) }
    guard at > start, bytes[at] == ByteClass.space else {
      throw HTTPWireError(bytes[at] == ByteClass.lineFeed ? .bareLineFeed : .badMethod)
    }
    head.methodName = start..<at
    head.method = HTTPMethod(base + start, count: at &- start)

    at &+= 1
    let targetStart = at
    let targetEnd = min(end, lineEnd)
    var query: Int?
    while at < targetEnd, isTargetByte(bytes[at]) {
      if bytes[at] == UInt8(ascii: "?"), query == nil { query = at }
      at &+= 1
    }
    if at == end { return nil }
    if at == lineEnd { throw HTTPWireError(.startLineTooLong) }
    guard at > targetStart, bytes[at] == ByteClass.space else { throw targetDefect(bytes[at]) }
    head.target = targetStart..<at
    head.path = targetStart..<(query ?? at)
    head.query = query.map { $0 &+ 1..<at }

    at &+= 1
    // `HTTP/1.x` has eight bytes; a line that cannot hold them is too long before they come.
    if at &+ 8 > lineEnd { throw HTTPWireError(.startLineTooLong) }
    guard let next = try version(bytes, from: at, to: end, into: &head.versionMinor) else { return nil }
    try resolveTarget(bytes, into: &head)
    return next
  }

  /// Visible ASCII but for `#`: a fragment is never sent (RFC 9112 section 3.2).
  @inline(__always) private static func isTargetByte(_ byte: UInt8) -> Bool {
    byte &- 0x21 < 0x5E && byte != UInt8(ascii: "#")
  }

  private static func targetDefect(_ byte: UInt8) -> HTTPWireError {
    switch byte {
    case ByteClass.lineFeed: HTTPWireError(.bareLineFeed)
    case ByteClass.carriageReturn: HTTPWireError(.badRequestLine)
    default: HTTPWireError(.badTarget)
    }
  }

  /// `HTTP/1.0` or `HTTP/1.1` and CRLF. A version that is well spelled but not ours is told apart from nonsense.
  private static func version(
    _ bytes: UnsafeRawBufferPointer, from start: Int, to end: Int, into minor: inout UInt8
  ) throws(HTTPWireError) -> Int? {
    let prefix: StaticString = "HTTP/"
    for offset in 0..<5 {
      guard start &+ offset < end else { return nil }
      if bytes[start &+ offset] != prefix.utf8Start[offset] { throw HTTPWireError(.badRequestLine) }
    }
    guard start &+ 5 < end else { return nil }
    if !ByteClass.isDigit(bytes[start &+ 5]) { throw HTTPWireError(.badRequestLine) }
    guard start &+ 6 < end else { return nil }
    if bytes[start &+ 6] != UInt8(ascii: ".") { throw HTTPWireError(.badRequestLine) }
    guard start &+ 7 < end else { return nil }
    if !ByteClass.isDigit(bytes[start &+ 7]) { throw HTTPWireError(.badRequestLine) }
    minor = bytes[start &+ 7] &- 0x30
    if bytes[start &+ 5] != UInt8(ascii: "1") || minor > 1 { throw HTTPWireError(.unsupportedVersion) }
    guard start &+ 8 < end else { return nil }
    switch bytes[start &+ 8] {
    case ByteClass.carriageReturn: return try FieldSection.lineEnd(bytes, start &+ 8, end)
    case ByteClass.lineFeed: throw HTTPWireError(.bareLineFeed)
    default: throw HTTPWireError(.badRequestLine)
    }
  }

  /// Origin form, asterisk form for OPTIONS, or absolute form with the scheme `http` (RFC 9112 section 3.2).
  private static func resolveTarget(
    _ bytes: UnsafeRawBufferPointer, into head: inout RequestHead
  ) throws(HTTPWireError) {
    let target = head.target
    if bytes[target.lowerBound] == UInt8(ascii: "/") {
      if head.method == .connect { throw HTTPWireError(.badTarget) }
      return
    }
    if bytes[target.lowerBound] == UInt8(ascii: "*"), target.count == 1, head.method == .options { return }

    let schemeEnd = target.lowerBound &+ 7
    guard target.count > 7, head.method != .connect,
      FramingRules.equals(bytes, target.lowerBound..<target.lowerBound &+ 4, "http"),
      bytes[schemeEnd &- 3] == ByteClass.colon, bytes[schemeEnd &- 2] == UInt8(ascii: "/"),
      bytes[schemeEnd &- 1] == UInt8(ascii: "/")
    else { throw HTTPWireError(.badTarget) }
    var hostEnd = schemeEnd
    while hostEnd < head.path.upperBound, bytes[hostEnd] != UInt8(ascii: "/") { hostEnd &+= 1 }
    // A `?` before the `//` would end the path inside the scheme; the host is then empty and refused.
    guard hostEnd <= head.path.upperBound, FramingRules.isHost(bytes, schemeEnd..<hostEnd) else {
      throw HTTPWireError(.badTarget)
    }
    head.host = schemeEnd..<hostEnd
    head.path = hostEnd..<head.path.upperBound
  }
}
