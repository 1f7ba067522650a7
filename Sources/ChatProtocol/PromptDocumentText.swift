/// Turns a JSON document that comes in parts into the text that a chat template renders: `json.dumps(…, ensure_ascii=False)` of Python, which
/// has one space behind each comma and colon, none elsewhere, and escapes no character that need not be.
///
/// So a tool costs the same tokens however its sender has indented or escaped it. Numbers and the order of members stay as they are.
public struct PromptDocumentText: Sendable {
  private var isInString = false

  private static let bufferBytes = 512
  /// The longest text that one unit of the document stands for.
  private static let unitBytesMax = 8

  /// A text at its beginning.
  public init() {}

  /// Hands the text of the next part to `take`, in pieces of UTF-8.
  ///
  /// - Parameter part: of `PromptScanner`, which cuts no escape in two.
  public mutating func render(_ part: JSONStringRange, in document: RawSpan, _ take: (RawSpan) -> Void) {
    let contents = part.contents
    guard contents.lowerBound >= 0, contents.upperBound <= document.byteCount else { return }
    document.withUnsafeBytes { source in
      guard let base = source.baseAddress else { return }
      // Constant and small, so it is on the stack.
      withUnsafeTemporaryAllocation(byteCount: Self.bufferBytes, alignment: 8) { buffer in
        var count = 0
        var position = contents.lowerBound
        while position < contents.upperBound {
          if count &+ Self.unitBytesMax > Self.bufferBytes {
            take(UnsafeRawBufferPointer(rebasing: buffer[..<count]).bytes)
            count = 0
          }
          let byte = base.load(fromByteOffset: position, as: UInt8.self)
          if isInString, byte == UInt8(ascii: "\\") {
            let unit = Self.escape(base, &position, contents.upperBound)
            for index in 0..<unit.count {
              buffer[count] = UInt8(truncatingIfNeeded: unit.bytes >> UInt32(8 &* index))
              count &+= 1
            }
            continue
          }
          position &+= 1
          if byte == UInt8(ascii: "\"") { isInString.toggle() }
          if !isInString, byte <= 0x20 { continue }
          buffer[count] = byte
          count &+= 1
          if !isInString, byte == UInt8(ascii: ",") || byte == UInt8(ascii: ":") {
            buffer[count] = 0x20
            count &+= 1
          }
        }
        if count > 0 { take(UnsafeRawBufferPointer(rebasing: buffer[..<count]).bytes) }
      }
    }
  }

  /// The escape at `position` as Python would write it.
  private static func escape(_ base: UnsafeRawPointer, _ position: inout Int, _ end: Int) -> UnescapedUnit {
    let start = position
    let unit = unescapedUnit(base, &position, end)
    // Quotes, backslashes and control characters stay escaped, and these come in few spellings.
    guard unit.count == 1, unit.bytes < 0x20 || unit.bytes == 0x22 || unit.bytes == 0x5C else { return unit }
    guard position &- start == 6 else {
      return UnescapedUnit(
        bytes: UInt32(UInt8(ascii: "\\")) | UInt32(base.load(fromByteOffset: position &- 1, as: UInt8.self)) << 8,
        count: 2)
    }
    let letter: UInt8
    switch unit.bytes {
    case 0x22, 0x5C: letter = UInt8(truncatingIfNeeded: unit.bytes)
    case 0x08: letter = UInt8(ascii: "b")
    case 0x0C: letter = UInt8(ascii: "f")
    case 0x0A: letter = UInt8(ascii: "n")
    case 0x0D: letter = UInt8(ascii: "r")
    case 0x09: letter = UInt8(ascii: "t")
    default:
      // `\u00XX` stays: its first four bytes are told, the digits are plain bytes for the loop.
      position = start &+ 4
      return UnescapedUnit(bytes: 0x3030_755C, count: 4)
    }
    return UnescapedUnit(bytes: UInt32(UInt8(ascii: "\\")) | UInt32(letter) << 8, count: 2)
  }
}
