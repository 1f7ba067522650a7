/// Reads the events, and the whole answers, of endpoints that are passed through: Anthropic's `/v1/messages`, `/v1/responses`, Gemini's own form, and
/// whatever else tells its usage in one of these ways.
///
/// As `ChunkScanner` it reads in one pass, in place, and what is no JSON is told as `isMalformed`. Fields of another form than the documented one are
/// skipped.
public struct EventScanner {
  var chunk = ChunkScanner()
  /// The event's own `type`.
  var type: JSONStringRange?
  /// A text whose channel only the type tells: `delta` of the Responses events.
  var delta: JSONStringRange?
  /// Whether there is a `delta` at all.
  var hasDelta = false
  /// Whether it has something beside texts: a signature, a citation, the reason to stop.
  var deltaHasOther = false
  /// The name of a tool in `item`, which events of two types carry.
  var itemName: JSONStringRange?
  /// The `error` of a response that failed.
  var envelopeError: Range<Int>?
  /// Whether there are members that tell by themselves what the document brings, whatever its type: choices, candidates, a whole answer.
  var hasKnownForm = false
  /// Whether it tells usage, which a document without a type may do alone.
  var hasUsage = false
  var part = 0

  private init() {}

  /// The fields of `data`, the joined data of one event or a whole body.
  ///
  /// - Parameter eventName: the name that the stream gave the event, if it gave one. It stands in for a `type` that the event lacks, and an
  ///   event named `error` is a failure whatever it holds.
  public static func scan(_ data: RawSpan, eventName: RawSpan? = nil, limits: JSONLimits = .answer) -> ChunkFields {
    guard let eventName else { return scan(data, named: nil, limits) }
    return eventName.withUnsafeBytes { scan(data, named: EventKind.isNamed($0) ? $0 : nil, limits) }
  }

  private static func scan(
    _ data: RawSpan, named eventName: UnsafeRawBufferPointer?, _ limits: JSONLimits
  ) -> ChunkFields {
    var scanner = EventScanner()
    data.withUnsafeBytes { buffer in
      guard let base = buffer.baseAddress else {
        scanner.chunk.fields.isMalformed = true
        return
      }
      var cursor = JSONCursor(base, count: buffer.count, limits: limits)
      do throws(JSONScanError) {
        try scanner.scan(&cursor)
      } catch {
        scanner.chunk.fields.isMalformed = true
      }
      scanner.judge(base, buffer.count, eventName: eventName)
    }
    return scanner.chunk.fields
  }

  private mutating func scan(_ cursor: inout JSONCursor) throws(JSONScanError) {
    cursor.skipWhitespace()
    guard cursor.byte == UInt8(ascii: "{") else { throw cursor.unexpected() }
    try cursor.forEachMember { (cursor, member) throws(JSONScanError) in
      let key = member.key
      switch key.count {
      case 4 where key.matches("type"): type = try cursor.stringRangeOrSkip()
      case 4 where key.matches("item"): try takeItem(&cursor)
      case 5 where key.matches("delta"): try takeDelta(&cursor)
      case 5 where key.matches("index"): part = try cursor.integerOrSkip() ?? part
      case 5 where key.matches("usage"):
        hasUsage = true
        chunk.take(try cursor.readUsage())
      case 5 where key.matches("error"): try chunk.takeError(&cursor)
      case 6 where key.matches("output"): try takeBlocks(&cursor)
      case 7 where key.matches("content"): try takeBlocks(&cursor)
      case 7 where key.matches("message"): try takeEnvelope(&cursor)
      case 7 where key.matches("choices"):
        hasKnownForm = true
        try chunk.takeChoices(&cursor)
      case 8 where key.matches("response"): try takeEnvelope(&cursor)
      case 10 where key.matches("event_type"): type = try cursor.stringRangeOrSkip() ?? type
      case 10 where key.matches("candidates"): try takeCandidates(&cursor)
      case 12 where key.matches("output_index"): part = try cursor.integerOrSkip() ?? part
      case 13 where key.matches("content_block"): try takeBlock(&cursor, isStart: true)
      case 13 where key.matches("usageMetadata"):
        hasUsage = true
        chunk.take(try cursor.readGeminiUsage())
      case 14 where key.matches("promptFeedback"): try takePromptFeedback(&cursor)
      default: try cursor.skipValue()
      }
    }
    try cursor.expectEnd()
  }

  /// `message` of `message_start`, `response` of `response.completed`: what it is and its usage, not its text, which has come before or will come.
  private mutating func takeEnvelope(_ cursor: inout JSONCursor) throws(JSONScanError) {
    guard cursor.byte == UInt8(ascii: "{") else { return try cursor.skipValue() }
    try cursor.forEachMember { (cursor, member) throws(JSONScanError) in
      switch member.key.count {
      case 5 where member.key.matches("usage"): chunk.take(try cursor.readUsage())
      case 2 where member.key.matches("id"): chunk.fields.id = try cursor.stringRangeOrSkip()
      case 5 where member.key.matches("model"): chunk.fields.model = try cursor.stringRangeOrSkip()
      case 5 where member.key.matches("error"):
        let start = cursor.position
        let isNull = cursor.byte == UInt8(ascii: "n")
        try cursor.skipValue()
        if !isNull { envelopeError = start..<cursor.position }
      case 10 where member.key.matches("created_at"): chunk.fields.created = try cursor.integerOrSkip()
      default: try cursor.skipValue()
      }
    }
  }

