/// Percent escapes in a path (RFC 3986 section 2.1).
enum PercentEncoding {
  /// Decodes; a broken escape stands for itself.
  static func decode(_ path: RawSpan) -> String {
    decode(path.withUnsafeBytes { [UInt8]($0) })
  }

  /// Decodes a name or a value of a query, in which `+` is a space (WHATWG URL, section 5.1).
  static func decode(form text: Substring) -> String {
    decode(text.utf8.map { $0 == UInt8(ascii: "+") ? UInt8(ascii: " ") : $0 })
  }

  private static func decode(_ bytes: [UInt8]) -> String {
    var decoded: [UInt8] = []
    var position = 0
    while position < bytes.count {
      if bytes[position] == UInt8(ascii: "%"), position + 2 < bytes.count,
        let high = hexValue(bytes[position + 1]), let low = hexValue(bytes[position + 2])
      {
        decoded.append(high << 4 | low)
        position += 3
      } else {
        decoded.append(bytes[position])
        position += 1
      }
    }
    return String(decoding: decoded, as: UTF8.self)
  }

  private static func hexValue(_ digit: UInt8) -> UInt8? {
    switch digit {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): digit - UInt8(ascii: "0")
    case UInt8(ascii: "A")...UInt8(ascii: "F"): digit - UInt8(ascii: "A") + 10
    case UInt8(ascii: "a")...UInt8(ascii: "f"): digit - UInt8(ascii: "a") + 10
    default: nil
    }
  }
}
