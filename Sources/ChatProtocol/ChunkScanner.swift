internal import CLinux

/// Reads a chunk of an answer in one pass, in place: `chat.completion.chunk`, the older `text_completion`, and whole
/// bodies of `/v1/chat/completions`, `/v1/completions`, `/v1/embeddings`.
///
/// Upstreams are not trusted either: the document is validated as a request is, and what is broken is told as
/// `isMalformed`, never thrown.
public struct ChunkScanner {
  private var fields = ChunkFields()
  private var hasUsageMember = false
  private var hasErrorMember = false

  private init() {}

  /// The fields of `data`, the joined data of one event or a whole body.
  public static func scan(_ data: RawSpan, limits: JSONLimits = JSONLimits()) -> ChunkFields {
    var scanner = ChunkScanner()
    data.withUnsafeBytes { scanner.scan($0, limits) }
    return scanner.fields
  }

  /// The usage of a whole answer, found without reading what stands around it: an answer is long, its usage short, and nothing else of it is
  /// needed. The last member of that name counts.
  ///
  /// Text cannot imitate it: inside a string the quotes of `"usage":` would be escaped.
  public static func usage(ofAnswer data: RawSpan) -> TokenUsage? {
    data.withUnsafeBytes { buffer in
      guard let base = buffer.baseAddress else { return nil }
      let name: StaticString = "\"usage\""
      var found: TokenUsage?
      var from = 0
      while from < buffer.count,
        let match = memmem(base + from, buffer.count - from, name.utf8Start, name.utf8CodeUnitCount)
      {
        let start = UnsafeRawPointer(match) - base
        from = start + name.utf8CodeUnitCount
        guard start > 0, buffer[start - 1] != UInt8(ascii: "\\") else { continue }
        var cursor = JSONCursor(base + from, count: buffer.count - from, limits: JSONLimits())
        found = usage(after: &cursor) ?? found
      }
      return found
    }
  }

  /// Reads `: {…}`.
  private static func usage(after cursor: inout JSONCursor) -> TokenUsage? {
    var scanner = ChunkScanner()
    do throws(JSONScanError) {
      cursor.skipWhitespace()
      guard cursor.byte == UInt8(ascii: ":") else { return nil }
      cursor.position &+= 1
      cursor.skipWhitespace()
      try scanner.takeUsage(&cursor)
      return scanner.fields.usage
    } catch { return nil }
  }

  /// Whether the data is exactly `[DONE]`, the end of an OpenAI stream.
  public static func isDone(_ data: RawSpan) -> Bool {
    guard data.byteCount == 6 else { return false }
    return data.withUnsafeBytes { buffer in
      buffer.loadUnaligned(as: UInt32.self) == UInt32(littleEndian: 0x4E4F_445B)  // [DON
        && buffer.loadUnaligned(fromByteOffset: 4, as: UInt16.self) == UInt16(littleEndian: 0x5D45)  // E]
    }
  }

  private mutating func scan(_ buffer: UnsafeRawBufferPointer, _ limits: JSONLimits) {
    guard let base = buffer.baseAddress else {
      fields.isMalformed = true
      return
    }
    var cursor = JSONCursor(base, count: buffer.count, limits: limits)
    do throws(JSONScanError) {
      try scan(&cursor)
    } catch {
      fields.isMalformed = true
    }
  }

  @inline(__always)
  private mutating func scan(_ cursor: inout JSONCursor) throws(JSONScanError) {
    cursor.skipWhitespace()
    guard cursor.byte == UInt8(ascii: "{") else { throw cursor.unexpected() }
    // The end of the member before: where the comma stands, or the opening brace for the first member.
    var before = cursor.position &+ 1
    var isFirst = true
    try cursor.forEachMember { (cursor, member) throws(JSONScanError) in
      let key = member.key
      switch key.count {
      case 7 where key.matches("choices"): try takeChoices(&cursor)
      case 2 where key.matches("id"): fields.id = try cursor.stringRangeOrSkip()
      case 5 where key.matches("model"): fields.model = try cursor.stringRangeOrSkip()
      case 5 where key.matches("error"): try takeError(&cursor)
      case 5 where key.matches("usage"):
        try takeUsage(&cursor)
        fields.usageMember = Self.memberRange(cursor, member.start, before: before, isFirst: isFirst)
      default: try cursor.skipValue()
      }
      isFirst = false
      before = cursor.position
    }
    try cursor.expectEnd()
  }

