/// The members of a request body that the gateway looks at, under their names on the wire.
public enum RequestField: String, CaseIterable, Equatable, Sendable {
  /// The model asked for.
  case model
  /// Whether the answer comes as an event stream.
  case stream
  /// Options of the stream.
  case streamOptions = "stream_options"
  /// Whether the stream ends with the token usage.
  case includeUsage = "stream_options.include_usage"
  /// The bound on the answer's tokens, older name.
  case maxTokens = "max_tokens"
  /// The bound on the answer's tokens, newer name.
  case maxCompletionTokens = "max_completion_tokens"
  /// The bound on the answer's tokens in `/v1/responses`.
  case maxOutputTokens = "max_output_tokens"
  /// How many answers.
  case n
  /// Tools the model may call.
  case tools
  /// Older name of `tools`.
  case functions
  /// The shape asked of the answer.
  case responseFormat = "response_format"
  /// The end user, as the client names it.
  case user
  /// The client's own notes.
  case metadata
  /// Whether token probabilities are asked for.
  case logprobs
  /// The chat so far.
  case messages
  /// The text to complete.
  case prompt
  /// The text to embed, or the input of `/v1/responses`.
  case input
  /// What comes before the messages of Anthropic's `/v1/messages`.
  case system
  /// What comes before the input of `/v1/responses`.
  case instructions
}
