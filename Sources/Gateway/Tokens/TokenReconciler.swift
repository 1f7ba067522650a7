internal import ChatProtocol
public import TokenAccounting

/// What one reactor has learned by comparing its counts with what upstreams say: gauges for each model, and the ratio that estimates are
/// multiplied by for each (model, consumer).
struct TokenReconciler {
  /// More pairs of model and consumer than any configuration has; beyond them all is forgotten and learned anew.
  private static let ratiosMax = 65_536
  /// Shorter answers teach nothing: a token more or less is much of them.
  private static let teachingTokensMin = 16

  private struct Pair: Hashable {
    let model: String
    let consumer: String
  }

  private var ratios: [Pair: LearnedRatio] = [:]
  private(set) var gauges: [String: TokenGauges] = [:]

  /// How an answer is counted that begins now: as the model says, an estimate times what this consumer's traffic has taught.
  func measure(_ tokens: ModelTokens, consumer: String) -> TokenMeasure? {
    guard case .estimated(let estimator, _) = tokens.measure else { return tokens.measure }
    return .estimated(estimator, ratio: ratio(tokens.model, consumer))
  }

  private func ratio(_ model: String, _ consumer: String) -> Double {
    guard !ratios.isEmpty else { return 1 }
    return ratios[Pair(model: model, consumer: consumer)]?.value
      ?? gauges[model].flatMap { $0.completion.ratio.map { LearnedRatio(prior: $0).value } } ?? 1
  }

  /// Takes note of a request that has ended.
  mutating func settle(_ record: RequestRecord, _ tokens: ModelTokens) {
    let told = record.tokens
    guard told.completion != nil || told.prompt != nil else { return }
    let reported = told.isReportFinal ? told.reported?.completionTokens : nil
    if let counted = told.counted, counted.source == .estimated, let reported, reported >= Self.teachingTokensMin,
      counted.completion > 0
    {
      learn(counted.completion, reported, tokens.model, record.consumer)
    }
    gauges[tokens.model, default: TokenGauges()].add(
      told, estimates: tokens.measure.map { $0.source == .estimated } ?? true)
  }

  private mutating func learn(_ counted: Int, _ reported: Int, _ model: String, _ consumer: String) {
    let pair = Pair(model: model, consumer: consumer)
    if ratios.count >= Self.ratiosMax { ratios = [:] }
    let applied = ratio(model, consumer)
    ratios[pair, default: LearnedRatio(prior: applied)].learn(estimated: Double(counted) / applied, reported: reported)
  }
}

/// A model's token counts: where they come from, and how far apart count and truth are.
public struct TokenGauges: Equatable, Sendable {
  /// Requests by where the number of their answer's tokens is from.
  public private(set) var requests: [TokenSource: Int] = [:]
  /// Tokens of prompts, as recorded.
  public private(set) var promptTokens = 0
  /// Tokens of answers, as recorded.
  public private(set) var completionTokens = 0
  /// Counts of prompts beside the upstream's.
  public private(set) var prompt = TokenDrift()
  /// Counts of answers beside the upstream's.
  public private(set) var completion = TokenDrift()
  /// Whether the gateway can only estimate this model's text.
  public private(set) var isEstimated = true

  /// Nothing seen.
  public init() {}

  mutating func add(_ record: TokenRecord, estimates: Bool) {
    isEstimated = estimates
    promptTokens &+= record.prompt?.tokens ?? 0
    if let completion = record.completion {
      requests[completion.source, default: 0] += 1
      completionTokens &+= completion.tokens
    }
    if let counted = record.countedPrompt, let reported = record.reported?.promptTokens {
      prompt.add(counted: counted, reported: reported)
    }
    if record.isReportFinal, let counted = record.counted?.completion, let reported = record.reported?.completionTokens
    {
      completion.add(counted: counted, reported: reported)
    }
  }

  /// Adds what another reactor saw.
  public mutating func add(_ other: TokenGauges) {
    requests.merge(other.requests) { $0 + $1 }
    promptTokens &+= other.promptTokens
    completionTokens &+= other.completionTokens
    prompt.add(other.prompt)
    completion.add(other.completion)
    isEstimated = other.isEstimated
  }
}
