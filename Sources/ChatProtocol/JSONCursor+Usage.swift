/// Token counts as the providers write them.
extension JSONCursor {
  /// Reads a `usage` of the OpenAI, DeepSeek, Anthropic or Responses form; nil when there are no counts in it.
  ///
  /// Zeros are as good as absent: some servers send them with every chunk until they know better. Anthropic's `input_tokens` leaves out what
  /// was read from the cache or written to it, everybody else's includes it; here it is always included.
  mutating func readUsage() throws(JSONScanError) -> TokenUsage? {
    guard byte == UInt8(ascii: "{") else {
      try skipValue()
      return nil
    }
    var usage = TokenUsage()
    var besideInput = 0
    try forEachMember { (cursor, member) throws(JSONScanError) in
      let key = member.key
      if key.matches("prompt_tokens") || key.matches("input_tokens") {
        usage.promptTokens = try cursor.tokenCountOrSkip() ?? usage.promptTokens
      } else if key.matches("completion_tokens") || key.matches("output_tokens") {
        usage.completionTokens = try cursor.tokenCountOrSkip() ?? usage.completionTokens
      } else if key.matches("billed_units") || key.matches("tokens") {
        // Cohere's own form has its counts one level deeper, what is billed and what was read apart.
        if let inner = try cursor.readUsage() { usage.merge(inner) }
      } else if key.matches("total_tokens") {
        usage.reportedTotalTokens = try cursor.tokenCountOrSkip()
      } else if key.matches("prompt_cache_hit_tokens") {
        usage.cachedTokens = try cursor.tokenCountOrSkip() ?? usage.cachedTokens
      } else if key.matches("cache_read_input_tokens") {
        usage.cachedTokens = try cursor.tokenCountOrSkip() ?? usage.cachedTokens
        besideInput &+= usage.cachedTokens ?? 0
      } else if key.matches("cache_creation_input_tokens") {
        usage.cacheWriteTokens = try cursor.tokenCountOrSkip()
        besideInput &+= usage.cacheWriteTokens ?? 0
      } else if key.matches("prompt_tokens_details") || key.matches("input_tokens_details") {
        try cursor.readPromptDetails(&usage)
      } else if key.matches("completion_tokens_details") || key.matches("output_tokens_details") {
        try cursor.readCompletionDetails(&usage)
      } else {
        try cursor.skipValue()
      }
    }
    if let input = usage.promptTokens { usage.promptTokens = min(input &+ besideInput, TokenUsage.tokensMax) }
    usage.dropZeros()
    return usage.hasCounts ? usage : nil
  }

  private mutating func readPromptDetails(_ usage: inout TokenUsage) throws(JSONScanError) {
    guard byte == UInt8(ascii: "{") else { return try skipValue() }
    try forEachMember { (cursor, member) throws(JSONScanError) in
      if member.key.matches("cached_tokens") {
        usage.cachedTokens = try cursor.tokenCountOrSkip() ?? usage.cachedTokens
      } else if member.key.matches("cache_write_tokens") || member.key.matches("cache_creation_tokens") {
        usage.cacheWriteTokens = try cursor.tokenCountOrSkip() ?? usage.cacheWriteTokens
      } else if member.key.matches("audio_tokens") {
        usage.promptAudioTokens = try cursor.tokenCountOrSkip()
      } else {
        try cursor.skipValue()
      }
    }
  }

  private mutating func readCompletionDetails(_ usage: inout TokenUsage) throws(JSONScanError) {
    guard byte == UInt8(ascii: "{") else { return try skipValue() }
    try forEachMember { (cursor, member) throws(JSONScanError) in
      if member.key.matches("reasoning_tokens") {
        usage.reasoningTokens = try cursor.tokenCountOrSkip() ?? usage.reasoningTokens
      } else if member.key.matches("audio_tokens") {
        usage.completionAudioTokens = try cursor.tokenCountOrSkip()
      } else if member.key.matches("rejected_prediction_tokens") {
        usage.rejectedPredictionTokens = try cursor.tokenCountOrSkip()
      } else {
        try cursor.skipValue()
      }
    }
  }

