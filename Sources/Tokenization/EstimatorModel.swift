/// What each event costs in one family of models.
public final class EstimatorModel: Sendable {
  /// Costs are kept in so many parts of a token, so sums are exact and do not depend on how a text is cut.
  static let unit = 65_536.0

  /// Costs in tokens, by the raw value of `EstimatorEvent`.
  public let costs: [Double]
  /// In units.
  let units: [Int64]
  /// What the n-th letter of a word adds; the last entry is for all further ones.
  let letters: [Int64]

  /// - Parameter costs: in tokens; one for each event, those that are missing being 0.
  public init(costs: [Double]) {
    let padded = EstimatorEvent.allCases.indices.map {
      $0 < costs.count && costs[$0].isFinite ? max(-8, min(8, costs[$0])) : 0
    }
    self.costs = padded
    let units = padded.map { Int64($0 * Self.unit) }
    self.units = units
    var letters = [Int64](repeating: 0, count: 16)
    for (position, event) in [
      (1, EstimatorEvent.letter1), (4, .letter4), (7, .letter7), (10, .letter10), (14, .letter14), (15, .letterBeyond),
    ] { letters[position] = units[event.rawValue] }
    self.letters = letters
  }
}
