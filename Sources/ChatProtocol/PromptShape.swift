/// Which members of a request hold its prompt, and what they may hold.
public enum PromptShape: UInt8, Sendable, CaseIterable {
  /// `/v1/chat/completions`: `messages`, `tools`, `functions`, `response_format`.
  case chat
  /// `/v1/completions`: `prompt`, one or several, text or tokens.
  case completion
  /// `/v1/embeddings`: `input`, one or several, text or tokens.
  case embedding
  /// Anthropic's `/v1/messages`: `system`, `messages`, `tools`.
  case messages
  /// `/v1/responses`: `instructions`, `input`, `tools`.
  case responses
}

/// How the tools that a request offers are told to the model.
public enum PromptToolForm: UInt8, Sendable {
  /// As the JSON documents that they are.
  case documents
  /// As declarations: names, types and descriptions.
  case signatures
}
