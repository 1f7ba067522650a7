/// Fits an estimator's costs to samples whose tokens are known.
public enum EstimatorFit {
  /// Some text and the tokens that the vocabulary makes of it.
  public struct Sample: Sendable {
    /// UTF-8.
    public var text: [UInt8]
    /// Its tokens.
    public var tokens: Int
    /// What it counts beside the others.
    public var weight: Double
    /// A sample.
    public init(text: [UInt8], tokens: Int, weight: Double = 1) {
      self.text = text
      self.tokens = tokens
      self.weight = weight
    }
  }

  /// How strongly costs are drawn to what they start from, as a share of what all samples say.
  private static let pull = 1e-6
  /// What happens in fewer samples is left as it was: they would say more of these few texts than of the event.
  private static let samplesMin = 12
  private static let rounds = 10_000
  /// A round that moves no cost by more is the last.
  private static let precision = 1e-6

  /// Least squares of the relative error, found one coordinate at a time within `bounds`, each cost drawn a little
  /// towards `start`'s: so what the samples say nothing of stays as it was.
  public static func fit(_ samples: [Sample], from start: EstimatorModel) -> EstimatorModel {
    let events = EstimatorEvent.allCases.indices
    let width = events.count
    var matrix = [Double](repeating: 0, count: width * width)
    var right = [Double](repeating: 0, count: width)
    var weights = 0.0
    var found = [Int](repeating: 0, count: width)
    for sample in samples where sample.tokens > 0 {
      let counts = EstimatorMachine.shared.counts(sample.text).map { $0 / Double(sample.tokens) }
      let present = events.filter { counts[$0] > 0 }
      weights += sample.weight
      for row in present {
        found[row] += 1
        right[row] += sample.weight * counts[row]
        for column in present { matrix[row * width + column] += sample.weight * counts[row] * counts[column] }
      }
    }
    for event in events {
      matrix[event * width + event] += pull * max(1, weights)
      right[event] += pull * max(1, weights) * start.costs[event]
    }
    var costs = start.costs
    // What is not yet explained, kept up as costs move: a move costs a row's addition.
    var rest = events.map { row in
      right[row] - events.reduce(0) { $0 + matrix[row * width + $1] * costs[$1] }
    }
    let fitted = events.filter { found[$0] >= samplesMin }
    for _ in 0..<rounds {
      var moved = 0.0
      for row in fitted {
        let wanted = costs[row] + rest[row] / matrix[row * width + row]
        let cost = max(bounds[row].lowerBound, min(bounds[row].upperBound, wanted))
        let move = cost - costs[row]
        guard move != 0 else { continue }
        moved = max(moved, abs(move))
        costs[row] = cost
        for column in events { rest[column] -= move * matrix[row * width + column] }
      }
      if moved < precision { break }
    }
    return EstimatorModel(costs: costs)
  }

  /// The second letter to the twelfth may cost less than nothing, ideographs but the first of a run too. What can happen
  /// without end may not, or a long text would come to nothing.
  private static let bounds: [ClosedRange<Double>] = EstimatorEvent.allCases.map { event in
    switch event {
    case .letter2, .letter3, .letter4, .letter5, .letter6, .letter7, .letter8, .letter9, .letter10, .letter12: -0.3...8
    case .cyrillic2, .cyrillic3, .cyrillic5, .cyrillic7, .cyrillic9, .cyrillic12: -0.3...8
    case .ideograph2, .ideograph3, .ideograph4: -0.3...8
    case .letterBeyond, .cyrillicBeyond, .furtherSign, .repeatedSign: 0.03...8
    default: 0...8
    }
  }
}
