import CLinux

/// What a form says that the gateway acts on.
public struct MultipartFields: Equatable, Sendable {
  /// Where the value of `model` stands; nil when there is no such part.
  public internal(set) var model: Range<Int>?
  /// The first part that names a model beside `model`; nil when there is none.
  public internal(set) var otherModels: ModelNamingMember?

  /// A form without either.
  public init() {}
}

/// Finds the model in a `multipart/form-data` body (RFC 7578), as the audio and image endpoints send it.
///
/// Readers behind us differ on nearly everything that is odd in a form. So the form is read by the letter, and refused where another reader could find another
/// model in it: another spelling of the name (`Model`, `model[]`, `%6Dodel`), a name in RFC 5987's or RFC 2231's form, an escape in a name, text before
/// the first or behind the last boundary, a boundary inside a part.
public enum MultipartScanner {
  /// The longest header block of one part, in bytes.
  public static let partHeadBytesMax = 4096
  /// The most parts of one body.
  public static let partsMax = 256
  /// The longest boundary (RFC 2046 section 5.1.1).
  public static let boundaryBytesMax = 70

  /// What `body` says.
  public static func scan(_ body: RawSpan, boundary: [UInt8]) throws(MultipartError) -> MultipartFields {
    try body.withUnsafeBytes { bytes throws(MultipartError) in
      var fields = MultipartFields()
      let dashed = Array("--".utf8) + boundary
      var position = try firstBoundary(bytes, dashed)
      for _ in 0..<partsMax {
        guard let head = try endOfBoundaryLine(bytes, position) else { return fields }
        let value = try endOfHead(bytes, head)
        let next = try nextBoundary(bytes, dashed, value)
        switch try kind(bytes, head..<value) {
        case .model:
          guard fields.model == nil else { throw .duplicateField(offset: head) }
          fields.model = value..<(next &- 2)
        case .naming(let member): fields.otherModels = fields.otherModels ?? member
        case .other: break
        }
        position = next &+ dashed.count
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
        guard !parameter.name.hasPrefix("boundary*") else { return nil }
        guard parameter.name == "boundary" else { continue }
        guard boundary == nil, !parameter.hasEscapes else { return nil }
        boundary = parameter.value
      }
      guard parameters.isAtEnd, let boundary, !boundary.isEmpty, boundary.count <= boundaryBytesMax,
        boundary.allSatisfy({ $0 >= 0x20 && $0 < 0x7F }), boundary.last != UInt8(ascii: " ")
      else { return nil }
      return boundary
    }
  }

  // MARK: - Walking the parts

  /// The end of the first boundary, with which the body begins.
  private static func firstBoundary(_ bytes: UnsafeRawBufferPointer, _ dashed: [UInt8]) throws(MultipartError) -> Int {
    if bytes.starts(with: dashed) { return dashed.count }
    guard let found = find(bytes, dashed, 0) else { throw .truncated }
    // Some clients send the line end that stands before every other boundary.
    guard found == 2, bytes.starts(with: Array("\r\n".utf8)) else { throw .textOutsideParts(offset: 0) }
    return found &+ dashed.count
  }

  /// Where the boundary behind the part's value at `value` begins, without its line end.
  private static func nextBoundary(
    _ bytes: UnsafeRawBufferPointer, _ dashed: [UInt8], _ value: Int
  ) throws(MultipartError) -> Int {
    guard let found = find(bytes, dashed, value) else { throw .truncated }
    guard found >= value &+ 2, bytes[found &- 2] == UInt8(ascii: "\r"), bytes[found &- 1] == UInt8(ascii: "\n") else {
      throw .boundaryInPart(offset: found)
    }
    return found
  }

  /// Behind the line of the boundary that ends at `position`; nil when it was the closing one.
  private static func endOfBoundaryLine(
    _ bytes: UnsafeRawBufferPointer, _ position: Int
  ) throws(MultipartError) -> Int? {
    var at = position
    if at &+ 2 <= bytes.count, bytes[at] == UInt8(ascii: "-"), bytes[at &+ 1] == UInt8(ascii: "-") {
      try expectNothing(bytes, from: at &+ 2)
      return nil
    }
    while at < bytes.count, bytes[at] == UInt8(ascii: " ") || bytes[at] == UInt8(ascii: "\t") { at &+= 1 }
    guard at &+ 2 <= bytes.count else { throw .truncated }
    guard bytes[at] == UInt8(ascii: "\r"), bytes[at &+ 1] == UInt8(ascii: "\n") else {
      throw .badBoundaryLine(offset: position)
    }
    return at &+ 2
  }

