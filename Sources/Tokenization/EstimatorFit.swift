/// Fits an estimator's costs to samples whose tokens are known.
public enum EstimatorFit {
  /// Some text and the tokens that the vocabulary makes of it.
  public struct Sample: Sendable {
    /// UTF-8.
    public var text: [UInt8]
    /// Its tokens.
    public var tokens: Int
    /// A sample.
    public init(text: [UInt8], tokens: Int) {
      self.text = text
      self.tokens = tokens
    }
  }

  /// Later letters of a word may cost less than nothing (a word of five is a token more often than one of three).
  private static let lowerBoundOfLetters = -0.3
  private static let rounds = 4000

  /// Least squares of the relative error, no cost below 0 (those of later letters excepted), found one coordinate at a
  /// time. A cost for which the samples say nothing stays near `start`'s.
  public static func fit(_ samples: [Sample], from start: EstimatorModel) -> EstimatorModel {
    let events = EstimatorEvent.allCases
    let counters = events.map { event in
      EstimatorModel(costs: events.map { $0 == event ? 1 : 0 })
    }
    // The normal equations of the deviation from `start`, with a weak pull towards it.
    var matrix = [[Double]](repeating: [Double](repeating: 0, count: events.count), count: events.count)
    var right = [Double](repeating: 0, count: events.count)
    for sample in samples where sample.tokens > 0 {
      let counts = counters.map { counter in
        var estimator = TokenEstimator(counter)
        estimator.append(sample.text.span.bytes)
        return estimator.exactEstimate
      }
      let weight = 1 / Double(sample.tokens)
      for row in events.indices where counts[row] > 0 {
        right[row] += weight * weight * counts[row] * Double(sample.tokens)
        for column in events.indices { matrix[row][column] += weight * weight * counts[row] * counts[column] }
      }
    }
    let pull = 1e-6 * Double(max(1, samples.count))
    for event in events.indices {
      matrix[event][event] += pull
      right[event] += pull * start.costs[event]
    }
    var costs = start.costs
    for _ in 0..<rounds {
      for row in events.indices {
        var rest = right[row]
        for column in events.indices where column != row { rest -= matrix[row][column] * costs[column] }
        let isLaterLetter = (EstimatorEvent.letter4.rawValue...EstimatorEvent.letterBeyond.rawValue).contains(row)
        costs[row] = max(isLaterLetter ? lowerBoundOfLetters : 0, rest / matrix[row][row])
      }
    }
    return EstimatorModel(costs: costs)
  }
}
