/// Gemini's own form of an answer: `candidates[].content.parts[]`.
extension EventScanner {
  mutating func takeCandidates(_ cursor: inout JSONCursor) throws(JSONScanError) {
    guard cursor.byte == UInt8(ascii: "[") else { return try cursor.skipValue() }
    hasKnownForm = true
    var position = 0
    try cursor.forEachElement { (cursor) throws(JSONScanError) in
      guard cursor.byte == UInt8(ascii: "{") else { return try cursor.skipValue() }
      let firstText = chunk.fields.texts.count
      var index = position
      var isFinished = false
      position &+= 1
      try cursor.forEachMember { (cursor, member) throws(JSONScanError) in
        if member.key.matches("content") {
          try takeContent(&cursor)
        } else if member.key.matches("index") {
          index = try cursor.integerOrSkip() ?? index
        } else if member.key.matches("finishReason") {
          guard let reason = try cursor.finishReasonOrSkip() else { return }
          if chunk.fields.finishReason == nil { chunk.fields.finishReason = reason }
          isFinished = true
        } else {
          try cursor.skipValue()
        }
      }
      if isFinished {
        chunk.fields.finishedCount &+= 1
        chunk.fields.finishedChoices.insert(index)
      }
      guard index != 0, chunk.fields.texts.count > firstText else { return }
      chunk.fields.texts.update(from: firstText) { $0.choice = Int32(truncatingIfNeeded: index) }
    }
  }

  /// `promptFeedback`: a prompt that was blocked gets no candidates, and nothing else follows.
  mutating func takePromptFeedback(_ cursor: inout JSONCursor) throws(JSONScanError) {
    guard cursor.byte == UInt8(ascii: "{") else { return try cursor.skipValue() }
    hasKnownForm = true
    try cursor.forEachMember { (cursor, member) throws(JSONScanError) in
      guard member.key.matches("blockReason"), cursor.byte == UInt8(ascii: "\"") else { return try cursor.skipValue() }
      try cursor.skipValue()
      finish()
    }
  }

  private mutating func takeContent(_ cursor: inout JSONCursor) throws(JSONScanError) {
    guard cursor.byte == UInt8(ascii: "{") else { return try cursor.skipValue() }
    try cursor.forEachMember { (cursor, member) throws(JSONScanError) in
      guard member.key.matches("parts"), cursor.byte == UInt8(ascii: "[") else { return try cursor.skipValue() }
      try cursor.forEachElement { (cursor) throws(JSONScanError) in try takePart(&cursor) }
    }
  }

  /// A part: a text, which is a thought when `thought` says so, before it or behind it; a call; or a picture, code, a signature.
  private mutating func takePart(_ cursor: inout JSONCursor) throws(JSONScanError) {
    guard cursor.byte == UInt8(ascii: "{") else { return try cursor.skipValue() }
    var text: JSONStringRange?
    var isThought = false
    try cursor.forEachMember { (cursor, member) throws(JSONScanError) in
      if member.key.matches("text") {
        text = try cursor.stringRangeOrSkip()
      } else if member.key.matches("thought") {
        isThought = cursor.byte == UInt8(ascii: "t")
        try cursor.skipValue()
      } else if member.key.matches("functionCall") {
        try takeCall(&cursor)
      } else {
        try chunk.takeOther(&cursor)
      }
    }
    guard let text, !text.isEmpty else { return }
    chunk.fields.append(text, isThought ? .reasoning : .content, choice: 0, part: 0)
  }

  private mutating func takeCall(_ cursor: inout JSONCursor) throws(JSONScanError) {
    guard cursor.byte == UInt8(ascii: "{") else { return try cursor.skipValue() }
    try cursor.forEachMember { (cursor, member) throws(JSONScanError) in
      if member.key.matches("name") {
        try chunk.takeText(&cursor, .toolName)
      } else if member.key.matches("args") {
        try takeObject(&cursor)
      } else {
        try cursor.skipValue()
      }
    }
  }
}