  /// Behind the last boundary only white space may stand.
  private static func expectNothing(_ bytes: UnsafeRawBufferPointer, from start: Int) throws(MultipartError) {
    for at in start..<max(start, bytes.count) {
      switch bytes[at] {
      case UInt8(ascii: " "), UInt8(ascii: "\t"), UInt8(ascii: "\r"), UInt8(ascii: "\n"): continue
      default: throw .textOutsideParts(offset: at)
      }
    }
  }

  /// Behind the blank line that ends the header block at `head`.
  private static func endOfHead(_ bytes: UnsafeRawBufferPointer, _ head: Int) throws(MultipartError) -> Int {
    let window = UnsafeRawBufferPointer(rebasing: bytes[..<min(bytes.count, head &+ partHeadBytesMax)])
    guard let blank = find(window, Array("\r\n\r\n".utf8), head) else {
      throw window.count == bytes.count ? .truncated : .badPartHead(offset: head)
    }
    return blank &+ 4
  }

  private enum PartKind {
    case model
    case naming(ModelNamingMember)
    case other
  }

  /// What the part with this header block is, by its content-disposition.
  private static func kind(_ bytes: UnsafeRawBufferPointer, _ head: Range<Int>) throws(MultipartError) -> PartKind {
    var line = head.lowerBound
    var name: [UInt8]?
    var isEncoded = false
    // The block ends with CRLF CRLF: its last line is empty.
    while line < head.upperBound &- 2 {
      guard let end = find(bytes, [UInt8(ascii: "\r"), UInt8(ascii: "\n")], line), end > line,
        !bytes[line..<end].contains(where: { $0 == 0 || $0 == UInt8(ascii: "\n") || $0 == UInt8(ascii: "\r") }),
        bytes[line] != UInt8(ascii: " "), bytes[line] != UInt8(ascii: "\t"),
        let colon = bytes[line..<end].firstIndex(of: UInt8(ascii: ":"))
      else { throw .badPartHead(offset: head.lowerBound) }
      if equalsLowercased(bytes[line..<colon], "content-disposition") {
        guard name == nil, let found = fieldName(bytes, colon &+ 1, end) else {
          throw .badPartHead(offset: head.lowerBound)
        }
        name = found
      } else if equalsLowercased(bytes[line..<colon], "content-transfer-encoding") {
        isEncoded = true
      }
      line = end &+ 2
    }
    guard let name else { throw .badPartHead(offset: head.lowerBound) }
    switch LenientName(name) {
    case .model:
      guard name == Array("model".utf8), !isEncoded else { throw .otherSpelling(offset: head.lowerBound) }
      return .model
    case .naming(let member): return .naming(member)
    case .other: return .other
    }
  }

  /// The one `name` of a content-disposition; nil when it has none, several, or is not to be read in one way alone.
  private static func fieldName(_ bytes: UnsafeRawBufferPointer, _ start: Int, _ end: Int) -> [UInt8]? {
    var parameters = ParameterReader(bytes, from: start, to: end)
    guard parameters.readType("form-data") else { return nil }
    var name: [UInt8]?
    while let parameter = parameters.next() {
      // RFC 5987 and RFC 2231: some readers take them for `name`.
      guard !parameter.name.hasPrefix("name*") else { return nil }
      guard parameter.name == "name" else {
        // To a reader that knows no escapes the value ends at the quote, and what is behind the semicolon is another parameter.
        if parameter.hasEscapes, parameter.value.contains(UInt8(ascii: "\"")),
          parameter.value.contains(UInt8(ascii: ";"))
        {
          return nil
        }
        continue
      }
      guard name == nil, !parameter.hasEscapes else { return nil }
      name = parameter.value
    }
    return parameters.isAtEnd ? name : nil
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
