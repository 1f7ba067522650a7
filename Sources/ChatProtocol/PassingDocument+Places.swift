/// Where in an answer its texts stand: the forms that `ChunkScanner` and `EventScanner` read.
extension PassingDocument {
  /// What an open container is.
  enum Role: UInt8 {
    case ignored, topList, top, error, usage, data
    case choices, choice, message, parts, part, thoughts, thought, details, detail, calls, call, function
    case blocks, block, nestedBlocks, nestedBlock, raw
    case candidates, candidate, content, contentParts, contentPart, functionCall

    /// What the elements of a list are.
    var element: Slot {
      switch self {
      case .topList: .top
      case .data: .dataElement
      case .choices: .choice
      case .parts: .part
      case .thoughts: .thought
      case .details: .detail
      case .calls: .call
      case .blocks: .block
      case .nestedBlocks: .nestedBlock
      case .candidates: .candidate
      case .contentParts: .contentPart
      default: .ignored
      }
    }

    /// Whether keys say anything here.
    var hasMembers: Bool {
      switch self {
      case .top, .error, .choice, .message, .part, .thought, .detail, .call, .function, .block, .nestedBlock,
        .candidate,
        .content, .contentPart, .functionCall:
        true
      default: false
      }
    }
  }

  /// What a value is, by its key and by what it stands in.
  enum Slot: UInt8 {
    case ignored, top, usage, geminiUsage, error, data, dataElement, contentList, outputList
    case choices, choice, message, messageContent, part, partThinking, thought, details, detail, calls, call, function
    case block, nestedBlocks, nestedBlock, object
    case candidates, candidate, content, contentParts, contentPart, contentText, thoughtMark, functionCall
    case finishReason, answerText, reasoningText, plainReasoning, listedReasoning, refusal, toolName, toolArguments
  }

  /// What an object in this place is.
  mutating func enter(object slot: Slot) -> Role {
    switch slot {
    case .top: return .top
    case .error: return .error
    case .usage, .geminiUsage:
      isGeminiUsage = slot == .geminiUsage
      return .usage
    case .choice: return .choice
    case .message:
      reasoning = .none
      return .message
    case .part: return .part
    case .thought: return .thought
    case .detail: return .detail
    case .call: return .call
    case .function: return .function
    case .block: return .block
    case .nestedBlock: return .nestedBlock
    case .object: return .raw
    case .candidate: return .candidate
    case .content: return .content
    case .contentPart:
      isThought = false
      return .contentPart
    case .functionCall: return .functionCall
    default: return .ignored
    }
  }

  /// What a list in this place is.
  mutating func enter(list slot: Slot) -> Role {
    switch slot {
    case .top where open.count == 0: return .topList
    case .data:
      hasData = true
      return .data
    case .choices: return .choices
    case .contentList:
      hasContent = true
      return .blocks
    case .outputList:
      hasOutput = true
      return .blocks
    case .messageContent: return .parts
    case .partThinking: return .thoughts
    case .details:
      if reasoning == .none { reasoning = .inList }
      return .details
    case .calls:
      callsCount = 0
      return .calls
    case .nestedBlocks: return .nestedBlocks
    case .candidates: return .candidates
    case .contentParts: return .contentParts
    default: return .ignored
    }
  }

  /// The text a string in this place belongs to; nil for one that is none.
  func textChannel(_ slot: Slot) -> TextChannel? {
    switch slot {
    case .messageContent, .answerText: return .content
    case .contentText: return isThought ? .reasoning : .content
    case .reasoningText, .partThinking: return .reasoning
    case .plainReasoning: return reasoning == .none ? .reasoning : nil
    case .listedReasoning: return reasoning == .inList || reasoning == .inTakenList ? .reasoning : nil
    case .refusal: return .refusal
    case .toolName: return .toolName
    case .toolArguments, .object: return .toolArguments
    default: return nil
    }
  }

  /// What the value of this key is.
  func slot(_ key: JSONKey) -> Slot {
    switch role {
    case .top: topSlot(key)
    case .choice, .message: choiceSlot(key)
    case .part, .thought, .detail: partSlot(key)
    case .call: key.matches("function") || key.matches("custom") ? .function : .ignored
    case .function:
      key.matches("name")
        ? .toolName : key.matches("arguments") || key.matches("input") ? .toolArguments : .ignored
    case .block, .nestedBlock: blockSlot(key)
    case .candidate, .content, .contentPart, .functionCall: candidateSlot(key)
    default: .ignored
    }
  }

  private func topSlot(_ key: JSONKey) -> Slot {
    if key.matches("choices") { return .choices }
    if key.matches("content") { return .contentList }
    if key.matches("output") { return .outputList }
    if key.matches("candidates") { return .candidates }
    if key.matches("data") { return .data }
    if key.matches("error") { return .error }
    // Cohere's older form has its counts in `meta`.
    if key.matches("usage") || key.matches("meta") { return .usage }
    if key.matches("usageMetadata") { return .geminiUsage }
    return .ignored
  }

  private func choiceSlot(_ key: JSONKey) -> Slot {
    if role == .choice {
      if key.matches("message") || key.matches("delta") { return .message }
      if key.matches("text") { return .answerText }
      return key.matches("finish_reason") ? .finishReason : .ignored
    }
    if key.matches("content") { return .messageContent }
    if key.matches("reasoning_content") || key.matches("reasoning") || key.matches("reasoning_text") {
      return .plainReasoning
    }
    if key.matches("reasoning_details") || key.matches("thinking_blocks") { return .details }
    if key.matches("tool_calls") { return .calls }
    if key.matches("function_call") { return .function }
    return key.matches("refusal") ? .refusal : .ignored
  }

  private func partSlot(_ key: JSONKey) -> Slot {
    if role == .detail {
      return key.matches("text") || key.matches("summary") || key.matches("thinking") ? .listedReasoning : .ignored
    }
    if key.matches("text") { return role == .part ? .answerText : .reasoningText }
    if key.matches("refusal") { return .refusal }
    return key.matches("thinking") && role == .part ? .partThinking : .ignored
  }

  private func blockSlot(_ key: JSONKey) -> Slot {
    if key.matches("text") { return .answerText }
    if key.matches("thinking") { return .reasoningText }
    if key.matches("refusal") { return .refusal }
    if key.matches("name") { return .toolName }
    if key.matches("arguments") { return .toolArguments }
    if key.matches("input") { return .object }
    return (key.matches("content") || key.matches("summary")) && role == .block ? .nestedBlocks : .ignored
  }

  private func candidateSlot(_ key: JSONKey) -> Slot {
    switch role {
    case .candidate: key.matches("content") ? .content : key.matches("finishReason") ? .finishReason : .ignored
    case .content: key.matches("parts") ? .contentParts : .ignored
    case .functionCall: key.matches("name") ? .toolName : key.matches("args") ? .object : .ignored
    default:
      key.matches("text")
        ? .contentText
        : key.matches("thought") ? .thoughtMark : key.matches("functionCall") ? .functionCall : .ignored
    }
  }
}
