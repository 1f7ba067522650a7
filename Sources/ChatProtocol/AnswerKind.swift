/// What a whole answer of an endpoint looks like.
public enum AnswerKind: Equatable, Sendable {
  /// Chat completions and the older completions: a list `choices` with something in it.
  case chunks
  /// Anthropic's messages: a list `content`, or the type `message`.
  case message
  /// OpenAI's responses: a list `output`, or the object `response`.
  case response
  /// Embeddings: a list `data`; `embeddings` or `embedding` of Gemini, Cohere and Ollama.
  case embedding
  /// Any JSON object or list that tells no failure.
  case any
}
