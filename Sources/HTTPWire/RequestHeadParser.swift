/// Parses request heads (RFC 9112), strictly: what two parsers could read in two ways is refused.
///
/// One parser serves a whole reactor. Its field table keeps its capacity, so a head costs no allocation; it holds no
/// state between calls but the last result. Take what is needed from `head` and `fields` before the next call, and do
/// not keep a copy of `fields` across it, or that call must allocate a new table.
public struct RequestHeadParser: Sendable {
  /// The bounds it enforces.
  public let limits: HTTPLimits

  /// The last complete head; offsets count from the first of the bytes handed in.
  public private(set) var head = RequestHead()

  /// The fields of the last complete head, in the order they came.
  public private(set) var fields: [HeaderField] = []

  private var decisive = FieldSection.Decisive()

  /// Makes a parser and its field table.
  public init(limits: HTTPLimits = .request) {
    self.limits = limits
    fields.reserveCapacity(min(limits.fieldCountMax, 256))
  }

  /// Looks for a head at the beginning of `bytes`.
  ///
  /// - Parameters:
  ///   - bytes: all bytes of the request so far, from its first; may go on beyond the head.
  ///   - searchedBytes: 0, or what the last call for this head gave back with `incomplete`.
  /// - Throws: the first defect in the order of the bytes, at the byte that shows it or, in a line that comes in
  ///   pieces, at that line's end. After the last byte the defects of the head as a whole follow. The connection must
  ///   be closed.
  public mutating func parse(_ bytes: RawSpan, searchedBytes: Int = 0) throws(HTTPWireError) -> HeadResult {
    try bytes.withUnsafeBytes { bytes throws(HTTPWireError) in
      if HeadSearch.canWait(bytes, searchedBytes, limits) { return .incomplete(searchedBytes: bytes.count) }
      return try parse(bytes)
    }
  }

  private mutating func parse(_ bytes: UnsafeRawBufferPointer) throws(HTTPWireError) -> HeadResult {
    fields.removeAll(keepingCapacity: true)
    decisive = FieldSection.Decisive()
    head = RequestHead()
    let end = min(bytes.count, limits.headBytesMax)
    guard let endOffset = try scan(bytes, to: end) else {
      if bytes.count >= limits.headBytesMax { throw HTTPWireError(.headTooLarge) }
      return .incomplete(searchedBytes: bytes.count)
    }
    try decide(bytes)
    return .head(endOffset: endOffset)
  }

  private mutating func scan(_ bytes: UnsafeRawBufferPointer, to end: Int) throws(HTTPWireError) -> Int? {
    guard end > 0 else { return nil }
    var start = 0
    // One empty line before the request is tolerated (RFC 9112 section 2.2): old clients end a body with one.
    if bytes[0] == ByteClass.carriageReturn {
      guard let next = try FieldSection.lineEnd(bytes, 0, end), next < end else { return nil }
      start = next
    }
    guard
      let fieldsStart = try RequestLine.scan(
        bytes, from: start, to: end, bytesMax: limits.startLineBytesMax, into: &head)
    else { return nil }
    return try FieldSection.scan(
      bytes, from: fieldsStart, to: end, limits: limits, into: &fields, decisive: &decisive)
  }

  /// What the fields mean together (RFC 9112 sections 3.2, 6 and 9.3, RFC 9110 section 10.1.1).
  private mutating func decide(_ bytes: UnsafeRawBufferPointer) throws(HTTPWireError) {
    try decideHost(bytes)
    try decideFraming(bytes)

    if decisive.connection.count > 0 {
      let options = try FramingRules.connectionOptions(bytes, fields, from: decisive.connection.first)
      head.keepAlive = !options.close && (head.versionMinor == 1 || options.keepAlive)
    } else {
      head.keepAlive = head.versionMinor == 1
    }
    if decisive.expect.count > 0 {
      guard decisive.expect.count == 1,
        FramingRules.equals(bytes, fields[decisive.expect.first].value, "100-continue")
      else { throw HTTPWireError(.unsupportedExpectation) }
      head.expectsContinue = head.versionMinor == 1 && head.framing.hasBody
    }
  }

  private mutating func decideHost(_ bytes: UnsafeRawBufferPointer) throws(HTTPWireError) {
    if decisive.host.count > 1 { throw HTTPWireError(.duplicateHost) }
    if decisive.host.count == 0 {
      if head.versionMinor == 1 { throw HTTPWireError(.missingHost) }
      return
    }
    let host = fields[decisive.host.first].value
    if !FramingRules.isHost(bytes, host) { throw HTTPWireError(.badHost) }
    if let targetHost = head.host {
      if !FramingRules.equalsIgnoringCase(bytes, host, targetHost) { throw HTTPWireError(.hostDiffersFromTarget) }
    } else {
      head.host = host
    }
  }

  private mutating func decideFraming(_ bytes: UnsafeRawBufferPointer) throws(HTTPWireError) {
    let lengths = decisive.contentLength
    let codings = decisive.transferEncoding
    if codings.count > 0 {
      if lengths.count > 0 { throw HTTPWireError(.lengthAndTransferEncoding) }
      if codings.count > 1 { throw HTTPWireError(.duplicateTransferEncoding) }
      if head.versionMinor == 0 { throw HTTPWireError(.transferEncodingInHTTP10) }
      try FramingRules.requireChunked(bytes, fields[codings.first].value)
      head.framing = .chunked
    } else if lengths.count > 0 {
      if lengths.count > 1 { throw HTTPWireError(.duplicateContentLength) }
      let length = try FramingRules.contentLength(bytes, fields[lengths.first].value)
      head.framing = length == 0 ? .none : .length(length)
    }
  }
}