  // MARK: Texts

  /// A part of a text: Anthropic's object that says what it is by its members, or the string of Responses.
  private mutating func takeDelta(_ cursor: inout JSONCursor) throws(JSONScanError) {
    hasDelta = true
    guard cursor.byte == UInt8(ascii: "{") else {
      delta = try cursor.stringRangeOrSkip()
      if delta?.isEmpty ?? false { delta = nil }
      return
    }
    try cursor.forEachMember { (cursor, member) throws(JSONScanError) in
      if member.key.matches("text") {
        try chunk.takeText(&cursor, .content)
      } else if member.key.matches("thinking") {
        try chunk.takeText(&cursor, .reasoning)
      } else if member.key.matches("partial_json") {
        try chunk.takeText(&cursor, .toolArguments)
      } else if member.key.matches("stop_reason") {
        guard let reason = try cursor.finishReasonOrSkip() else { return }
        chunk.fields.finishReason = reason
        finish()
      } else if member.key.matches("type") {
        try cursor.skipValue()
      } else if try cursor.skipTellingSubstance() {
        deltaHasOther = true
      }
    }
  }

  private mutating func takeItem(_ cursor: inout JSONCursor) throws(JSONScanError) {
    guard cursor.byte == UInt8(ascii: "{") else { return try cursor.skipValue() }
    try cursor.forEachMember { (cursor, member) throws(JSONScanError) in
      guard member.key.matches("name") else { return try cursor.skipValue() }
      let name = try cursor.stringRangeOrSkip()
      itemName = name.flatMap { $0.isEmpty ? nil : $0 }
    }
  }

  /// The blocks of a whole answer: `content` of Anthropic, `output` of Responses.
  private mutating func takeBlocks(_ cursor: inout JSONCursor) throws(JSONScanError) {
    guard cursor.byte == UInt8(ascii: "[") else { return try cursor.skipValue() }
    hasKnownForm = true
    try cursor.forEachElement { (cursor) throws(JSONScanError) in try takeBlock(&cursor) }
  }

  /// One block, or the beginning of one: its texts, a tool's name and what it is given. Responses nest the parts of a message one level deeper.
  ///
  /// A beginning may bring more than it announces: sealed thoughts, the result of a tool that the provider ran.
  private mutating func takeBlock(
    _ cursor: inout JSONCursor, isNested: Bool = false, isStart: Bool = false
  ) throws(JSONScanError) {
    guard cursor.byte == UInt8(ascii: "{") else { return try cursor.skipValue() }
    try cursor.forEachMember { (cursor, member) throws(JSONScanError) in
      let key = member.key
      if key.matches("text") {
        try chunk.takeText(&cursor, .content)
      } else if key.matches("thinking") {
        try chunk.takeText(&cursor, .reasoning)
      } else if key.matches("refusal") {
        try chunk.takeText(&cursor, .refusal)
      } else if key.matches("name") {
        try chunk.takeText(&cursor, .toolName)
      } else if key.matches("arguments") {
        try chunk.takeText(&cursor, .toolArguments)
      } else if key.matches("input") {
        try takeObject(&cursor)
      } else if (key.matches("content") || key.matches("summary")) && !isNested && cursor.byte == UInt8(ascii: "[") {
        try cursor.forEachElement { (cursor) throws(JSONScanError) in
          if isStart { chunk.fields.hasOther = true }
          try takeBlock(&cursor, isNested: true)
        }
      } else if isStart && !Self.onlyAnnounces(key) {
        if try cursor.skipTellingSubstance() { chunk.fields.hasOther = true }
      } else {
        try cursor.skipValue()
      }
    }
  }

  /// What the beginning of a block has for members that tell what will come, and whose it is.
  private static func onlyAnnounces(_ key: JSONKey) -> Bool {
    key.matches("type") || key.matches("id") || key.matches("caller") || key.matches("tool_use_id")
      || key.matches("toolset_name")
  }

  /// What a tool is given, as an object: its JSON is the text. An empty one only announces what comes in parts.
  mutating func takeObject(_ cursor: inout JSONCursor) throws(JSONScanError) {
    guard cursor.byte == UInt8(ascii: "{") else { return try chunk.takeText(&cursor, .toolArguments) }
    let start = cursor.position
    try cursor.skipValue()
    guard cursor.position > start &+ 2 else { return }
    // As if it stood between quotes: its first and last byte are the brackets' neighbours.
    let text = JSONStringRange(range: start &- 1..<cursor.position &+ 1, hasEscapes: false)
    chunk.fields.append(text, .toolArguments, choice: 0, part: 0)
  }
}
