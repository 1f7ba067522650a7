/// The choices of a chunk, or of a whole answer: what each of them says, and in which channel.
extension ChunkScanner {
  @inline(__always)
  mutating func takeChoices(_ cursor: inout JSONCursor) throws(JSONScanError) {
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
    let firstText = fields.texts.count
    try cursor.forEachMember { (cursor, member) throws(JSONScanError) in
      let key = member.key
      switch key.count {
      case 5 where key.matches("delta"): try takeDelta(&cursor, &isFinished)
      case 5 where key.matches("index"): index = try cursor.integerOrSkip() ?? index
      case 13 where key.matches("finish_reason"):
        guard let reason = try cursor.finishReasonOrSkip() else { return }
        if fields.finishReason == nil { fields.finishReason = reason }
        isFinished = true
      case 8 where key.matches("logprobs"):
        if cursor.byte != UInt8(ascii: "n") { fields.hasLogprobs = true }
        try cursor.skipValue()
      case 7 where key.matches("message"): try takeDelta(&cursor, &isFinished)
      case 4 where key.matches("text"): try takeText(&cursor, .content)
      default: try cursor.skipValue()
      }
    }
    // `index` may stand behind the texts.
    if index != 0, fields.texts.count > firstText {
      fields.texts.update(from: firstText) { $0.choice = Int32(truncatingIfNeeded: index) }
    }
    guard isFinished else { return }
    fields.finishedCount &+= 1
    fields.finishedChoices.insert(index)
  }

  // MARK: Texts

  @inline(__always)
  mutating func takeContent(_ cursor: inout JSONCursor) throws(JSONScanError) {
    guard cursor.byte == UInt8(ascii: "[") else { return try takeText(&cursor, .content) }
    try takeParts(&cursor, .content)
  }

  /// A list of parts in place of a text: `{"type":"text","text":…}`; Mistral's `{"type":"thinking","thinking":[…]}`.
  private mutating func takeParts(_ cursor: inout JSONCursor, _ channel: TextChannel) throws(JSONScanError) {
    try cursor.forEachElement { (cursor) throws(JSONScanError) in
      fields.note(channel)
      guard cursor.byte == UInt8(ascii: "{") else { return try cursor.skipValue() }
      try cursor.forEachMember { (cursor, member) throws(JSONScanError) in
        if member.key.matches("text") {
          try takeText(&cursor, channel)
        } else if member.key.matches("refusal") {
          try takeText(&cursor, .refusal)
        } else if member.key.matches("thinking"), channel == .content {
          // One level deep, as it is documented: a part of a part is not followed further.
          if cursor.byte == UInt8(ascii: "[") {
            try takeParts(&cursor, .reasoning)
          } else {
            try takeText(&cursor, .reasoning)
          }
        } else {
          try cursor.skipValue()
        }
      }
    }
  }

  /// Notes the string at the cursor; anything else is skipped.
  @inline(__always)
  mutating func takeText(
    _ cursor: inout JSONCursor, _ channel: TextChannel, part: Int = 0
  ) throws(JSONScanError) {
    guard cursor.byte == UInt8(ascii: "\"") else { return try cursor.skipValue() }
    let start = cursor.position
    let text: JSONStringRange
    do throws(JSONScanError) {
      text = try cursor.readStringRange()
    } catch {
      // The document breaks off inside the text. What of it has come was delivered, and counts.
      if error.reason == .truncated, cursor.end > start &+ 1 {
        let rest = JSONStringRange(range: start..<cursor.end &+ 1, hasEscapes: true)
        fields.append(rest, channel, choice: fields.choicesCount, part: part)
      }
      throw error
    }
    guard !text.isEmpty else { return }
    fields.append(text, channel, choice: fields.choicesCount, part: part)
  }

  // MARK: Tool calls

  mutating func takeToolCalls(_ cursor: inout JSONCursor) throws(JSONScanError) {
    guard cursor.byte == UInt8(ascii: "[") else { return try cursor.skipValue() }
    var position = 0
    try cursor.forEachElement { (cursor) throws(JSONScanError) in
      fields.hasToolCalls = true
      var index = position
      position &+= 1
      guard cursor.byte == UInt8(ascii: "{") else { return try cursor.skipValue() }
      let firstText = fields.texts.count
      try cursor.forEachMember { (cursor, member) throws(JSONScanError) in
        if member.key.matches("function") || member.key.matches("custom") {
          try takeFunction(&cursor)
        } else if member.key.matches("index") {
          index = try cursor.integerOrSkip() ?? index
        } else {
          try cursor.skipValue()
        }
      }
      if index != 0, fields.texts.count > firstText {
        fields.texts.update(from: firstText) { $0.part = Int32(truncatingIfNeeded: index) }
      }
    }
  }

  /// `{"name":…,"arguments":…}`, and `input` for tools with free text.
  mutating func takeFunction(_ cursor: inout JSONCursor) throws(JSONScanError) {
    guard cursor.byte == UInt8(ascii: "{") else { return try cursor.skipValue() }
    var isEmpty = true
    try cursor.forEachMember { (cursor, member) throws(JSONScanError) in
      isEmpty = false
      if member.key.matches("name") {
        try takeText(&cursor, .toolName)
      } else if member.key.matches("arguments") || member.key.matches("input") {
        try takeText(&cursor, .toolArguments)
      } else {
        try cursor.skipValue()
      }
    }
    if !isEmpty { fields.hasToolCalls = true }
  }
}
