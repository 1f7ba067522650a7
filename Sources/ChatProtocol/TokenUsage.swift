/// The token counts an upstream reports, brought to one set of names.
public struct TokenUsage: Equatable, Sendable {
  /// A larger count is taken for nonsense and ignored.
  public static let tokensMax = 1 << 40

  /// Tokens of the prompt: `prompt_tokens` or `input_tokens`.
  public internal(set) var promptTokens: Int?
  /// Tokens of the answer, reasoning included: `completion_tokens` or `output_tokens`. Embeddings have none.
  public internal(set) var completionTokens: Int?
  /// `total_tokens`, as reported.
  public internal(set) var reportedTotalTokens: Int?
  /// Prompt tokens the upstream had in its cache: `cached_tokens` of the details, DeepSeek's `prompt_cache_hit_tokens`
  /// or Anthropic's `cache_read_input_tokens`.
  public internal(set) var cachedTokens: Int?
  /// Answer tokens spent on reasoning: `reasoning_tokens` of the details.
  public internal(set) var reasoningTokens: Int?

  /// No counts.
  public init() {}

  /// All tokens: as reported, or prompt and answer added.
  public var totalTokens: Int {
    reportedTotalTokens ?? (promptTokens ?? 0) &+ (completionTokens ?? 0)
  }

  var hasCounts: Bool { promptTokens != nil || completionTokens != nil || reportedTotalTokens != nil }
}
