internal import ChatProtocol
public import TokenAccounting

/// What one reactor has learned by comparing its counts with what upstreams say: gauges for each model, and the ratio that estimates are
/// multiplied by for each (model, consumer).
struct TokenReconciler {
  /// More pairs of model and consumer than any configuration has; beyond them all is forgotten and learned anew.
  private static let ratiosMax = 65_536
  /// Shorter answers teach nothing: a token more or less is much of them.
  private static let teachingTokensMin = 16

  /// No consumer can have this name.
  private static let anyone = ""

  private struct Pair: Hashable {
    let model: String
    let consumer: String
  }

  private var ratios: [Pair: LearnedRatio] = [:]
  /// Tokens of prompts by their bytes.
  private var promptRatios: [Pair: PromptRatio] = [:]
  /// By `ModelTokens.slot`.
  private(set) var gauges: [TokenGauges] = []

  /// How an answer is counted that begins now: as the model says, an estimate times what this consumer's traffic has taught.
  func measure(_ tokens: ModelTokens, consumer: String) -> TokenMeasure? {
    guard case .estimated(let estimator, _) = tokens.measure else { return tokens.measure }
    return .estimated(estimator, ratio: ratio(tokens.model, consumer))
  }

  private func ratio(_ model: String, _ consumer: String) -> Double {
    guard !ratios.isEmpty else { return 1 }
    // A consumer of whom nothing is known yet is taken to write what the model's others do.
    return ratios[Pair(model: model, consumer: consumer)]?.value
      ?? ratios[Pair(model: model, consumer: Self.anyone)]?.value ?? 1
  }

  /// What this consumer's prompts for the model have by their bytes; nil before the first has taught it.
  func promptRatio(_ tokens: ModelTokens, consumer: String) -> PromptRatio? {
    promptRatios[Pair(model: tokens.model, consumer: consumer)]
  }

  private mutating func learn(prompt: Int, bytes: Int, _ model: String, _ consumer: String) {
    guard bytes >= PromptRatio.teachingBytesMin else { return }
    if promptRatios.count >= Self.ratiosMax { promptRatios = [:] }
    let pair = Pair(model: model, consumer: consumer)
    if promptRatios[pair]?.learn(tokens: prompt, bytes: bytes) == nil {
      promptRatios[pair] = PromptRatio(tokens: prompt, bytes: bytes)
    }
  }

  /// Takes note of a request that has ended.
  mutating func settle(_ record: RequestRecord, _ tokens: ModelTokens) {
    let told = record.tokens
    guard told.completion != nil || told.prompt != nil else { return }
    if let prompt = told.prompt?.tokens {
      learn(prompt: prompt, bytes: record.bodyBytes, tokens.model, record.consumer)
    }
    let reported = told.isReportFinal ? told.reported?.completionTokens : nil
    if let counted = told.counted, counted.source == .estimated, let reported, reported >= Self.teachingTokensMin,
      counted.completion > 0
    {
      learn(counted.completion, reported, tokens.model, record.consumer)
    }
    while gauges.count <= tokens.slot { gauges.append(TokenGauges()) }
    gauges[tokens.slot].add(
      told, estimates: tokens.measure.map { $0.source == .estimated } ?? true)
  }

  private mutating func learn(_ counted: Int, _ reported: Int, _ model: String, _ consumer: String) {
    if ratios.count >= Self.ratiosMax { ratios = [:] }
    let applied = ratio(model, consumer)
    for consumer in [consumer, Self.anyone] {
      ratios[Pair(model: model, consumer: consumer), default: LearnedRatio(prior: applied)]
        .learn(estimated: Double(counted) / applied, reported: reported)
    }
  }
}

/// A model's token counts: where they come from, and how far apart count and truth are.
public struct TokenGauges: Equatable, Sendable {
  private var upstreamRequests = 0
  private var exactRequests = 0
  private var estimatedRequests = 0
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

  /// Requests whose answer's tokens are known from that source.
  public func requests(_ source: TokenSource) -> Int {
    switch source {
    case .upstream: upstreamRequests
    case .exact: exactRequests
    case .estimated: estimatedRequests
    }
  }

  mutating func add(_ record: TokenRecord, estimates: Bool) {
    isEstimated = estimates
    promptTokens &+= record.prompt?.tokens ?? 0
    if let completion = record.completion {
      switch completion.source {
      case .upstream: upstreamRequests += 1
      case .exact: exactRequests += 1
      case .estimated: estimatedRequests += 1
      }
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
    upstreamRequests += other.upstreamRequests
    exactRequests += other.exactRequests
    estimatedRequests += other.estimatedRequests
    promptTokens &+= other.promptTokens
    completionTokens &+= other.completionTokens
    prompt.add(other.prompt)
    completion.add(other.completion)
    isEstimated = other.isEstimated
  }
}
