/// The field lines of a head, read in one pass and in the order of the bytes.
///
/// Every rule is applied at the byte that breaks it. So a defect is reported before the head is complete, and it is the
/// same defect however the bytes were split.
struct FieldSection {
  /// How often the fields that decide framing came, and where the first of each stands in the field table.
  struct Decisive {
    var host = Sighting()
    var contentLength = Sighting()
    var transferEncoding = Sighting()
    var expect = Sighting()
    var connection = Sighting()
  }

  struct Sighting {
    var count = 0
    var first = 0

    @inline(__always) mutating func note(_ index: Int) {
      if count == 0 { first = index }
      count &+= 1
    }
  }

  /// Appends the fields that begin at `start` to `fields` and returns the offset after the empty line; nil when bytes
  /// are missing. Nothing at or beyond `end` is looked at.
  static func scan(
    _ bytes: UnsafeRawBufferPointer, from start: Int, to end: Int, limits: HTTPLimits,
    into fields: inout [HeaderField], decisive: inout Decisive
  ) throws(HTTPWireError) -> Int? {
    guard let base = bytes.baseAddress else { return nil }
    var at = start
    while at < end {
      if bytes[at] == ByteClass.carriageReturn { return try lineEnd(bytes, at, end) }
      if fields.count >= limits.fieldCountMax { throw HTTPWireError(.tooManyFields) }

      let nameStart = at
      let nameEnd = min(end, nameStart &+ limits.fieldNameBytesMax &+ 1)
      at = ByteClass.endOfToken(bytes, from: at, to: nameEnd)
      if at &- nameStart > limits.fieldNameBytesMax { throw HTTPWireError(.fieldNameTooLong) }
      if at == end { return nil }
      let name = nameStart..<at
      if bytes[at] != ByteClass.colon || name.isEmpty { throw nameDefect(bytes[at], isFirst: name.isEmpty) }

      at &+= 1
      while at < end, ByteClass.isWhitespace(bytes[at]) { at &+= 1 }
      let valueStart = at
      at = ByteClass.endOfText(bytes, from: at, to: end)
      if at == end { return nil }
      if bytes[at] != ByteClass.carriageReturn {
        throw HTTPWireError(bytes[at] == ByteClass.lineFeed ? .bareLineFeed : .badFieldValue)
      }
      var valueEnd = at
      while valueEnd > valueStart, ByteClass.isWhitespace(bytes[valueEnd &- 1]) { valueEnd &-= 1 }
      guard let next = try lineEnd(bytes, at, end) else { return nil }

      let id = FieldName.classified(base + nameStart, count: name.count)
      switch id {
      case .host: decisive.host.note(fields.count)
      case .contentLength: decisive.contentLength.note(fields.count)
      case .transferEncoding: decisive.transferEncoding.note(fields.count)
      case .expect: decisive.expect.note(fields.count)
      case .connection: decisive.connection.note(fields.count)
      default: break
      }
      fields.append(HeaderField(id: id, name: name, value: valueStart..<valueEnd))
      at = next
    }
    return nil
  }

  /// The offset after the CRLF whose CR stands at `at`; nil when the LF has not come yet.
  @inline(__always) static func lineEnd(
    _ bytes: UnsafeRawBufferPointer, _ at: Int, _ end: Int
  ) throws(HTTPWireError) -> Int? {
    guard at &+ 1 < end else { return nil }
    guard bytes[at &+ 1] == ByteClass.lineFeed else { throw HTTPWireError(.bareCarriageReturn) }
    return at &+ 2
  }

  /// Why `byte` ended a name.
  static func nameDefect(_ byte: UInt8, isFirst: Bool) -> HTTPWireError {
    switch byte {
    case ByteClass.lineFeed: HTTPWireError(.bareLineFeed)
    case ByteClass.colon: HTTPWireError(.emptyFieldName)
    case ByteClass.space, ByteClass.tab: HTTPWireError(isFirst ? .obsoleteLineFolding : .spaceBeforeColon)
    default: HTTPWireError(.badFieldName)
    }
  }
}
