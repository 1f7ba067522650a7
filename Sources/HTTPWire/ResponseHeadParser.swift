/// Parses response heads (RFC 9112) as strictly as requests: an upstream is not trusted more than a client, and a
/// response misread on a pooled connection is served to somebody else.
///
/// One parser serves a whole reactor; see `RequestHeadParser` for how it is reused. Every error has status 502.
public struct ResponseHeadParser: Sendable {
  /// The bounds it enforces.
  public let limits: HTTPLimits

  /// The last complete head; offsets count from the first of the bytes handed in.
  public private(set) var head = ResponseHead()

  /// The fields of the last complete head, in the order they came.
  public private(set) var fields: [HeaderField] = []

  private var decisive = FieldSection.Decisive()

  /// Makes a parser and its field table.
  public init(limits: HTTPLimits = .response) {
    self.limits = limits
    fields.reserveCapacity(min(limits.fieldCountMax, 256))
  }

  /// Looks for a head at the beginning of `bytes`.
  ///
  /// After an interim head (1xx) call again with the bytes behind it. `101` is refused: nobody asked for it.
  ///
  /// - Parameters:
  ///   - bytes: all bytes of the response so far, from its first; may go on beyond the head.
  ///   - searchedBytes: 0, or what the last call for this head gave back with `incomplete`.
  ///   - requestMethod: what was asked: a response to HEAD has no body whatever its fields say.
  /// - Throws: the first defect in the order of the bytes, then those of the head as a whole.
  public mutating func parse(
    _ bytes: RawSpan, searchedBytes: Int = 0, requestMethod: HTTPMethod
  ) throws(HTTPWireError) -> HeadResult {
    do throws(HTTPWireError) {
      return try bytes.withUnsafeBytes { bytes throws(HTTPWireError) in
        if HeadSearch.canWait(bytes, searchedBytes, limits) { return .incomplete(searchedBytes: bytes.count) }
        return try parse(bytes, requestMethod)
      }
    } catch { throw error.inResponse }
  }

  private mutating func parse(
    _ bytes: UnsafeRawBufferPointer, _ requestMethod: HTTPMethod
  ) throws(HTTPWireError) -> HeadResult {
    fields.removeAll(keepingCapacity: true)
    decisive = FieldSection.Decisive()
    head = ResponseHead()
    let end = min(bytes.count, limits.headBytesMax)
    guard let endOffset = try scan(bytes, to: end) else {
      if bytes.count >= limits.headBytesMax { throw HTTPWireError(.headTooLarge) }
      return .incomplete(searchedBytes: bytes.count)
    }
    try decide(bytes, requestMethod)
    return .head(endOffset: endOffset)
  }

  private mutating func scan(_ bytes: UnsafeRawBufferPointer, to end: Int) throws(HTTPWireError) -> Int? {
    guard
      let fieldsStart = try StatusLine.scan(bytes, to: end, bytesMax: limits.startLineBytesMax, into: &head)
    else { return nil }
    return try FieldSection.scan(
      bytes, from: fieldsStart, to: end, limits: limits, into: &fields, decisive: &decisive)
  }

  private mutating func decide(
    _ bytes: UnsafeRawBufferPointer, _ requestMethod: HTTPMethod
  ) throws(HTTPWireError) {
    if head.status == 101 { throw HTTPWireError(.switchingProtocols) }
    let announced = try announcedFraming(bytes)
    let isBodyless = requestMethod == .head || head.status < 200 || head.status == 204 || head.status == 304
    head.framing = isBodyless ? .none : announced

    head.keepAlive = head.versionMinor == 1
    if decisive.connection.count > 0 {
      let options = try FramingRules.connectionOptions(bytes, fields, from: decisive.connection.first)
      head.keepAlive = !options.close && (head.versionMinor == 1 || options.keepAlive)
    }
    if head.framing == .untilClose { head.keepAlive = false }
    // A 1xx or 204 that announces a body (RFC 9110 section 8.6, RFC 9112 section 6.1 forbid it) may well send one:
    // whatever follows on that connection must not be taken for the next response.
    if head.status < 200 || head.status == 204, announced != .none, announced != .untilClose {
      head.keepAlive = false
    }
  }

  /// What the fields alone say (RFC 9112 section 6.3, points 4 to 8).
  private func announcedFraming(_ bytes: UnsafeRawBufferPointer) throws(HTTPWireError) -> BodyFraming {
    let codings = decisive.transferEncoding
    let lengths = decisive.contentLength
    if codings.count > 0 {
      if lengths.count > 0 { throw HTTPWireError(.lengthAndTransferEncoding) }
      if codings.count > 1 { throw HTTPWireError(.duplicateTransferEncoding) }
      if head.versionMinor == 0 { throw HTTPWireError(.transferEncodingInHTTP10) }
      try FramingRules.requireChunked(bytes, fields[codings.first].value)
      return .chunked
    }
    guard lengths.count > 0 else { return .untilClose }
    let length = try FramingRules.contentLength(bytes, fields[lengths.first].value)
    if lengths.count > 1 {
      // Said twice but the same is tolerated from upstreams (RFC 9110 section 8.6); said differently is refused.
      for field in fields[lengths.first...] where field.id == .contentLength {
        let other = try FramingRules.contentLength(bytes, field.value)
        if other != length { throw HTTPWireError(.duplicateContentLength) }
      }
    }
    return length == 0 ? .none : .length(length)
  }
}
