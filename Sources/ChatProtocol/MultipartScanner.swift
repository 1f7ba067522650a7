import CLinux

/// Why a multipart body was refused. Two readers must not be able to find two different models in one body, so
/// whatever is ambiguous is refused.
public enum MultipartError: Error, Equatable, Sendable {
  /// The part's header block, starting at `offset`, is longer than the bound or holds a line we do not read.
  case badPartHead(offset: Int)
  /// A line at `offset` starts like a boundary and goes on otherwise.
  case badBoundaryLine(offset: Int)
  /// The body ends before its closing boundary.
  case truncated
  /// More parts than `MultipartScanner.partsMax`.
  case tooManyParts
  /// A second part with the name looked for, at `offset`.
  case duplicateField(offset: Int)
}

/// Finds a form field in a `multipart/form-data` body (RFC 7578), as the audio and image endpoints send it.
public enum MultipartScanner {
  /// The longest header block of one part, in bytes.
  public static let partHeadBytesMax = 4096
  /// The most parts of one body.
  public static let partsMax = 256
  /// The longest boundary (RFC 2046 section 5.1.1).
  public static let boundaryBytesMax = 70

  /// Where the value of the form field `model` stands, or nil when there is no such part.
  public static func modelField(
    body: RawSpan, boundary: [UInt8]
  ) throws(MultipartError) -> Range<Int>? {
    try field("model", body: body, boundary: boundary)
  }

  /// Where the value of the form field `name` stands, or nil when there is no such part.
  ///
  /// The whole body is walked by `memmem`: a second part of that name is an error.
  public static func field(
    _ name: StaticString, body: RawSpan, boundary: [UInt8]
  ) throws(MultipartError) -> Range<Int>? {
    try body.withUnsafeBytes { bytes throws(MultipartError) in
      var found: Range<Int>?
      var position = try firstBoundary(bytes, boundary)
      for _ in 0..<partsMax {
        guard let head = try endOfBoundaryLine(bytes, position) else { return found }
        let value = try endOfHead(bytes, head)
        guard let end = find(bytes, Array("\r\n--".utf8) + boundary, value) else { throw .truncated }
        if try isField(name, bytes, head..<value) {
          guard found == nil else { throw .duplicateField(offset: head) }
          found = value..<end
        }
        position = end &+ 4 &+ boundary.count
      }
      throw .tooManyParts
    }
  }

  /// The boundary a `content-type` names, or nil when it is no multipart form or has no legal boundary.
  public static func boundary(fromContentType value: RawSpan) -> [UInt8]? {
    value.withUnsafeBytes { bytes in
      var parameters = ParameterReader(bytes, from: 0, to: bytes.count)
      guard parameters.readType("multipart/form-data") else { return nil }
      var boundary: [UInt8]?
      while let parameter = parameters.next() {
        guard parameter.name == "boundary" else { continue }
        guard boundary == nil else { return nil }
        boundary = parameter.value
      }
      guard parameters.isAtEnd, let boundary, !boundary.isEmpty, boundary.count <= boundaryBytesMax,
        boundary.allSatisfy({ $0 >= 0x20 && $0 < 0x7F }), boundary.last != UInt8(ascii: " ")
      else { return nil }
      return boundary
    }
  }

  // MARK: - Walking the parts

  /// The end of the first boundary, which stands at the body's start or behind a preamble's line.
  private static func firstBoundary(
    _ bytes: UnsafeRawBufferPointer, _ boundary: [UInt8]
  ) throws(MultipartError) -> Int {
    let dashed = Array("--".utf8) + boundary
    if bytes.starts(with: dashed) { return dashed.count }
    guard let preamble = find(bytes, Array("\r\n".utf8) + dashed, 0) else { throw .truncated }
    return preamble &+ 2 &+ dashed.count
  }

