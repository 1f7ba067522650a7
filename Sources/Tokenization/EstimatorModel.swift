/// What each event costs in one family of models.
public final class EstimatorModel: @unchecked Sendable {
  // `@unchecked`: the table is written in the initialiser only.

  /// Costs are kept in so many parts of a token, so sums are exact and do not depend on how a text is cut.
  static let unit = 65_536.0

  /// Costs in tokens, by the raw value of `EstimatorEvent`.
  public let costs: [Double]
  /// In units: the cost of each of the machine's sets of events. Flat memory, because fetching arrays cost more than the
  /// additions.
  let table: UnsafeMutablePointer<Int64>
  /// The machine's tables, here so that an append finds everything in one place.
  let entries = EstimatorMachine.shared.entries
  let columns = EstimatorMachine.shared.columns

  /// - Parameter costs: in tokens; one for each event, those that are missing being 0.
  public init(costs: [Double]) {
    let padded = EstimatorEvent.allCases.indices.map {
      $0 < costs.count && costs[$0].isFinite ? max(-8, min(8, costs[$0])) : 0
    }
    self.costs = padded
    let sets = EstimatorMachine.shared.sets
    table = .allocate(capacity: sets.count)
    table.initialize(
      from: sets.map { set in set.reduce(0) { $0 + Int64((padded[$1.rawValue] * Self.unit).rounded()) } },
      count: sets.count)
  }

  deinit { table.deallocate() }
}
