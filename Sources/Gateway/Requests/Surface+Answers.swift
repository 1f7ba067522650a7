internal import ChatProtocol
internal import TokenAccounting

/// What the endpoint's requests ask for, and how they are answered.
extension Surface {
  /// Whether the endpoint answers with text of a length that is learned.
  var answersText: Bool {
    switch self {
    case .chatCompletions, .completions, .messages, .responses: true
    default: false
    }
  }

  /// How a bound on the answer is called where the request has none.
  var tokenBound: TokenBound? {
    switch self {
    case .chatCompletions, .completions, .messages: .maxTokens
    case .responses: .maxOutputTokens
    default: nil
    }
  }

  /// How the endpoint's requests hold what the model reads; nil where it reads no text.
  var promptShape: PromptShape? {
    switch self {
    case .chatCompletions: .chat
    case .completions: .completion
    case .embeddings: .embedding
    case .messages: .messages
    case .responses: .responses
    default: nil
    }
  }

  /// Whether a stream of the endpoint may have comments between its events: clients of some others take them for faults.
  var takesComments: Bool { answersText }
}
