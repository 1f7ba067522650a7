/// How far an estimator is off on samples it was not fitted to, in percent of the true count, to one decimal.
public struct EstimatorError: Sendable {
  /// Mean of the errors' sizes.
  public let meanPercent: Double
  /// What 95 of 100 samples stay below.
  public let p95Percent: Double
  /// Mean of the errors; below 0: it estimates too little.
  public let biasPercent: Double

  /// nil without samples.
  public init?(_ model: EstimatorModel, _ samples: [EstimatorFit.Sample]) {
    let errors = samples.filter { $0.tokens > 0 }.map { sample in
      var estimator = TokenEstimator(model)
      estimator.append(sample.text.span.bytes)
      return 100 * (estimator.exactEstimate / Double(sample.tokens) - 1)
    }
    let sizes = errors.map(abs).sorted()
    guard !sizes.isEmpty else { return nil }
    func rounded(_ value: Double) -> Double { (value * 10).rounded() / 10 }
    meanPercent = rounded(sizes.reduce(0, +) / Double(sizes.count))
    p95Percent = rounded(sizes[min(sizes.count - 1, sizes.count * 95 / 100)])
    biasPercent = rounded(errors.reduce(0, +) / Double(errors.count))
  }
}