  /// The member from the comma before it, or, for the first one, to the comma behind it.
  private static func memberRange(_ cursor: JSONCursor, _ start: Int, before: Int, isFirst: Bool) -> Range<Int> {
    var after = cursor
    if isFirst {
      after.skipWhitespace()
      return start..<(after.byte == UInt8(ascii: ",") ? after.position &+ 1 : cursor.position)
    }
    // Only whitespace stands between the value before and its comma.
    after.position = before
    after.skipWhitespace()
    return after.position..<cursor.position
  }

  private mutating func takeError(_ cursor: inout JSONCursor) throws(JSONScanError) {
    guard !hasErrorMember else { throw cursor.unexpected() }
    hasErrorMember = true
    let start = cursor.position
    let isNull = cursor.byte == UInt8(ascii: "n")
    try cursor.skipValue()
    if !isNull { fields.error = start..<cursor.position }
  }

  // MARK: - Choices

  @inline(__always)
  private mutating func takeChoices(_ cursor: inout JSONCursor) throws(JSONScanError) {
    guard !fields.hasChoices else { throw cursor.unexpected() }
    guard cursor.byte == UInt8(ascii: "[") else { return try cursor.skipValue() }
    fields.hasChoices = true
    try cursor.forEachElement { (cursor) throws(JSONScanError) in
      if cursor.byte == UInt8(ascii: "{") {
        try takeChoice(&cursor)
      } else {
        try cursor.skipValue()
      }
      fields.choicesCount &+= 1
    }
  }

  @inline(__always)
  private mutating func takeChoice(_ cursor: inout JSONCursor) throws(JSONScanError) {
    var index = fields.choicesCount
    var isFinished = false
    try cursor.forEachMember { (cursor, member) throws(JSONScanError) in
      let key = member.key
      switch key.count {
      case 5 where key.matches("delta"): try takeDelta(&cursor)
      case 5 where key.matches("index"): index = try cursor.integerOrSkip() ?? index
      case 13 where key.matches("finish_reason"):
        guard cursor.byte == UInt8(ascii: "\"") else { return try cursor.skipValue() }
        let reason = try cursor.readStringRange()
        if fields.finishReason == nil { fields.finishReason = reason }
        isFinished = true
      case 8 where key.matches("logprobs"):
        if cursor.byte != UInt8(ascii: "n") { fields.hasLogprobs = true }
        try cursor.skipValue()
      case 7 where key.matches("message"): try takeDelta(&cursor)
      case 4 where key.matches("text"): try takeContent(&cursor)
      default: try cursor.skipValue()
      }
    }
    guard isFinished else { return }
    fields.finishedCount &+= 1
    if index >= 0, index < 64 { fields.finishedChoices |= 1 &<< UInt64(index) }
  }

  /// Reads a `delta`, or the `message` of a whole answer, which has the same members.
  @inline(__always)
  private mutating func takeDelta(_ cursor: inout JSONCursor) throws(JSONScanError) {
    guard cursor.byte == UInt8(ascii: "{") else { return try cursor.skipValue() }
    try takeDeltaObject(&cursor)
  }

  private mutating func takeDeltaObject(_ cursor: inout JSONCursor) throws(JSONScanError) {
    try cursor.forEachMember { (cursor, member) throws(JSONScanError) in
      let key = member.key
      switch key.count {
      case 7 where key.matches("content"): try takeContent(&cursor)
      case 17 where key.matches("reasoning_content"): try takeReasoning(&cursor)
      case 9 where key.matches("reasoning"): try takeReasoning(&cursor)
      case 10 where key.matches("tool_calls"):
        if try cursor.skipFilledContainer() { fields.hasToolCalls = true }
      case 13 where key.matches("function_call"):
        if try cursor.skipFilledContainer() { fields.hasToolCalls = true }
      case 7 where key.matches("refusal"):
        if try cursor.stringRangeOrSkip()?.isEmpty == false { fields.hasRefusal = true }
      case 4 where key.matches("role"):
        if cursor.byte == UInt8(ascii: "\"") { fields.hasRole = true }
        try cursor.skipValue()
      default: try cursor.skipValue()
      }
    }
  }

