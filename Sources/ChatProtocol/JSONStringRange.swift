/// A string in a scanned document: where it stands, not a copy of it.
public struct JSONStringRange: Equatable, Sendable {
  /// The string with its quotes.
  public let range: Range<Int>
  /// Whether the contents hold an escape, so that they differ from the text they stand for.
  public let hasEscapes: Bool

  /// A string at `range`, quotes included.
  public init(range: Range<Int>, hasEscapes: Bool) {
    self.range = range
    self.hasEscapes = hasEscapes
  }

  /// The string without its quotes. With no escapes these bytes are the text.
  public var contents: Range<Int> {
    guard range.count >= 2 else { return range.lowerBound..<range.lowerBound }
    return Range(uncheckedBounds: (range.lowerBound &+ 1, range.upperBound &- 1))
  }

  /// Whether the text is empty.
  public var isEmpty: Bool { contents.isEmpty }

  /// Appends the text's UTF-8 bytes, escapes resolved.
  ///
  /// - Parameter document: the bytes that were scanned, unmoved.
  public func appendText(in document: RawSpan, to bytes: inout [UInt8]) {
    let contents = contents
    guard contents.lowerBound >= 0, contents.upperBound <= document.byteCount else { return }
    document.withUnsafeBytes { buffer in
      guard let base = buffer.baseAddress else { return }
      guard hasEscapes else { return bytes.append(contentsOf: UnsafeRawBufferPointer(rebasing: buffer[contents])) }
      var position = contents.lowerBound
      while position < contents.upperBound {
        let unit = unescapedUnit(base, &position, contents.upperBound)
        for index in 0..<unit.count { bytes.append(UInt8(truncatingIfNeeded: unit.bytes >> UInt32(8 &* index))) }
      }
    }
  }

  /// The text as a `String`. It allocates: for names, not for prompts.
  public func text(in document: RawSpan) -> String {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(contents.count)
    appendText(in: document, to: &bytes)
    return String(decoding: bytes, as: UTF8.self)
  }

  /// Whether the text is exactly these bytes.
  public func equals(_ text: [UInt8], in document: RawSpan) -> Bool {
    var bytes: [UInt8] = []
    appendText(in: document, to: &bytes)
    return bytes == text
  }
}
