public import ChatProtocol

/// What one request took in tokens: what was counted here, what the upstream says, and which of both is to be believed.
///
/// The upstream's usage at the end of a whole answer is the truth, for it is what is billed. Of an answer that was cut, by whomever, it has
/// told nothing yet or only a beginning; what was delivered was counted.
public struct TokenRecord: Equatable, Sendable {
  /// The prompt, as counted before or while it was sent; nil when it was not.
  public var countedPrompt: Int?
  /// How it was counted.
  public var promptSource = TokenSource.estimated
  /// The answer, as counted while it passed; nil when there was nothing to count.
  public var counted: AnswerTally?
  /// What the upstream said.
  public var reported: TokenUsage?
  /// Whether `reported` covers the whole answer.
  public var isReportFinal = false

  /// Nothing known.
  public init() {}

  /// Tokens of the prompt, with where that is known from.
  public var prompt: (tokens: Int, source: TokenSource)? {
    if let tokens = reported?.promptTokens { return (tokens, .upstream) }
    return countedPrompt.map { ($0, promptSource) }
  }

  /// Tokens of the answer, reasoning included.
  public var completion: (tokens: Int, source: TokenSource)? {
    if isReportFinal, let tokens = reported?.completionTokens { return (tokens, .upstream) }
    if let counted { return (counted.completion, counted.source) }
    return reported?.completionTokens.map { ($0, .upstream) }
  }

  /// Tokens of the answer that were reasoning, where anybody knows. Of an upstream's number that does not say it is the same share as of what was
  /// counted.
  public var reasoning: Int? {
    if isReportFinal, let tokens = reported?.reasoningTokens { return tokens }
    guard let counted, counted.reasoning > 0, counted.completion > 0, let completion else { return nil }
    guard completion.source == .upstream else { return counted.reasoning }
    return Int((Double(completion.tokens) * Double(counted.reasoning) / Double(counted.completion)).rounded())
  }

  /// All tokens.
  public var total: Int? {
    if isReportFinal, let total = reported?.reportedTotalTokens { return total }
    guard prompt != nil || completion != nil else { return nil }
    return (prompt?.tokens ?? 0) &+ (completion?.tokens ?? 0)
  }
}
