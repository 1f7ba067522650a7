/// Judges the path of a request target.
public enum RequestTarget {
  /// Whether two readers of this path could disagree on what it names: dot segments, empty segments, `;` parameters,
  /// backslashes, and percent escapes that hide one of them, a `%`, a control character or nothing at all.
  ///
  /// Such a path is refused, not cleaned up: what was checked here must be what is served there.
  ///
  /// - Parameter path: the path alone, without the query.
  public static func isSuspicious(_ path: RawSpan) -> Bool {
    path.withUnsafeBytes { bytes in
      var segmentCount = 0
      var isDots = true
      var at = 0
      while at < bytes.count {
        var byte = bytes[at]
        var width = 1
        if byte == UInt8(ascii: "%") {
          guard let decoded = escaped(bytes, at), !isTelling(decoded) else { return true }
          byte = decoded
          width = 3
        } else if byte == UInt8(ascii: "/") {
          let isEmpty = segmentCount == 0 && at > 0
          if isEmpty || segmentCount > 0 && segmentCount <= 2 && isDots { return true }
          segmentCount = 0
          isDots = true
          at &+= 1
          continue
        } else if isTelling(byte) {
          return true
        }
        segmentCount &+= 1
        if byte != UInt8(ascii: ".") { isDots = false }
        at &+= width
      }
      return segmentCount > 0 && segmentCount <= 2 && isDots
    }
  }

  /// What the escape at `at` stands for; nil when it is not `%` and two hexadecimal digits.
  private static func escaped(_ bytes: UnsafeRawBufferPointer, _ at: Int) -> UInt8? {
    guard at &+ 2 < bytes.count, let high = ByteClass.hexValue(bytes[at &+ 1]),
      let low = ByteClass.hexValue(bytes[at &+ 2])
    else { return nil }
    return high &<< 4 | low
  }

  /// Bytes that mean more than themselves in a path.
  private static func isTelling(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "/"), UInt8(ascii: "\\"), UInt8(ascii: ";"), UInt8(ascii: "%"), 0x7F, 0..<0x20: true
    default: false
    }
  }
}
