/// Writing JSON strings.
public enum JSONText {
  /// Appends `text` as it must stand between quotes.
  ///
  /// Escaped are what RFC 8259 section 7 demands (quote, backslash, U+0000 to U+001F) and DEL; the rest is UTF-8.
  public static func append(escaped text: String, to bytes: inout [UInt8]) {
    for byte in text.utf8 {
      switch byte {
      case UInt8(ascii: "\""), UInt8(ascii: "\\"): bytes += [UInt8(ascii: "\\"), byte]
      case 0x0A: bytes += [UInt8(ascii: "\\"), UInt8(ascii: "n")]
      case 0x0D: bytes += [UInt8(ascii: "\\"), UInt8(ascii: "r")]
      case 0x09: bytes += [UInt8(ascii: "\\"), UInt8(ascii: "t")]
      case 0..<0x20, 0x7F:
        bytes += Array("\\u00".utf8)
        bytes += [hexDigit(byte >> 4), hexDigit(byte & 15)]
      default: bytes.append(byte)
      }
    }
  }

  /// Appends `text` as a JSON string with its quotes.
  public static func append(quoted text: String, to bytes: inout [UInt8]) {
    bytes.append(UInt8(ascii: "\""))
    append(escaped: text, to: &bytes)
    bytes.append(UInt8(ascii: "\""))
  }

  /// `text` as a JSON string with its quotes.
  public static func quoted(_ text: String) -> [UInt8] {
    var bytes: [UInt8] = []
    append(quoted: text, to: &bytes)
    return bytes
  }

  private static func hexDigit(_ value: UInt8) -> UInt8 {
    value < 10 ? UInt8(ascii: "0") &+ value : UInt8(ascii: "a") &+ (value &- 10)
  }
}