  @inline(__always)
  private mutating func takeContent(_ cursor: inout JSONCursor) throws(JSONScanError) {
    guard cursor.byte == UInt8(ascii: "\"") else {
      // Some providers send a list of parts.
      if try cursor.skipFilledContainer() { fields.hasContent = true }
      return
    }
    let text = try cursor.readStringRange()
    guard !text.isEmpty else { return }
    fields.hasContent = true
    if fields.firstContent == nil { fields.firstContent = text }
  }

  @inline(__always)
  private mutating func takeReasoning(_ cursor: inout JSONCursor) throws(JSONScanError) {
    guard let text = try cursor.stringRangeOrSkip(), !text.isEmpty else { return }
    fields.hasReasoning = true
    if fields.firstReasoning == nil { fields.firstReasoning = text }
  }

  // MARK: - Usage

  private mutating func takeUsage(_ cursor: inout JSONCursor) throws(JSONScanError) {
    guard !hasUsageMember else { throw cursor.unexpected() }
    hasUsageMember = true
    guard cursor.byte == UInt8(ascii: "{") else { return try cursor.skipValue() }
    var usage = TokenUsage()
    try cursor.forEachMember { (cursor, member) throws(JSONScanError) in
      let key = member.key
      if key.matches("prompt_tokens") || key.matches("input_tokens") {
        usage.promptTokens = try cursor.tokenCountOrSkip() ?? usage.promptTokens
      } else if key.matches("completion_tokens") || key.matches("output_tokens") {
        usage.completionTokens = try cursor.tokenCountOrSkip() ?? usage.completionTokens
      } else if key.matches("total_tokens") {
        usage.reportedTotalTokens = try cursor.tokenCountOrSkip()
      } else if key.matches("prompt_cache_hit_tokens") || key.matches("cache_read_input_tokens") {
        usage.cachedTokens = try cursor.tokenCountOrSkip() ?? usage.cachedTokens
      } else if key.matches("prompt_tokens_details") || key.matches("input_tokens_details") {
        usage.cachedTokens = try cursor.detail("cached_tokens") ?? usage.cachedTokens
      } else if key.matches("completion_tokens_details") || key.matches("output_tokens_details") {
        usage.reasoningTokens = try cursor.detail("reasoning_tokens") ?? usage.reasoningTokens
      } else {
        try cursor.skipValue()
      }
    }
    if usage.hasCounts { fields.usage = usage }
  }
}

extension JSONCursor {
  /// Reads a string; anything else is skipped.
  @inline(__always)
  fileprivate mutating func stringRangeOrSkip() throws(JSONScanError) -> JSONStringRange? {
    guard byte == UInt8(ascii: "\"") else {
      try skipValue()
      return nil
    }
    return try readStringRange()
  }

  /// Reads a whole number; anything else is skipped.
  fileprivate mutating func integerOrSkip() throws(JSONScanError) -> Int? {
    let start = position
    let isNumber = isAtNumber
    try skipValue()
    return isNumber ? integer(at: start..<position) : nil
  }

  /// Reads a count of tokens; what cannot be one is skipped.
  fileprivate mutating func tokenCountOrSkip() throws(JSONScanError) -> Int? {
    guard let value = try integerOrSkip(), value >= 0, value <= TokenUsage.tokensMax else { return nil }
    return value
  }

  /// Reads one count out of an object of details.
  fileprivate mutating func detail(_ name: StaticString) throws(JSONScanError) -> Int? {
    guard byte == UInt8(ascii: "{") else {
      try skipValue()
      return nil
    }
    var count: Int?
    try forEachMember { (cursor, member) throws(JSONScanError) in
      if member.key.matches(name) {
        count = try cursor.tokenCountOrSkip()
      } else {
        try cursor.skipValue()
      }
    }
    return count
  }

  /// Skips any value. True when it was an object or an array with something in it.
  fileprivate mutating func skipFilledContainer() throws(JSONScanError) -> Bool {
    guard byte == UInt8(ascii: "[") || byte == UInt8(ascii: "{") else {
      try skipValue()
      return false
    }
    var inside = self
    inside.position &+= 1
    inside.skipWhitespace()
    try skipValue()
    return position > inside.position &+ 1
  }
}
