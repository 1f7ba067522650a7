public import Tokenization

/// How a model's text is counted.
public enum TokenMeasure: Sendable {
  /// In its own vocabulary.
  case exact(Vocabulary)
  /// By the run estimator, times what finished usage has taught (1 at first).
  case estimated(EstimatorModel, ratio: Double)

  /// The measure for text of which nothing is known.
  public static let general = TokenMeasure.estimated(.general, ratio: 1)

  /// Builds what all estimators share, which takes some milliseconds once: at the start, not under the first stream.
  public static func prepare() {
    var counter = TextCounter(.general)
    counter.append([UInt8(ascii: "a")].span.bytes)
  }

  /// What it is called in records and gauges.
  public var source: TokenSource {
    switch self {
    case .exact: .exact
    case .estimated: .estimated
    }
  }
}

/// Where a number of tokens comes from.
public enum TokenSource: String, Sendable, CaseIterable {
  /// The upstream's own usage.
  case upstream
  /// Counted here in the model's vocabulary.
  case exact
  /// Estimated here.
  case estimated
}
