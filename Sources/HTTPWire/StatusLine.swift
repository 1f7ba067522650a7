/// `HTTP-version SP status-code SP reason CRLF` (RFC 9112 section 4). The space before an empty reason may be missing, as
/// many servers leave it out and nothing can be misread.
enum StatusLine {
  /// Fills `head` and returns the offset after the line; nil when bytes are missing.
  static func scan(
    _ bytes: UnsafeRawBufferPointer, to end: Int, bytesMax: Int, into head: inout ResponseHead
  ) throws(HTTPWireError) -> Int? {
    let prefix: StaticString = "HTTP/"
    for offset in 0..<5 {
      guard offset < end else { return nil }
      if bytes[offset] != prefix.utf8Start[offset] { throw HTTPWireError(.badStatusLine) }
    }
    guard let major = try digit(bytes, 5, end) else { return nil }
    guard 6 < end else { return nil }
    if bytes[6] != UInt8(ascii: ".") { throw HTTPWireError(.badStatusLine) }
    guard let minor = try digit(bytes, 7, end) else { return nil }
    if major != 1 || minor > 1 { throw HTTPWireError(.unsupportedVersion) }
    head.versionMinor = UInt8(truncatingIfNeeded: minor)
    guard 8 < end else { return nil }
    if bytes[8] != ByteClass.space { throw defect(bytes[8]) }
    guard let hundreds = try digit(bytes, 9, end) else { return nil }
    if !(1...5).contains(hundreds) { throw HTTPWireError(.badStatusLine) }
    guard let tens = try digit(bytes, 10, end), let units = try digit(bytes, 11, end) else { return nil }
    head.status = hundreds &* 100 &+ tens &* 10 &+ units

    guard 12 < end else { return nil }
    head.reason = 12..<12
    if bytes[12] == ByteClass.carriageReturn { return try FieldSection.lineEnd(bytes, 12, end) }
    if bytes[12] != ByteClass.space { throw defect(bytes[12]) }
    // The line's CR may stand at most at `bytesMax`.
    let searchEnd = min(end, max(bytesMax, 13) &+ 1)
    let reasonEnd = ByteClass.endOfText(bytes, from: 13, to: searchEnd)
    if reasonEnd == end, reasonEnd <= bytesMax { return nil }
    if reasonEnd == searchEnd { throw HTTPWireError(.startLineTooLong) }
    if bytes[reasonEnd] != ByteClass.carriageReturn { throw defect(bytes[reasonEnd]) }
    head.reason = 13..<reasonEnd
    return try FieldSection.lineEnd(bytes, reasonEnd, end)
  }

  private static func digit(
    _ bytes: UnsafeRawBufferPointer, _ at: Int, _ end: Int
  ) throws(HTTPWireError) -> Int? {
    guard at < end else { return nil }
    guard ByteClass.isDigit(bytes[at]) else { throw defect(bytes[at]) }
    return Int(bytes[at] &- 0x30)
  }

  private static func defect(_ byte: UInt8) -> HTTPWireError {
    HTTPWireError(byte == ByteClass.lineFeed ? .bareLineFeed : .badStatusLine)
  }
}
