internal import ChatProtocol
internal import HTTPWire
internal import TokenAccounting

/// What all chunks of one answer have in common, kept so that the gateway can add one of its own that looks like them.
struct AnswerIdentity {
  /// `id` and `model` as they stand in the chunks, quotes included.
  let id: [UInt8]
  let model: [UInt8]
  let created: Int

  init(_ fields: ChunkFields, in data: RawSpan) {
    func copy(_ text: JSONStringRange?) -> [UInt8] {
      guard let text else { return Array("\"\"".utf8) }
      return data.extracting(text.range).withUnsafeBytes { Array($0) }
    }
    id = copy(fields.id)
    model = copy(fields.model)
    created = fields.created ?? 0
  }
}

/// The events that the gateway adds at the end of a chunk stream whose upstream forgot them, or could not send them any more.
enum ClosingEvents {
  /// `[DONE]`.
  static let done: StaticString = "data: [DONE]\n\n"

  /// A chunk that tells usage as it was counted here, and says so in its extras.
  static func usage(_ tokens: TokenRecord, of identity: AnswerIdentity, on surface: Surface) -> [UInt8] {
    let prompt = tokens.prompt?.tokens ?? 0
    let completion = tokens.completion?.tokens ?? 0
    let object = surface == .chatCompletions ? "chat.completion.chunk" : "text_completion"
    var event = Array(#"data: {"id":"#.utf8) + identity.id
    event += Array(#","object":"\#(object)","created":\#(identity.created),"model":"#.utf8) + identity.model
    event += Array(#","choices":[],"usage":{"prompt_tokens":\#(prompt),"completion_tokens":\#(completion)"#.utf8)
    event += Array(#","total_tokens":\#(prompt + completion)"#.utf8)
    if let reasoning = tokens.reasoning {
      event += Array(#","completion_tokens_details":{"reasoning_tokens":\#(reasoning)}"#.utf8)
    }
    let source = tokens.completion?.source ?? .estimated
    event += Array(#"},"sluice":{"usage_source":"\#(source.rawValue)"}}\#n\#n"#.utf8)
    return event
  }
}
