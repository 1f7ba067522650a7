/// What an answer's body is by its first bytes. Content types are not to be relied on: many servers say
/// `application/json` of a stream, or `text/event-stream` of an error document.
///
/// A byte order mark, white space and blank lines in front say nothing: some servers send blank lines until they have
/// an answer.
public enum AnswerOpening: Equatable, Sendable {
  /// An event stream (WHATWG HTML, section 9.2.5): it begins with one of its four fields or with a comment.
  case events
  /// A JSON object or list.
  case json
  /// Too few bytes to tell.
  case undecided
  /// Anything else: a page, plain text, a single JSON value, compressed or binary data.
  case other

  /// Looks at the first bytes of a body, as many as have come. Once decided, more bytes change nothing.
  public init(_ bytes: RawSpan) {
    self = bytes.withUnsafeBytes { AnswerOpening($0) }
  }

  private init(_ bytes: UnsafeRawBufferPointer) {
    var at = 0
    switch Self.match(bytes, 0, "\u{FEFF}") {
    case .whole: at = 3
    case .part where !bytes.isEmpty:
      self = .undecided
      return
    default: break
    }
    while at < bytes.count, Self.isWhiteSpace(bytes[at]) { at &+= 1 }
    guard at < bytes.count else {
      self = .undecided
      return
    }
    switch bytes[at] {
    case UInt8(ascii: "{"), UInt8(ascii: "["): self = .json
    case UInt8(ascii: ":"): self = .events
    case UInt8(ascii: "d"): self = Self.field(bytes, at, "data:")
    case UInt8(ascii: "e"): self = Self.field(bytes, at, "event:")
    case UInt8(ascii: "i"): self = Self.field(bytes, at, "id:")
    case UInt8(ascii: "r"): self = Self.field(bytes, at, "retry:")
    default: self = .other
    }
  }

  private static func field(_ bytes: UnsafeRawBufferPointer, _ at: Int, _ name: StaticString) -> AnswerOpening {
    switch match(bytes, at, name) {
    case .whole: .events
    case .part: .undecided
    case .none: .other
    }
  }

  private enum Match { case whole, part, none }

  /// Whether the word stands at `at`, wholly or as far as the bytes go.
  private static func match(_ bytes: UnsafeRawBufferPointer, _ at: Int, _ word: StaticString) -> Match {
    for index in 0..<word.utf8CodeUnitCount {
      guard at &+ index < bytes.count else { return .part }
      guard bytes[at &+ index] == word.utf8Start[index] else { return .none }
    }
    return .whole
  }

  private static func isWhiteSpace(_ byte: UInt8) -> Bool {
    byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09
  }
}
