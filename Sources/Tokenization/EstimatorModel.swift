/// What each event costs in one family of models.
public final class EstimatorModel: @unchecked Sendable {
  // `@unchecked`: the table is written in the initialiser only.

  /// Costs are kept in so many parts of a token, so sums are exact and do not depend on how a text is cut.
  static let unit = 65_536.0

  /// Costs in tokens, by the raw value of `EstimatorEvent`.
  public let costs: [Double]
  /// In units: what the n-th letter of a word adds, the 16th entry being for all further ones; then the events' costs.
  /// Flat memory, because fetching arrays cost more than the additions.
  let table: UnsafeMutablePointer<Int64>

  /// - Parameter costs: in tokens; one for each event, those that are missing being 0.
  public init(costs: [Double]) {
    let padded = EstimatorEvent.allCases.indices.map {
      $0 < costs.count && costs[$0].isFinite ? max(-8, min(8, costs[$0])) : 0
    }
    self.costs = padded
    table = .allocate(capacity: 16 + padded.count)
    table.initialize(repeating: 0, count: 16)
    (table + 16).initialize(from: padded.map { Int64($0 * Self.unit) }, count: padded.count)
    for (position, event) in [
      (1, EstimatorEvent.letter1), (4, .letter4), (7, .letter7), (10, .letter10), (14, .letter14), (15, .letterBeyond),
    ] { table[position] = table[16 + event.rawValue] }
  }

  deinit { table.deallocate() }
}
