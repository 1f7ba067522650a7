/// What an upstream's error document says: its words, and what kind of failure they tell of.
///
/// Read are the forms of OpenAI and those who follow it (`{"error":{"message","type","code"}}`, and the same members
/// without `error`), Anthropic (`{"type":"error","error":{"type","message"}}`), Gemini
/// (`{"error":{"code","message","status"}}`, also as a list of one), Ollama and TGI (`{"error":"text"}`), DashScope
/// (`{"code","message"}`), FastAPI (`{"detail":"text"}` or a list of `msg`), Bedrock (`{"message"}`, `__type`),
/// Cloudflare (`{"errors":[{"message"}]}`), Qianfan (`{"error_code","error_msg"}`) and MiniMax
/// (`{"base_resp":{"status_code","status_msg"}}`). What a broken document says up to where it breaks counts.
public struct ErrorBody: Equatable, Sendable {
  /// Longer words are cut to this, between two letters.
  public static let messageBytesMax = 512

  /// The words, if there are any.
  public let message: String?
  /// The kind, by the codes, or else the words, that the providers document.
  public let kind: ErrorKind

  /// Reads a document, or the value of an `error`.
  public init(_ document: RawSpan) {
    self = document.withUnsafeBytes { buffer in
      guard let base = buffer.baseAddress else { return ErrorBody(nil, .other) }
      var reader = ErrorBodyReader()
      var cursor = JSONCursor(base, count: buffer.count, limits: .answer)
      cursor.skipByteOrderMark()
      cursor.skipWhitespace()
      do throws(JSONScanError) {
        try reader.readValue(&cursor)
      } catch {
        // What was read before counts.
      }
      return ErrorBody(reader.message, reader.kind)
    }
  }

  private init(_ message: String?, _ kind: ErrorKind) {
    self.message = message
    self.kind = kind
  }
}

/// Gathers the words and codes of an error document.
struct ErrorBodyReader {
  /// Words by where they stand: in the error itself, or beside it.
  private var errorWords: String?
  private var words: String?
  private var signs = ErrorSigns()

  var message: String? { errorWords ?? words }
  var kind: ErrorKind { signs.kind(words: message) }

  /// The document: an object, a list of such, or the words alone.
  mutating func readValue(_ cursor: inout JSONCursor) throws(JSONScanError) {
    switch cursor.byte {
    case UInt8(ascii: "["): try cursor.forEachElement { (cursor) throws(JSONScanError) in try readTop(&cursor) }
    case UInt8(ascii: "\""): note(try cursor.boundedText(), &words)
    default: try readTop(&cursor)
    }
  }

  private mutating func readTop(_ cursor: inout JSONCursor) throws(JSONScanError) {
    guard cursor.byte == UInt8(ascii: "{") else { return try cursor.skipValue() }
    try cursor.forEachMember { (cursor, member) throws(JSONScanError) in
      let key = member.key
      if key.matches("error") || key.matches("errors") {
        try readError(&cursor)
      } else if key.matches("response") || key.matches("base_resp") {
        // Of a response that failed, told by an event; of MiniMax.
        try readNested(&cursor)
      } else if key.matches("message") || key.matches("msg") || key.matches("error_msg") {
        note(try cursor.textOrSkip(), &words)
      } else if key.matches("detail") {
        try readDetail(&cursor)
      } else if key.matches("type") || key.matches("code") || key.matches("__type") || key.matches("error_type")
        || key.matches("error_code")
      {
        try readCode(&cursor)
      } else {
        try cursor.skipValue()
      }
    }
  }

  /// The value of `error`: an object, the words alone, or a list of either.
  private mutating func readError(_ cursor: inout JSONCursor) throws(JSONScanError) {
    switch cursor.byte {
    case UInt8(ascii: "\""): note(try cursor.boundedText(), &errorWords)
    case UInt8(ascii: "["):
      try cursor.forEachElement { (cursor) throws(JSONScanError) in
        if cursor.byte == UInt8(ascii: "{") { try readErrorObject(&cursor) } else { try cursor.skipValue() }
      }
    case UInt8(ascii: "{"): try readErrorObject(&cursor)
    default: try cursor.skipValue()
    }
  }

