/// Which texts may stand for a host: a DNS name (RFC 1123 section 2.1, underscores allowed because container networks use them)
/// or an IPv4 address.
enum HostName {
  /// Bytes of a name (RFC 1035 section 2.3.4).
  static let bytesMax = 253
  /// Bytes between two dots.
  static let labelBytesMax = 63

  /// A name of only digits and dots must be an IPv4 address, so that `10.0.0` or `300.1.1.1` is not taken for a name.
  static func isValid(_ text: String) -> Bool {
    var bytes = Array(text.utf8)
    if bytes.last == UInt8(ascii: ".") { bytes.removeLast() }
    guard !bytes.isEmpty, bytes.count <= bytesMax else { return false }
    if bytes.allSatisfy({ (0x30...0x39).contains($0) || $0 == UInt8(ascii: ".") }) { return IPAddress(text) != nil }
    return bytes.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false).allSatisfy { label in
      !label.isEmpty && label.count <= labelBytesMax
        && label.first != UInt8(ascii: "-") && label.last != UInt8(ascii: "-")
        && label.allSatisfy { ASCII.isLetterOrDigit($0) || $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: "_") }
    }
  }
}

/// Classes of bytes.
enum ASCII {
  static func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) }
  static func isLetterOrDigit(_ byte: UInt8) -> Bool {
    isDigit(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
  }
  /// A byte of a header field name (RFC 9110 section 5.6.2).
  static func isToken(_ byte: UInt8) -> Bool { isLetterOrDigit(byte) || "!#$%&'*+-.^_`|~".utf8.contains(byte) }
}