  /// Reads Gemini's `usageMetadata`. Its answer (`candidatesTokenCount`) leaves out the thoughts, its prompt the results of tools that it
  /// ran; both are billed and included here.
  mutating func readGeminiUsage() throws(JSONScanError) -> TokenUsage? {
    guard byte == UInt8(ascii: "{") else {
      try skipValue()
      return nil
    }
    var usage = TokenUsage()
    var prompt: Int?
    var tools = 0
    var candidates: Int?
    try forEachMember { (cursor, member) throws(JSONScanError) in
      let key = member.key
      if key.matches("promptTokenCount") {
        prompt = try cursor.tokenCountOrSkip()
      } else if key.matches("toolUsePromptTokenCount") {
        tools = try cursor.tokenCountOrSkip() ?? 0
      } else if key.matches("candidatesTokenCount") || key.matches("responseTokenCount") {
        candidates = try cursor.tokenCountOrSkip()
      } else if key.matches("thoughtsTokenCount") {
        usage.reasoningTokens = try cursor.tokenCountOrSkip()
      } else if key.matches("cachedContentTokenCount") {
        usage.cachedTokens = try cursor.tokenCountOrSkip()
      } else if key.matches("totalTokenCount") {
        usage.reportedTotalTokens = try cursor.tokenCountOrSkip()
      } else {
        try cursor.skipValue()
      }
    }
    usage.promptTokens = prompt.map { min($0 &+ tools, TokenUsage.tokensMax) }
    if candidates != nil || usage.reasoningTokens != nil {
      usage.completionTokens = min((candidates ?? 0) &+ (usage.reasoningTokens ?? 0), TokenUsage.tokensMax)
    }
    usage.dropZeros()
    return usage.hasCounts ? usage : nil
  }

  /// Reads a whole number; anything else is skipped.
  mutating func integerOrSkip() throws(JSONScanError) -> Int? {
    if let value = readPlainInteger() { return value }
    return try otherIntegerOrSkip()
  }

  /// Moves past a whole number as nearly everybody writes one, in digits alone; nil, and nothing moves, where anything else stands, or where a number
  /// may go on behind the end.
  @inline(__always)
  private mutating func readPlainInteger() -> Int? {
    var at = position
    var value = 0
    while at < end {
      let byte = base.load(fromByteOffset: at, as: UInt8.self)
      let digit = byte &- UInt8(ascii: "0")
      guard digit < 10 else {
        let size = at &- position
        // No overflow, no leading zero, no digits behind a point, no exponent.
        guard size > 0, size <= 18, size == 1 || self.byte != UInt8(ascii: "0"), byte != UInt8(ascii: "."),
          byte | 0x20 != UInt8(ascii: "e")
        else { return nil }
        position = at
        return value
      }
      value = value &* 10 &+ Int(digit)
      at &+= 1
    }
    return nil
  }

  @inline(never)
  private mutating func otherIntegerOrSkip() throws(JSONScanError) -> Int? {
    let start = position
    let isNumber = isAtNumber
    try skipValue()
    return isNumber ? integer(at: start..<position) : nil
  }

  /// Reads a length of time in seconds, rounded up; what cannot be one is skipped.
  mutating func secondsOrSkip() throws(JSONScanError) -> Int? {
    let start = position
    let isNumber = isAtNumber
    try skipValue()
    guard isNumber, position - start <= 32 else { return nil }
    let text = UnsafeRawBufferPointer(start: base + start, count: position - start)
    guard let value = Double(String(decoding: text, as: UTF8.self)), value >= 0, value <= 1e6 else { return nil }
    return Int(value.rounded(.up))
  }

  /// Reads a count of tokens; what cannot be one is skipped.
  mutating func tokenCountOrSkip() throws(JSONScanError) -> Int? {
    guard let value = try integerOrSkip(), value >= 0, value <= TokenUsage.tokensMax else { return nil }
    return value
  }

  /// Reads a string; anything else is skipped.
  @inline(__always)
  mutating func stringRangeOrSkip() throws(JSONScanError) -> JSONStringRange? {
    guard byte == UInt8(ascii: "\"") else {
      try skipValue()
      return nil
    }
    return try readStringRange()
  }
}

extension TokenUsage {
  /// Where only the sum is told (rerank, some embeddings), it is the prompt's.
  public var withTotalAsPrompt: TokenUsage {
    guard promptTokens == nil, completionTokens == nil else { return self }
    var usage = self
    usage.promptTokens = reportedTotalTokens
    return usage
  }

  fileprivate mutating func dropZeros() {
    if promptTokens == 0 { promptTokens = nil }
    if completionTokens == 0 { completionTokens = nil }
    if reportedTotalTokens == 0 { reportedTotalTokens = nil }
  }
}
