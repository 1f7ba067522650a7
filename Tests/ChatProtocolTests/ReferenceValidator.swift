/// RFC 8259 by recursive descent, as naive as can be: the scanner must accept exactly what this accepts.
struct ReferenceValidator {
  private let bytes: [UInt8]
  private var position = 0
  private struct Refused: Error {}

  static func accepts(_ bytes: [UInt8], depthMax: Int = 512) -> Bool {
    guard String(validating: bytes, as: UTF8.self) != nil else { return false }
    var validator = ReferenceValidator(bytes: bytes)
    do {
      try validator.value(depthMax)
      validator.space()
      return validator.position == bytes.count
    } catch {
      return false
    }
  }

  private init(bytes: [UInt8]) { self.bytes = bytes }

  private var next: UInt8? { position < bytes.count ? bytes[position] : nil }

  private mutating func space() {
    while let byte = next, " \t\r\n".utf8.contains(byte) { position += 1 }
  }

  private mutating func expect(_ text: String) throws {
    for byte in text.utf8 {
      guard next == byte else { throw Refused() }
      position += 1
    }
  }

  private mutating func takes(_ letters: String) -> Bool {
    guard let byte = next, letters.utf8.contains(byte) else { return false }
    position += 1
    return true
  }

  private mutating func value(_ depth: Int) throws {
    space()
    switch next {
    case UInt8(ascii: "{"):
      try list("{", "}", depth) { validator, depth in
        validator.space()
        try validator.string()
        validator.space()
        try validator.expect(":")
        try validator.value(depth)
      }
    case UInt8(ascii: "["): try list("[", "]", depth) { try $0.value($1) }
    case UInt8(ascii: "\""): try string()
    case UInt8(ascii: "t"): try expect("true")
    case UInt8(ascii: "f"): try expect("false")
    case UInt8(ascii: "n"): try expect("null")
    default: try number()
    }
  }

  private mutating func list(
    _ open: String, _ close: String, _ depth: Int, _ item: (inout ReferenceValidator, Int) throws -> Void
  ) throws {
    guard depth > 0 else { throw Refused() }
    try expect(open)
    space()
    if takes(close) { return }
    repeat {
      try item(&self, depth - 1)
      space()
    } while takes(",")
    try expect(close)
  }

  private mutating func string() throws {
    try expect("\"")
    while !takes("\"") {
      guard let byte = next, byte >= 0x20 else { throw Refused() }
      position += 1
      guard byte == UInt8(ascii: "\\") else { continue }
      if takes("\"\\/bfnrt") { continue }
      let unit = try hex()
      if (0xDC00...0xDFFF).contains(unit) { throw Refused() }
      if (0xD800...0xDBFF).contains(unit) {
        try expect("\\")
        guard (0xDC00...0xDFFF).contains(try hex()) else { throw Refused() }
      }
    }
  }

  private mutating func hex() throws -> Int {
    try expect("u")
    guard position + 4 <= bytes.count else { throw Refused() }
    let digits = bytes[position..<position + 4]
    guard digits.allSatisfy({ "0123456789abcdefABCDEF".utf8.contains($0) }),
      let value = Int(String(decoding: digits, as: UTF8.self), radix: 16)
    else { throw Refused() }
    position += 4
    return value
  }

  private mutating func number() throws {
    _ = takes("-")
    if !takes("0") { try digits() }
    if takes(".") { try digits() }
    if takes("eE") {
      _ = takes("+-")
      try digits()
    }
  }

  private mutating func digits() throws {
    guard takes("0123456789") else { throw Refused() }
    while takes("0123456789") {}
  }
}
