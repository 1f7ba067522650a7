/// What a client speaks, by the endpoint that it asked: how errors and endings are said to it.
enum Dialect: Equatable {
  /// `/v1/chat/completions`.
  case openAIChat
  /// `/v1/completions`.
  case openAICompletions
  /// `/v1/messages`.
  case anthropic
  /// `/v1/responses`.
  case responses
  /// Any other endpoint: errors as OpenAI says them, no words inside a stream.
  case other

  init(_ surface: Surface) {
    self =
      switch surface {
      case .chatCompletions: .openAIChat
      case .completions: .openAICompletions
      case .messages: .anthropic
      case .responses: .responses
      default: .other
      }
  }
}
