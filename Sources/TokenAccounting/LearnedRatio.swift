/// How many tokens an upstream reports for each that was estimated, learned from finished answers.
///
/// A mean over the latest texts, longer ones weighing more, that begins at a given ratio and leaves it slowly: the first short answers
/// must not throw it about.
public struct LearnedRatio: Equatable, Sendable {
  /// Tokens that the beginning weighs.
  private static let priorTokens = 500.0
  /// Tokens after which older texts are forgotten to a third.
  private static let memoryTokens = 100_000.0
  private static let range = 0.25...4.0

  private let prior: Double
  private var estimated = 0.0
  private var reported = 0.0

  /// A ratio that begins with `prior`.
  public init(prior: Double = 1) { self.prior = prior }

  /// Learns from one finished answer.
  ///
  /// - Parameter estimated: what the estimator said, no ratio applied.
  public mutating func learn(estimated: Double, reported: Int) {
    guard estimated > 0, reported > 0 else { return }
    let kept = max(0, 1 - estimated / Self.memoryTokens)
    self.estimated = self.estimated * kept + estimated
    self.reported = self.reported * kept + Double(reported)
  }

  /// The ratio, from a quarter to four.
  public var value: Double {
    let ratio = (reported + Self.priorTokens * prior) / (estimated + Self.priorTokens)
    return min(max(ratio, Self.range.lowerBound), Self.range.upperBound)
  }
}
