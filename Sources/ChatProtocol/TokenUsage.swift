/// The token counts an upstream reports, brought to one set of names and one meaning: `promptTokens` is the whole prompt, cached or not,
/// `completionTokens` the whole answer, reasoning included.
///
/// Counts are kept in 32 bits: the value travels with every chunk.
public struct TokenUsage: Equatable, Sendable {
  /// A larger count is taken for nonsense and ignored.
  public static let tokensMax = Int(UInt32.max) &- 1

  private struct Count: Equatable, Sendable {
    private var raw = UInt32.max

    var value: Int? {
      get { raw == .max ? nil : Int(raw) }
      set { raw = newValue.flatMap { UInt32(exactly: $0) } ?? .max }
    }
  }

  private var prompt = Count()
  private var completion = Count()
  private var reportedTotal = Count()
  private var cached = Count()
  private var cacheWrite = Count()
  private var reasoning = Count()
  private var promptAudio = Count()
  private var completionAudio = Count()
  private var rejected = Count()

  /// Tokens of the prompt.
  public internal(set) var promptTokens: Int? {
    get { prompt.value }
    set { prompt.value = newValue }
  }
  /// Tokens of the answer, reasoning included. Embeddings have none.
  public internal(set) var completionTokens: Int? {
    get { completion.value }
    set { completion.value = newValue }
  }
  /// All tokens, as reported.
  public internal(set) var reportedTotalTokens: Int? {
    get { reportedTotal.value }
    set { reportedTotal.value = newValue }
  }
  /// Prompt tokens that the upstream had in its cache.
  public internal(set) var cachedTokens: Int? {
    get { cached.value }
    set { cached.value = newValue }
  }
  /// Prompt tokens that the upstream put into its cache.
  public internal(set) var cacheWriteTokens: Int? {
    get { cacheWrite.value }
    set { cacheWrite.value = newValue }
  }
  /// Answer tokens spent on reasoning.
  public internal(set) var reasoningTokens: Int? {
    get { reasoning.value }
    set { reasoning.value = newValue }
  }
  /// Prompt tokens that are sound.
  public internal(set) var promptAudioTokens: Int? {
    get { promptAudio.value }
    set { promptAudio.value = newValue }
  }
  /// Answer tokens that are sound.
  public internal(set) var completionAudioTokens: Int? {
    get { completionAudio.value }
    set { completionAudio.value = newValue }
  }
  /// Predicted tokens that the answer did not use, billed all the same (`rejected_prediction_tokens`).
  public internal(set) var rejectedPredictionTokens: Int? {
    get { rejected.value }
    set { rejected.value = newValue }
  }

  /// No counts.
  public init() {}

  /// All tokens: as reported, or prompt and answer added.
  public var totalTokens: Int {
    reportedTotalTokens ?? (promptTokens ?? 0) &+ (completionTokens ?? 0)
  }

  /// Whether any tokens are told.
  public var hasCounts: Bool { promptTokens != nil || completionTokens != nil || reportedTotalTokens != nil }

  /// Takes over what a later report of the same answer says. Reports are running totals, never additions, and none takes back what one before
  /// it told: each count is the largest seen. What a report leaves out stays.
  public mutating func merge(_ later: TokenUsage) {
    func larger(_ one: Count, _ other: Count) -> Count { (other.value ?? -1) > (one.value ?? -1) ? other : one }
    prompt = larger(prompt, later.prompt)
    completion = larger(completion, later.completion)
    reportedTotal = larger(reportedTotal, later.reportedTotal)
    cached = larger(cached, later.cached)
    cacheWrite = larger(cacheWrite, later.cacheWrite)
    reasoning = larger(reasoning, later.reasoning)
    promptAudio = larger(promptAudio, later.promptAudio)
    completionAudio = larger(completionAudio, later.completionAudio)
    rejected = larger(rejected, later.rejected)
  }
}
