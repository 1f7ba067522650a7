internal import CLinux

/// Finds where a model that thinks aloud inside its answer ends to do so: `<think>…</think>`, the opening tag often being part of the prompt.
///
/// For reporting only: the text counts like any other.
struct ThoughtTags: Sendable {
  private enum Place: UInt8, Sendable { case start, inside, outside }

  private var place = Place.start
  /// How many bytes of the tag looked for are matched.
  private var matched: UInt8 = 0
  /// Whether the text began with the opening tag.
  private var isOpened = false
  private var last: UInt8 = 0

  private static let opening: StaticString = "<think>"
  private static let closing: StaticString = "</think>"

  init(isDone: Bool = false) { if isDone { place = .outside } }

  /// Whether nothing more is looked for.
  var isDone: Bool { place == .outside }

  /// Reads the next part of the text; where the closing tag ends in it, if it does.
  mutating func endOfThought(in text: RawSpan) -> Int? {
    guard place != .outside else { return nil }
    return text.withUnsafeBytes { bytes in
      // Nearly every part has no tag in it, nor the beginning of one.
      if place == .inside, matched == 0, let base = bytes.baseAddress, let end = bytes.last,
        memchr(base, 0x3C, bytes.count) == nil
      {
        last = end
        return nil
      }
      for (index, byte) in bytes.enumerated() {
        if place == .start { start(byte) }
        if place == .inside, inside(byte) { return index + 1 }
      }
      return nil
    }
  }

  private mutating func start(_ byte: UInt8) {
    if matched == 0 && (byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09) { return }
    if byte == Self.opening.utf8Start[Int(matched)] {
      matched &+= 1
      guard matched == Self.opening.utf8CodeUnitCount else { return }
      isOpened = true
    }
    place = .inside
    matched = 0
  }

  /// True at the last byte of the closing tag. Without an opening one it must begin a line: an answer may speak of the tag.
  private mutating func inside(_ byte: UInt8) -> Bool {
    let isNext = byte == Self.closing.utf8Start[Int(matched)]
    if isNext && (matched > 0 || isOpened || last == 0x0A) {
      matched &+= 1
    } else {
      matched = byte == UInt8(ascii: "<") && (isOpened || last == 0x0A) ? 1 : 0
    }
    last = byte
    guard matched == Self.closing.utf8CodeUnitCount else { return false }
    place = .outside
    return true
  }
}