  private mutating func readErrorObject(_ cursor: inout JSONCursor) throws(JSONScanError) {
    try cursor.forEachMember { (cursor, member) throws(JSONScanError) in
      let key = member.key
      if key.matches("message") {
        note(try cursor.textOrSkip(), &errorWords)
      } else if key.matches("code") || key.matches("type") || key.matches("status") {
        try readCode(&cursor)
      } else if key.matches("innererror") || key.matches("metadata") {
        try readCause(&cursor)
      } else {
        try cursor.skipValue()
      }
    }
  }

  /// What stands behind an error: Azure's `innererror`; OpenRouter's `metadata`, which tells by `reasons` or
  /// `flagged_input` that moderation refused the prompt, and by `error_type` what the provider said.
  private mutating func readCause(_ cursor: inout JSONCursor) throws(JSONScanError) {
    guard cursor.byte == UInt8(ascii: "{") else { return try cursor.skipValue() }
    try cursor.forEachMember { (cursor, member) throws(JSONScanError) in
      let key = member.key
      if key.matches("code") || key.matches("error_type") || key.matches("provider_code") {
        try readCode(&cursor)
      } else if key.matches("reasons") || key.matches("flagged_input") {
        if try cursor.skipTellingSubstance() { signs.note(.contentFilter) }
      } else {
        try cursor.skipValue()
      }
    }
  }

  private mutating func readNested(_ cursor: inout JSONCursor) throws(JSONScanError) {
    guard cursor.byte == UInt8(ascii: "{") else { return try cursor.skipValue() }
    try cursor.forEachMember { (cursor, member) throws(JSONScanError) in
      if member.key.matches("error") {
        try readError(&cursor)
      } else if member.key.matches("status_msg") {
        note(try cursor.textOrSkip(), &words)
      } else if member.key.matches("status_code") {
        if let status = try cursor.integerOrSkip() { signs.note(miniMaxStatus: status) }
      } else {
        try cursor.skipValue()
      }
    }
  }

  private mutating func readDetail(_ cursor: inout JSONCursor) throws(JSONScanError) {
    guard cursor.byte == UInt8(ascii: "[") else {
      if cursor.byte == UInt8(ascii: "{") { return try readErrorObject(&cursor) }
      return note(try cursor.textOrSkip(), &words)
    }
    try cursor.forEachElement { (cursor) throws(JSONScanError) in
      guard cursor.byte == UInt8(ascii: "{") else { return try cursor.skipValue() }
      try cursor.forEachMember { (cursor, member) throws(JSONScanError) in
        if member.key.matches("msg") { note(try cursor.textOrSkip(), &words) } else { try cursor.skipValue() }
      }
    }
  }

  private mutating func readCode(_ cursor: inout JSONCursor) throws(JSONScanError) {
    if cursor.isAtNumber {
      if let number = try cursor.integerOrSkip() { signs.note(number: number) }
    } else if let code = try cursor.textOrSkip() {
      signs.note(code: code)
    }
  }

  /// The first words count.
  private func note(_ text: String?, _ words: inout String?) {
    if words == nil, let text, !text.isEmpty { words = text }
  }
}

extension JSONCursor {
  /// Reads a string, as much of it as an error's words may be long; anything else is skipped.
  fileprivate mutating func textOrSkip() throws(JSONScanError) -> String? {
    guard byte == UInt8(ascii: "\"") else {
      try skipValue()
      return nil
    }
    return try boundedText()
  }

  fileprivate mutating func boundedText() throws(JSONScanError) -> String {
    let contents = try readStringRange().contents
    var bytes: [UInt8] = []
    var at = contents.lowerBound
    while at < contents.upperBound {
      let unit = unescapedUnit(base, &at, contents.upperBound)
      guard bytes.count &+ unit.count <= ErrorBody.messageBytesMax else {
        // The letter that does not fit whole has gone over the bound with its last byte only: what came of it goes too.
        if unit.count == 1, UInt8(truncatingIfNeeded: unit.bytes) & 0xC0 == 0x80 {
          while let last = bytes.popLast(), last & 0xC0 == 0x80 {}
        }
        break
      }
      for index in 0..<unit.count { bytes.append(UInt8(truncatingIfNeeded: unit.bytes >> UInt32(8 &* index))) }
    }
    return String(decoding: bytes, as: UTF8.self)
  }
}
