/// Reads `type; name=value; name="quoted value"`, the shape of content-type and content-disposition (RFC 9110 section
/// 5.6.6). Names come back in lower case. It stops at the first thing it does not understand: see `isAtEnd`.
struct ParameterReader {
  private let bytes: UnsafeRawBufferPointer
  private var position: Int
  private let end: Int
  private var isMalformed = false
  private var hasEscapes = false

  struct Parameter {
    var name: String
    var value: [UInt8]
    /// Whether the value was written with a backslash, which readers take in different ways.
    var hasEscapes: Bool
  }

  init(_ bytes: UnsafeRawBufferPointer, from start: Int, to end: Int) {
    self.bytes = bytes
    self.end = min(end, bytes.count)
    position = min(start, self.end)
  }

  /// Whether everything was read and understood.
  var isAtEnd: Bool { position == end && !isMalformed }

  /// Reads the leading type; false when it is another.
  mutating func readType(_ type: StaticString) -> Bool {
    skipSpaces()
    let start = position
    while position < end, bytes[position] != UInt8(ascii: ";"), !isSpace(bytes[position]) { position &+= 1 }
    guard equalsLowercased(bytes[start..<position], type) else { return false }
    skipSpaces()
    return true
  }

  /// The next parameter, or nil at the end and at whatever is malformed.
  mutating func next() -> Parameter? {
    guard position < end, !isMalformed else { return nil }
    isMalformed = true
    guard bytes[position] == UInt8(ascii: ";") else { return nil }
    position &+= 1
    skipSpaces()
    // A semicolon with nothing behind it is harmless.
    isMalformed = position < end
    let name = readToken()
    guard !name.isEmpty, position < end, bytes[position] == UInt8(ascii: "=") else { return nil }
    position &+= 1
    hasEscapes = false
    guard position < end, let value = readValue() else { return nil }
    isMalformed = false
    skipSpaces()
    return Parameter(
      name: String(decoding: name, as: UTF8.self).lowercased(), value: value, hasEscapes: hasEscapes)
  }

  private mutating func readValue() -> [UInt8]? {
    if bytes[position] == UInt8(ascii: "\"") { return readQuoted() }
    let value = readToken()
    return value.isEmpty ? nil : value
  }

  private mutating func readToken() -> [UInt8] {
    let start = position
    while position < end, isToken(bytes[position]) { position &+= 1 }
    return Array(bytes[start..<position])
  }

  private mutating func readQuoted() -> [UInt8]? {
    var value: [UInt8] = []
    position &+= 1
    while position < end {
      let byte = bytes[position]
      position &+= 1
      if byte == UInt8(ascii: "\"") { return value }
      if byte == UInt8(ascii: "\\"), position < end {
        hasEscapes = true
        value.append(bytes[position])
        position &+= 1
      } else {
        value.append(byte)
      }
    }
    return nil
  }

  private mutating func skipSpaces() {
    while position < end, isSpace(bytes[position]) { position &+= 1 }
  }

  private func isSpace(_ byte: UInt8) -> Bool { byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") }

  private func isToken(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "a")...UInt8(ascii: "z"):
      true
    case UInt8(ascii: "!"), UInt8(ascii: "#"), UInt8(ascii: "$"), UInt8(ascii: "%"), UInt8(ascii: "&"),
      UInt8(ascii: "'"), UInt8(ascii: "*"), UInt8(ascii: "+"), UInt8(ascii: "-"), UInt8(ascii: "."),
      UInt8(ascii: "^"), UInt8(ascii: "_"), UInt8(ascii: "`"), UInt8(ascii: "|"), UInt8(ascii: "~"):
      true
    default: false
    }
  }
}