  /// Behind the line of the boundary that ends at `position`; nil when it was the closing one.
  private static func endOfBoundaryLine(
    _ bytes: UnsafeRawBufferPointer, _ position: Int
  ) throws(MultipartError) -> Int? {
    var at = position
    if at &+ 2 <= bytes.count, bytes[at] == UInt8(ascii: "-"), bytes[at &+ 1] == UInt8(ascii: "-") { return nil }
    while at < bytes.count, bytes[at] == UInt8(ascii: " ") || bytes[at] == UInt8(ascii: "\t") { at &+= 1 }
    guard at &+ 2 <= bytes.count else { throw .truncated }
    guard bytes[at] == UInt8(ascii: "\r"), bytes[at &+ 1] == UInt8(ascii: "\n") else {
      throw .badBoundaryLine(offset: position)
    }
    return at &+ 2
  }

  /// Behind the blank line that ends the header block at `head`.
  private static func endOfHead(_ bytes: UnsafeRawBufferPointer, _ head: Int) throws(MultipartError) -> Int {
    let window = UnsafeRawBufferPointer(rebasing: bytes[..<min(bytes.count, head &+ partHeadBytesMax)])
    guard let blank = find(window, Array("\r\n\r\n".utf8), head) else {
      throw window.count == bytes.count ? .truncated : .badPartHead(offset: head)
    }
    return blank &+ 4
  }

  /// Whether a part's header block names `name` in its content-disposition.
  private static func isField(
    _ name: StaticString, _ bytes: UnsafeRawBufferPointer, _ head: Range<Int>
  ) throws(MultipartError) -> Bool {
    var line = head.lowerBound
    var names = 0
    var matches = false
    // The block ends with CRLF CRLF: its last line is empty.
    while line < head.upperBound &- 2 {
      guard let end = find(bytes, [UInt8(ascii: "\r"), UInt8(ascii: "\n")], line), end > line,
        !bytes[line..<end].contains(where: { $0 == 0 || $0 == UInt8(ascii: "\n") || $0 == UInt8(ascii: "\r") }),
        bytes[line] != UInt8(ascii: " "), bytes[line] != UInt8(ascii: "\t"),
        let colon = bytes[line..<end].firstIndex(of: UInt8(ascii: ":"))
      else { throw .badPartHead(offset: head.lowerBound) }
      if equalsLowercased(bytes[line..<colon], "content-disposition") {
        var parameters = ParameterReader(bytes, from: colon &+ 1, to: end)
        guard parameters.readType("form-data") else { throw .badPartHead(offset: head.lowerBound) }
        while let parameter = parameters.next() {
          guard parameter.name == "name" else { continue }
          names &+= 1
          matches = matches || parameter.value == Array(name.description.utf8)
        }
        guard parameters.isAtEnd else { throw .badPartHead(offset: head.lowerBound) }
      }
      line = end &+ 2
    }
    guard names == 1 else { throw .badPartHead(offset: head.lowerBound) }
    return matches
  }

  private static func find(_ bytes: UnsafeRawBufferPointer, _ needle: [UInt8], _ from: Int) -> Int? {
    guard let base = bytes.baseAddress, from <= bytes.count else { return nil }
    return needle.withUnsafeBytes { needle in
      guard let first = needle.baseAddress,
        let hit = memmem(base + from, bytes.count &- from, first, needle.count)
      else { return nil }
      return UnsafeRawPointer(hit) - base
    }
  }
}

/// Whether the bytes are `word`, which is in lower case, letter case ignored.
func equalsLowercased(_ bytes: Slice<UnsafeRawBufferPointer>, _ word: StaticString) -> Bool {
  guard bytes.count == word.utf8CodeUnitCount else { return false }
  var index = 0
  for byte in bytes {
    let isUpper = byte >= UInt8(ascii: "A") && byte <= UInt8(ascii: "Z")
    guard (isUpper ? byte | 0x20 : byte) == word.utf8Start[index] else { return false }
    index &+= 1
  }
  return true
}
