internal import Quotas
internal import TokenAccounting

/// Errors and endings, said as the endpoint's clients expect them.
extension Dialect {
  /// An error as a document.
  func body(of error: GatewayError) -> [UInt8] {
    self == .anthropic ? AnthropicErrors.body(error) : OpenAIErrors.body(error)
  }

  /// An error as the last event of a stream under way; nil where there are no words for it.
  func event(of error: GatewayError, in stream: StreamPlace) -> [UInt8]? {
    switch self {
    case .openAIChat, .openAICompletions: OpenAIErrors.event(error)
    case .anthropic: AnthropicErrors.event(error)
    case .responses: ResponsesErrors.event(error, in: stream)
    case .other: nil
    }
  }

  /// The events of a stream that ends as one does whose length was bounded; nil where there are no such words.
  func truncation(_ refusal: LimitRefusal, _ tokens: TokenRecord, in stream: StreamPlace) -> [UInt8]? {
    switch self {
    case .openAIChat, .openAICompletions: OpenAIClosings.truncation(refusal, tokens, in: stream, of: self)
    case .anthropic: AnthropicClosings.truncation(refusal, tokens, in: stream)
    case .responses: ResponsesClosings.truncation(refusal, tokens, in: stream)
    case .other: nil
    }
  }
}
