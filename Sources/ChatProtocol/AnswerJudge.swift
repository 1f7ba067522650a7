/// Judges whole documents that came with a good status: some upstreams answer 200 with an error, with nothing, or with
/// half a document.
///
/// One pass that validates every byte, since a client would fail on a broken one; `plainUsage` spares it for most answers.
public struct AnswerJudge {
  private let kind: AnswerKind
  private var isAnswer = false
  private var isFailure = false
  /// What would make it an answer is there, and is none.
  private var isBroken = false
  /// Words of an `error`, and a `message` that stands beside it.
  private var errorWords: JSONStringRange?
  private var words: JSONStringRange?

  /// What the document is, for an endpoint that answers in this way.
  public static func judge(_ document: RawSpan, as kind: AnswerKind, limits: JSONLimits = .answer) -> AnswerVerdict {
    document.withUnsafeBytes { buffer in
      guard let base = buffer.baseAddress else { return .notAnAnswer(.empty) }
      var cursor = JSONCursor(base, count: buffer.count, limits: limits)
      cursor.skipByteOrderMark()
      cursor.skipWhitespace()
      guard cursor.position < cursor.end else { return .notAnAnswer(.empty) }
      var judge = AnswerJudge(kind)
      do throws(JSONScanError) {
        let fault = try judge.read(&cursor)
        try cursor.expectEnd()
        return judge.verdict(fault)
      } catch {
        return .notAnAnswer(error.reason == .truncated ? .cutShort : .noJSON(offset: error.offset))
      }
    }
  }

  private init(_ kind: AnswerKind) { self.kind = kind }

  private func verdict(_ fault: AnswerVerdict.Fault?) -> AnswerVerdict {
    if isFailure { return .failure(message: errorWords ?? words) }
    if let fault { return .notAnAnswer(fault) }
    // The younger endpoints are served in more forms than those documented: what they lack must be there, and be none.
    let isKnown = kind == .chunks || kind == .embedding || isBroken
    return isAnswer || !isKnown ? .answer : .notAnAnswer(.lacksAnswer)
  }

  private mutating func read(_ cursor: inout JSONCursor) throws(JSONScanError) -> AnswerVerdict.Fault? {
    switch cursor.byte {
    case UInt8(ascii: "{"):
      try readObject(&cursor)
      return nil
    case UInt8(ascii: "["):
      // Gemini wraps some of its errors in a list; a list of answers is its form of a stream.
      try cursor.forEachElement { (cursor) throws(JSONScanError) in
        if cursor.byte == UInt8(ascii: "{") { try readObject(&cursor) } else { try cursor.skipValue() }
      }
      return kind == .any ? nil : .notAnObject
    case let first:
      try cursor.skipValue()
      return first == UInt8(ascii: "n") ? .null : .notAnObject
    }
  }

  private mutating func readObject(_ cursor: inout JSONCursor) throws(JSONScanError) {
    try cursor.forEachMember { (cursor, member) throws(JSONScanError) in
      let key = member.key
      switch key.count {
      case 5 where key.matches("error"): try readError(&cursor)
      case 6 where key.matches("object"), 4 where key.matches("type"): try readType(&cursor)
      case 6 where key.matches("status"):
        if try cursor.isString("failed"), kind == .response { isFailure = true }
      case 7 where key.matches("message"): words = try cursor.stringRangeOrSkip()
      case 7 where key.matches("choices"): try note(.chunks, try cursor.skipListTellingContents() == true)
      case 7 where key.matches("content"): try note(.message, try cursor.skipListTellingContents() != nil)
      case 6 where key.matches("output"): try note(.response, try cursor.skipListTellingContents() != nil)
      case 4 where key.matches("data"): try note(.embedding, try cursor.skipListTellingContents() != nil)
      case 9 where key.matches("embedding"), 10 where key.matches("embeddings"):
        try note(.embedding, try cursor.skipTellingSubstance())
      default: try cursor.skipValue()
      }
    }
  }

  private mutating func note(_ kind: AnswerKind, _ isThere: Bool) throws(JSONScanError) {
    guard kind == self.kind else { return }
    if isThere { isAnswer = true } else { isBroken = true }
  }

  /// `object` or `type`: what the document calls itself.
  private mutating func readType(_ cursor: inout JSONCursor) throws(JSONScanError) {
    let text = cursor
    if try cursor.isString("error") { isFailure = true }
    var again = text
    switch kind {
    case .message: if try again.isString("message") { isAnswer = true }
    case .response: if try again.isString("response") { isAnswer = true }
    case .chunks, .embedding, .any: break
    }
  }

  /// An `error` that is a text or an object with something in it; everything else is as good as `null`.
  private mutating func readError(_ cursor: inout JSONCursor) throws(JSONScanError) {
    switch cursor.byte {
    case UInt8(ascii: "\""):
      let text = try cursor.readStringRange()
      guard !text.isEmpty else { return }
      isFailure = true
      errorWords = text
    case UInt8(ascii: "{"):
      try cursor.forEachMember { (cursor, member) throws(JSONScanError) in
        isFailure = true
        if member.key.matches("message") { errorWords = try cursor.stringRangeOrSkip() } else { try cursor.skipValue() }
      }
    default: try cursor.skipValue()
    }
  }
}

extension JSONCursor {
  /// Moves past a byte order mark at the start, which some servers send all the same.
  mutating func skipByteOrderMark() {
    guard position == 0, end >= 3 else { return }
    let bytes = UnsafeRawBufferPointer(start: base, count: 3)
    if bytes.elementsEqual([0xEF, 0xBB, 0xBF]) { position = 3 }
  }

  /// Moves past the value at the cursor; true when it is exactly this text, written without escapes.
  mutating func isString(_ text: StaticString) throws(JSONScanError) -> Bool {
    guard let string = try stringRangeOrSkip() else { return false }
    let contents = string.contents
    guard contents.count == text.utf8CodeUnitCount else { return false }
    return UnsafeRawBufferPointer(start: base + contents.lowerBound, count: contents.count)
      .elementsEqual(UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
  }

  /// Moves past the value at the cursor; for a list, whether it has elements, and nil for anything else.
  mutating func skipListTellingContents() throws(JSONScanError) -> Bool? {
    guard byte == UInt8(ascii: "[") else {
      try skipValue()
      return nil
    }
    var inside = self
    inside.position &+= 1
    inside.skipWhitespace()
    let isEmpty = inside.byte == UInt8(ascii: "]")
    try skipValue()
    return !isEmpty
  }
}
