/// A JSON text as values, for tests. Strings are UTF-16, because a string may hold half a surrogate pair, which no
/// `String` can.
public indirect enum JSONTree: Sendable, Equatable {
  /// `null`.
  case null
  /// `true` or `false`.
  case bool(Bool)
  /// A number.
  case number(Double)
  /// A string, its escapes resolved.
  case string([UInt16])
  /// An array.
  case array([JSONTree])
  /// An object, members in their order; `text` is the JSON it was read from.
  case object([Member], text: [UInt8])

  /// A member of an object.
  public struct Member: Sendable, Equatable {
    /// Its name.
    public let name: String
    /// Its value.
    public let value: JSONTree
  }

  /// Reads a whole JSON text.
  ///
  /// - Throws: where it is not JSON.
  public init(_ text: some Sequence<UInt8>) throws(TestKitError) {
    var reader = JSONTreeReader(Array(text))
    self = try reader.readAll()
  }

  /// The member called `name`; nil if this is no object or has none such.
  public subscript(_ name: String) -> JSONTree? {
    guard case .object(let members, _) = self else { return nil }
    return members.first { $0.name == name }?.value
  }

  /// The elements; none if this is no array.
  public var elements: [JSONTree] { if case .array(let elements) = self { elements } else { [] } }
  /// The string's UTF-16; nil if this is none.
  public var units: [UInt16]? { if case .string(let units) = self { units } else { nil } }
  /// The string; nil if this is none.
  public var string: String? { units.map { String(decoding: $0, as: UTF16.self) } }
  /// The number; nil if this is none.
  public var int: Int? { if case .number(let number) = self { Int(exactly: number) } else { nil } }
}

/// Reads JSON by recursive descent (RFC 8259).
private struct JSONTreeReader {
  private let text: [UInt8]
  private var at = 0

  init(_ text: [UInt8]) { self.text = text }

  mutating func readAll() throws(TestKitError) -> JSONTree {
    let value = try read()
    skipSpace()
    guard at == text.count else { throw wrong() }
    return value
  }

  private mutating func read() throws(TestKitError) -> JSONTree {
    skipSpace()
    guard at < text.count else { throw wrong() }
    switch text[at] {
    case UInt8(ascii: "{"): return try readObject()
    case UInt8(ascii: "["): return .array(try readArray())
    case UInt8(ascii: "\""): return .string(try readString())
    default:
      for (word, value) in [("null", JSONTree.null), ("true", .bool(true)), ("false", .bool(false))]
      where text[at...].starts(with: word.utf8) {
        at += word.utf8.count
        return value
      }
      let digits = text[at...].prefix { "+-.eE0123456789".utf8.contains($0) }
      guard let number = Double(String(decoding: digits, as: UTF8.self)) else { throw wrong() }
      at += digits.count
      return .number(number)
    }
  }

  private mutating func readObject() throws(TestKitError) -> JSONTree {
    let start = at
    at += 1
    var members: [JSONTree.Member] = []
    if take("}") { return .object([], text: Array(text[start..<at])) }
    repeat {
      skipSpace()
      let name = String(decoding: try readString(), as: UTF16.self)
      guard take(":") else { throw wrong() }
      members.append(JSONTree.Member(name: name, value: try read()))
    } while take(",")
    guard take("}") else { throw wrong() }
    return .object(members, text: Array(text[start..<at]))
  }

  private mutating func readArray() throws(TestKitError) -> [JSONTree] {
    at += 1
    var elements: [JSONTree] = []
    if take("]") { return [] }
    repeat { elements.append(try read()) } while take(",")
    guard take("]") else { throw wrong() }
    return elements
  }

  private mutating func readString() throws(TestKitError) -> [UInt16] {
    guard at < text.count, text[at] == UInt8(ascii: "\"") else { throw wrong() }
    at += 1
    var units: [UInt16] = []
    var plain = at
    while at < text.count {
      let byte = text[at]
      guard byte >= 0x20 else { throw wrong() }
      guard byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") else {
        at += 1
        continue
      }
      guard let run = String(validating: text[plain..<at], as: UTF8.self) else { throw wrong() }
      units += run.utf16
      at += 1
      if byte == UInt8(ascii: "\"") { return units }
      units.append(try readEscape())
      plain = at
    }
    throw wrong()
  }

  private mutating func readEscape() throws(TestKitError) -> UInt16 {
    guard at < text.count else { throw wrong() }
    let byte = text[at]
    at += 1
    switch byte {
    case UInt8(ascii: "b"): return 8
    case UInt8(ascii: "t"): return 9
    case UInt8(ascii: "n"): return 10
    case UInt8(ascii: "f"): return 12
    case UInt8(ascii: "r"): return 13
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return UInt16(byte)
    case UInt8(ascii: "u"):
      let digits = String(decoding: text[at...].prefix(4), as: UTF8.self)
      guard digits.utf8.count == 4, let unit = UInt16(digits, radix: 16) else { throw wrong() }
      at += 4
      return unit
    default: throw wrong()
    }
  }

  /// Whether the next sign is `sign`; takes it then.
  private mutating func take(_ sign: Character) -> Bool {
    skipSpace()
    guard at < text.count, sign.asciiValue == text[at] else { return false }
    at += 1
    return true
  }

  private mutating func skipSpace() {
    while at < text.count, [9, 10, 13, 32].contains(text[at]) { at += 1 }
  }

  private func wrong() -> TestKitError {
    TestKitError("no JSON at byte \(at): \(String(decoding: text, as: UTF8.self))")
  }
}
