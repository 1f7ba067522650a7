/// What a choice brings: its `delta`, or the `message` of a whole answer, which has the same members.
///
/// Only a few of them are read. Whatever else has something in it is progress all the same, for a client may act on it.
extension ChunkScanner {
  @inline(__always)
  mutating func takeDelta(_ cursor: inout JSONCursor, _ isFinished: inout Bool) throws(JSONScanError) {
    guard cursor.byte == UInt8(ascii: "{") else { return try cursor.skipValue() }
    if try takeDeltaObject(&cursor) { isFinished = true }
  }

  /// True when the choice has ended without a `finish_reason`.
  private mutating func takeDeltaObject(_ cursor: inout JSONCursor) throws(JSONScanError) -> Bool {
    var reasoning = ReasoningSource.none
    var hasEnded = false
    try cursor.forEachMember { (cursor, member) throws(JSONScanError) in
      let key = member.key
      switch key.count {
      case 7 where key.matches("content"): try takeContent(&cursor)
      case 17 where key.matches("reasoning_content"), 9 where key.matches("reasoning"),
        14 where key.matches("reasoning_text"):
        try takeReasoning(&cursor, &reasoning)
      case 17 where key.matches("reasoning_details"), 15 where key.matches("thinking_blocks"):
        try takeReasoningList(&cursor, &reasoning)
      case 10 where key.matches("tool_calls"): try takeToolCalls(&cursor)
      case 13 where key.matches("function_call"): try takeFunction(&cursor)
      case 7 where key.matches("refusal"): try takeText(&cursor, .refusal)
      case 4 where key.matches("role"):
        if cursor.byte == UInt8(ascii: "\"") { fields.hasRole = true }
        try cursor.skipValue()
      case 5 where key.matches("audio"): hasEnded = try takeAudio(&cursor) || hasEnded
      // They announce, and bring nothing.
      case 4 where key.matches("name"), 13 where key.matches("finish_reason"): try cursor.skipValue()
      default: try takeOther(&cursor)
      }
    }
    return hasEnded
  }

  /// A member that is not read: something, or as good as absent.
  @inline(never)
  mutating func takeOther(_ cursor: inout JSONCursor) throws(JSONScanError) {
    if try cursor.skipTellingSubstance() { fields.hasOther = true }
  }

  // MARK: Reasoning

  /// Where the reasoning of a delta was found. Many servers send it twice, as a text and in a list; it counts once.
  private enum ReasoningSource {
    case none
    /// A text: `reasoning`, `reasoning_content`, `reasoning_text`.
    case text
    /// A list; its texts stand at these places.
    case list(Range<Int>)
  }

  @inline(never)
  private mutating func takeReasoning(
    _ cursor: inout JSONCursor, _ source: inout ReasoningSource
  ) throws(JSONScanError) {
    // Some servers send the same text under two names.
    if case .text = source { return try cursor.skipValue() }
    let before = fields.texts.count
    try takeText(&cursor, .reasoning)
    guard fields.texts.count > before else { return }
    if case .list(let places) = source { fields.texts.remove(places) }
    source = .text
  }

  /// `reasoning_details` of OpenRouter and MiniMax (elements with `text`, `summary` or the sealed `data`), and
  /// `thinking_blocks` of LiteLLM (Anthropic's blocks: `thinking` and `signature`, or `data`).
  @inline(never)
  private mutating func takeReasoningList(
    _ cursor: inout JSONCursor, _ source: inout ReasoningSource
  ) throws(JSONScanError) {
    guard cursor.byte == UInt8(ascii: "[") else { return try takeOther(&cursor) }
    var counts = false
    if case .none = source { counts = true }
    let before = fields.texts.count
    try cursor.forEachElement { (cursor) throws(JSONScanError) in
      guard cursor.byte == UInt8(ascii: "{") else { return try takeOther(&cursor) }
      try cursor.forEachMember { (cursor, member) throws(JSONScanError) in
        let key = member.key
        if key.matches("text") || key.matches("summary") || key.matches("thinking") {
          if counts { try takeText(&cursor, .reasoning) } else { try cursor.skipValue() }
        } else if key.matches("type") || key.matches("index") || key.matches("format") || key.matches("id") {
          try cursor.skipValue()
        } else {
          try takeOther(&cursor)
        }
      }
    }
    if fields.texts.count > before { source = .list(before..<fields.texts.count) }
  }

  // MARK: Sound

  /// `audio`: its `id` announces it, `data` and `transcript` bring it, and `expires_at` comes with its last part, often
  /// in place of a `finish_reason`. True when that is there.
  @inline(never)
  private mutating func takeAudio(_ cursor: inout JSONCursor) throws(JSONScanError) -> Bool {
    var hasEnded = false
    guard cursor.byte == UInt8(ascii: "{") else {
      try takeOther(&cursor)
      return false
    }
    try cursor.forEachMember { (cursor, member) throws(JSONScanError) in
      if member.key.matches("expires_at") {
        hasEnded = cursor.isAtNumber
        try cursor.skipValue()
      } else if member.key.matches("id") {
        try cursor.skipValue()
      } else {
        try takeOther(&cursor)
      }
    }
    return hasEnded
  }
}
