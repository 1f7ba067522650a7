extension [UInt8] {
  /// Appends text as it is.
  mutating func append(_ text: String) { append(contentsOf: text.utf8) }

  /// Appends `text` as the inside of a JSON string (RFC 8259 section 7).
  mutating func appendEscaped(_ text: String) {
    for byte in text.utf8 {
      switch byte {
      case UInt8(ascii: "\""): append("\\\"")
      case UInt8(ascii: "\\"): append("\\\\")
      case UInt8(ascii: "\n"): append("\\n")
      case UInt8(ascii: "\r"): append("\\r")
      case UInt8(ascii: "\t"): append("\\t")
      case 0..<0x20: appendUnicodeEscape(UInt16(byte))
      default: append(byte)
      }
    }
  }

  /// Appends text in UTF-16 as the inside of a JSON string that is ASCII alone: the rest as escapes, a surrogate each
  /// its own.
  mutating func appendEscapedASCII(_ units: some Sequence<UInt16>) {
    for unit in units {
      if unit < 0x80 {
        appendEscaped(String(UnicodeScalar(UInt8(unit))))
      } else {
        appendUnicodeEscape(unit)
      }
    }
  }

  private mutating func appendUnicodeEscape(_ unit: UInt16) {
    let digits = String(unit, radix: 16)
    append("\\u" + String(repeating: "0", count: 4 - digits.count) + digits)
  }

  /// Appends a JSON string with its quotes.
  mutating func appendQuoted(_ text: String) {
    append(UInt8(ascii: "\""))
    appendEscaped(text)
    append(UInt8(ascii: "\""))
  }
}
