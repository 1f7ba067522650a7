internal import Lifecycle
internal import Quotas
internal import TokenAccounting

/// The events that the gateway adds at the end of a chunk stream whose upstream forgot them, or could not send them any more.
enum OpenAIClosings {
  /// `[DONE]`.
  static let done: StaticString = "data: [DONE]\n\n"

  /// A chunk that tells usage as it was counted here, and says so in its extras.
  static func usage(_ tokens: TokenRecord, of identity: AnswerIdentity, in dialect: Dialect) -> [UInt8] {
    let prompt = tokens.prompt?.tokens ?? 0
    let completion = tokens.completion?.tokens ?? 0
    var event = opening(identity, dialect)
    event += Array(#","choices":[],"usage":{"prompt_tokens":\#(prompt),"completion_tokens":\#(completion)"#.utf8)
    event += Array(#","total_tokens":\#(prompt + completion)"#.utf8)
    if let reasoning = tokens.reasoning {
      event += Array(#","completion_tokens_details":{"reasoning_tokens":\#(reasoning)}"#.utf8)
    }
    let source = tokens.completion?.source ?? .estimated
    event += Array(#"},"sluice":{"usage_source":"\#(source.rawValue)"}}\#n\#n"#.utf8)
    return event
  }

  /// The end of choices as one does that came to the end of its length, with extras that say which limit it was; usage if it is wanted; `[DONE]`.
  static func truncation(
    _ refusal: LimitRefusal, _ tokens: TokenRecord, in stream: StreamPlace, of dialect: Dialect
  ) -> [UInt8]? {
    guard let identity = stream.identity else { return nil }
    let content = dialect == .openAIChat ? #""delta":{}"# : #""text":"""#
    let ends = stream.unfinished.map { #"{"index":\#($0),\#(content),"logprobs":null,"finish_reason":"length"}"# }
    var events = opening(identity, dialect)
    events += Array(#","choices":[\#(ends.joined(separator: ","))],\#(refusal.extras)}\#n\#n"#.utf8)
    if stream.wantsUsage { events += usage(tokens, of: identity, in: dialect) }
    return events + Array("\(done)".utf8)
  }

  /// What all chunks begin with.
  private static func opening(_ identity: AnswerIdentity, _ dialect: Dialect) -> [UInt8] {
    let object = dialect == .openAIChat ? "chat.completion.chunk" : "text_completion"
    return Array(#"data: {"id":"#.utf8) + identity.id
      + Array(#","object":"\#(object)","created":\#(identity.created),"model":"#.utf8) + identity.model
  }
}
