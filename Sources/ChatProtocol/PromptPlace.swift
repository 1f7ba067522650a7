/// What a value in a prompt is for.
enum PromptSlot: UInt8 {
  case ignored
  // Messages.
  case messages, message, system, systemRole, input, userRole, role, name, type
  case content, part, text, reasoning, reasoningContent
  case image, detail, audio, file, source, sourceType, sourceData
  // Tool calls.
  case calls, call, functionCall, function, toolName, arguments
  // Prompts without messages.
  case prompt, promptElement, tokens, token
  // Tools.
  case tools, tool, toolObject, signature, signatureDescription
  case schema, properties, property, propertyType, propertyDescription, enumeration, enumerationValue, schemas
  // The shape of the answer.
  case format, schemaDocument
}

/// The containers of a prompt: what stands in them is told by their keys, or alike for all elements.
enum PromptPlace: UInt8 {
  // Objects.
  case message, part, image, source, call, function, tool, schema, properties, property, format
  // Arrays.
  case messages, parts, calls, prompts, tokens, tools, schemas, types, enumeration

  @inline(__always)
  var isObject: Bool { rawValue < PromptPlace.messages.rawValue }

  /// What is told of such a container when it is not empty.
  @inline(__always)
  var mark: PromptPiece.Kind? {
    switch self {
    case .message: .message
    case .tools: .tools
    case .properties: .properties
    case .enumeration: .enumeration
    default: nil
    }
  }

  @inline(__always)
  var elementSlot: PromptSlot {
    switch self {
    case .messages: .message
    case .parts: .part
    case .calls: .call
    case .prompts: .promptElement
    case .tokens: .token
    case .tools: .tool
    case .schemas: .property
    case .types: .propertyType
    case .enumeration: .enumerationValue
    default: .ignored
    }
  }

  /// What the value of this key is for.
  @inline(__always)
  func slot(of key: JSONKey) -> PromptSlot {
    switch self {
    case .message: Self.messageSlot(key)
    case .part: Self.partSlot(key)
    case .image: key.matches("detail") ? .detail : .ignored
    case .source:
      key.matches("type")
        ? .sourceType : key.matches("data") ? .sourceData : key.matches("content") ? .content : .ignored
    case .call:
      key.matches("function") || key.matches("custom") ? .function : Self.functionSlot(key)
    case .function: Self.functionSlot(key)
    case .tool: Self.toolSlot(key)
    case .schema: Self.schemaSlot(key)
    case .property: Self.propertySlot(key)
    case .format: key.matches("json_schema") ? .format : key.matches("schema") ? .schemaDocument : .ignored
    default: .ignored
    }
  }

  /// Messages of chats, and the items of `/v1/responses`.
  @inline(__always)
  private static func messageSlot(_ key: JSONKey) -> PromptSlot {
    switch key.count {
    case 4: key.matches("role") ? .role : key.matches("name") ? .name : key.matches("type") ? .type : .ignored
    case 5: key.matches("input") ? .arguments : .ignored
    case 6: key.matches("output") ? .content : .ignored
    case 7:
      key.matches("content")
        ? .content : key.matches("refusal") ? .text : key.matches("summary") ? .reasoningContent : .ignored
    case 9: key.matches("arguments") ? .arguments : key.matches("reasoning") ? .reasoning : .ignored
    case 10: key.matches("tool_calls") ? .calls : .ignored
    case 13: key.matches("function_call") ? .functionCall : .ignored
    case 17: key.matches("reasoning_content") ? .reasoning : .ignored
    default: .ignored
    }
  }

  /// Parts of a content: OpenAI's of both endpoints, and Anthropic's blocks.
  @inline(__always)
  private static func partSlot(_ key: JSONKey) -> PromptSlot {
    switch key.count {
    case 4:
      key.matches("text")
        ? .text : key.matches("type") ? .type : key.matches("name") ? .toolName : key.matches("file") ? .file : .ignored
    case 5:
      key.matches("input")
        ? .arguments
        : key.matches("title")
          ? .text
          : key.matches("image") ? .image : key.matches("audio") ? .audio : key.matches("video") ? .file : .ignored
    case 6: key.matches("source") ? .source : key.matches("detail") ? .detail : .ignored
    case 7:
      key.matches("content") ? .content : key.matches("refusal") || key.matches("context") ? .text : .ignored
    case 8: key.matches("thinking") ? .reasoning : .ignored
    case 9:
      key.matches("image_url")
        ? .image : key.matches("audio_url") ? .audio : key.matches("video_url") ? .file : .ignored
    case 11: key.matches("input_audio") ? .audio : .ignored
    default: .ignored
    }
  }

  @inline(__always)
  private static func functionSlot(_ key: JSONKey) -> PromptSlot {
    key.matches("name")
      ? .toolName : key.matches("arguments") || key.matches("input") ? .arguments : .ignored
  }

  private static func toolSlot(_ key: JSONKey) -> PromptSlot {
    switch key.count {
    case 4: key.matches("name") ? .signature : .ignored
    case 8: key.matches("function") ? .toolObject : .ignored
    case 10: key.matches("parameters") ? .schema : .ignored
    case 11: key.matches("description") ? .signatureDescription : .ignored
    case 12: key.matches("input_schema") ? .schema : .ignored
    default: .ignored
    }
  }

  /// Where further properties may stand (JSON Schema).
  private static func schemaSlot(_ key: JSONKey) -> PromptSlot {
    switch key.count {
    case 5:
      key.matches("items")
        ? .property
        : key.matches("$defs")
          ? .properties
          : key.matches("anyOf") || key.matches("oneOf") || key.matches("allOf") ? .schemas : .ignored
    case 10: key.matches("properties") ? .properties : .ignored
    case 11: key.matches("definitions") ? .properties : .ignored
    default: .ignored
    }
  }

  private static func propertySlot(_ key: JSONKey) -> PromptSlot {
    if key.matches("type") { return .propertyType }
    if key.matches("enum") { return .enumeration }
    if key.matches("description") { return .propertyDescription }
    return schemaSlot(key)
  }
}
