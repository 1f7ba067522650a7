/// How far an estimator is off on samples it was not fitted to, in percent of the true count, to one decimal.
public struct EstimatorError: Sendable {
  /// Mean of the errors' sizes.
  public let meanPercent: Double
  /// What 95 of 100 samples stay below.
  public let p95Percent: Double
  /// Mean of the errors; below 0: it estimates too little.
  public let biasPercent: Double

  /// The samples count by their weights. nil without samples.
  public init?(_ model: EstimatorModel, _ samples: [EstimatorFit.Sample]) {
    let errors = samples.filter { $0.tokens > 0 && $0.weight > 0 }.map { sample in
      (percent: Self.percent(model, sample), weight: sample.weight)
    }
    let weights = errors.reduce(0) { $0 + $1.weight }
    guard weights > 0 else { return nil }
    func rounded(_ value: Double) -> Double { (value * 10).rounded() / 10 }
    meanPercent = rounded(errors.reduce(0) { $0 + abs($1.percent) * $1.weight } / weights)
    biasPercent = rounded(errors.reduce(0) { $0 + $1.percent * $1.weight } / weights)
    var covered = 0.0
    let bound = errors.sorted { abs($0.percent) < abs($1.percent) }.first { error in
      covered += error.weight
      return covered >= 0.95 * weights
    }
    p95Percent = rounded(abs(bound?.percent ?? 0))
  }

  /// The error on one sample in percent; below 0: too little.
  public static func percent(_ model: EstimatorModel, _ sample: EstimatorFit.Sample) -> Double {
    var estimator = TokenEstimator(model)
    estimator.append(sample.text.span.bytes)
    return 100 * (estimator.exactEstimate / Double(max(1, sample.tokens)) - 1)
  }
}
