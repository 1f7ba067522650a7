/// What to do with a value, by what it is for and what it is.
extension PromptScanner {
  @inline(__always)
  mutating func beginValue(_ base: UnsafeRawPointer, _ limit: Int) -> PromptPiece? {
    skipWhitespace(base)
    guard position < end else {
      abandon()
      return nil
    }
    switch Self.load(base, position) {
    case UInt8(ascii: "\""): return beginString(base)
    case UInt8(ascii: "{"): return beginObject()
    case UInt8(ascii: "["): return beginArray()
    case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"):
      if slot == .token || slot == .promptElement { return readTokens(base, limit) }
      skipScalar(base)
    default: skipScalar(base)
    }
    return nil
  }

  private var top: Int { max(0, depth &- 1) }

  // MARK: Strings

  @inline(__always)
  private mutating func beginString(_ base: UnsafeRawPointer) -> PromptPiece? {
    switch slot {
    case .content, .part, .text, .message:
      beginText(depth > 0 && frames[top].marks.contains(.reasoning) ? .reasoning : .text, behindQuote: false)
    case .role: return readRole(base)
    case .type: if let word = readWord(base) { frames[top].marks.take(type: word) }
    case .reasoning, .reasoningContent: beginText(.reasoning, behindQuote: false)
    case .name: beginText(.name, behindQuote: false)
    case .toolName: beginText(.toolName, behindQuote: false)
    case .arguments: beginText(.toolArguments, behindQuote: false)
    case .detail: if let word = readWord(base), word.matches("low") { markLow() }
    case .image: skipMedia(.imageMember)
    case .audio: skipMedia(.audioMember)
    case .file: skipMedia(.fileMember)
    case .sourceType:
      if let word = readWord(base) {
        frames[top].marks.insert(.typed)
        if word.matches("text") || word.matches("content") { frames[top].marks.insert(.plain) }
      }
    case .sourceData: beginSourceData()
    case .prompt, .promptElement:
      slot = .text
      return PromptPiece(.prompt)
    case .system: return beginMessage(.systemRole)
    case .input: return beginMessage(.userRole)
    case .systemRole: return tell(.system)
    case .userRole: return tell(.user)
    case .signature: beginText(.signature, behindQuote: false)
    case .signatureDescription: beginText(.signatureDescription, behindQuote: false)
    case .propertyType: beginText(.propertyType, behindQuote: false)
    case .propertyDescription: beginText(.propertyDescription, behindQuote: false)
    case .enumerationValue: beginText(.enumerationValue, behindQuote: false)
    default: beginSkip()
    }
    return nil
  }

  /// A message that is a member of the request: its mark, then its role, then its content.
  private mutating func beginMessage(_ role: PromptSlot) -> PromptPiece {
    slot = role
    return PromptPiece(.message)
  }

  private mutating func tell(_ role: PromptRole) -> PromptPiece {
    slot = .content
    var piece = PromptPiece(.role)
    piece.role = role
    return piece
  }

  private mutating func readRole(_ base: UnsafeRawPointer) -> PromptPiece? {
    let start = position
    guard let word = readWord(base) else { return nil }
    var piece = PromptPiece(.role)
    if word.matches("user") {
      piece.role = .user
    } else if word.matches("assistant") {
      piece.role = .assistant
    } else if word.matches("system") || word.matches("developer") {
      piece.role = .system
    } else if word.matches("tool") || word.matches("function") {
      piece.role = .tool
    } else {
      position = start
      beginText(.text, behindQuote: false)
      return nil
    }
    return piece
  }

  /// The detail of an image stands in the part, or one object deeper.
  private mutating func markLow() {
    frames[top].marks.insert(.low)
    if depth > 1, frames[top].place == .image { frames[depth &- 2].marks.insert(.low) }
  }

  private mutating func skipMedia(_ member: PartMarks) {
    if depth > 0 { frames[top].marks.insert(member) }
    beginSkip()
  }

  /// Data of a source are text or base64: where the type comes only behind them, their place is kept.
  private mutating func beginSourceData() {
    if frames[top].marks.contains(.plain) { return beginText(.text, behindQuote: false) }
    if !frames[top].marks.contains(.typed), heldStart == 0 {
      heldStart = position &+ 1
      heldDepth = top
    }
    beginSkip()
  }

  // MARK: Objects

  @inline(__always)
  private mutating func beginObject() -> PromptPiece? {
    switch slot {
    case .message: push(.message)
    case .content, .part: push(.part, isReasoning: depth > 0 && frames[top].marks.contains(.reasoning))
    case .reasoningContent: push(.part, isReasoning: true)
    case .image:
      if depth > 0 { frames[top].marks.insert(.imageMember) }
      push(.image)
    case .audio: skipMedia(.audioMember)
    case .file: skipMedia(.fileMember)
    case .source: push(.source)
    case .call:
      slot = .function
      push(.call)
      return PromptPiece(.toolCall)
    case .functionCall:
      slot = .function
      return PromptPiece(.toolCall)
    case .function: push(.function)
    case .arguments: beginDocument(.argumentsDocument)
    case .prompt, .promptElement:
      slot = .part
      return PromptPiece(.prompt)
    case .tool:
      slot = .toolObject
      return PromptPiece(.tool)
    case .toolObject: if tools == .documents { beginDocument(.toolDocument) } else { push(.tool) }
    case .schema: push(.schema)
    case .properties: push(.properties)
    case .property: push(.property)
    case .format: push(.format)
    case .schemaDocument: beginDocument(.schemaDocument)
    case .system: return beginMessage(.systemRole)
    case .systemRole: return tell(.system)
    default: beginSkip()
    }
    return nil
  }

  // MARK: Arrays

  @inline(__always)
  private mutating func beginArray() -> PromptPiece? {
    switch slot {
    case .messages, .input: push(.messages)
    case .content: push(.parts, isReasoning: depth > 0 && frames[top].marks.contains(.reasoning))
    case .reasoningContent: push(.parts, isReasoning: true)
    case .calls: push(.calls)
    case .arguments: beginDocument(.argumentsDocument)
    case .prompt: push(.prompts)
    case .promptElement:
      slot = .tokens
      return PromptPiece(.prompt)
    case .tokens: push(.tokens)
    case .tools: push(.tools)
    case .schemas: push(.schemas)
    case .propertyType: push(.types)
    case .enumeration: push(.enumeration)
    case .schemaDocument: beginDocument(.schemaDocument)
    case .system: return beginMessage(.systemRole)
    case .systemRole: return tell(.system)
    default: beginSkip()
    }
    return nil
  }

  // MARK: Numbers

  /// Counts the numbers from the position on, as far as the limit.
  private mutating func readTokens(_ base: UnsafeRawPointer, _ limit: Int) -> PromptPiece? {
    if slot == .promptElement, !frames[top].marks.contains(.begun) {
      frames[top].marks.insert(.begun)
      return PromptPiece(.prompt)
    }
    var piece = PromptPiece(.tokens)
    while true {
      skipScalar(base)
      piece.count &+= 1
      guard position < limit else { return piece }
      let stop = position
      skipWhitespace(base)
      guard position < end, Self.load(base, position) == UInt8(ascii: ",") else { return piece }
      position &+= 1
      skipWhitespace(base)
      guard position < end, Self.isNumberStart(Self.load(base, position)) else {
        position = stop
        return piece
      }
    }
  }

  private static func isNumberStart(_ byte: UInt8) -> Bool {
    byte &- UInt8(ascii: "0") < 10 || byte == UInt8(ascii: "-")
  }
}
