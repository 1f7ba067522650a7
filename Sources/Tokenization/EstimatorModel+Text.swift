/// The file of costs: a line an event, its name, a space and the cost in tokens. `#` starts a comment.
extension EstimatorModel {
  /// The text of the file.
  public var text: String {
    "# Costs in tokens of the run estimator's events.\n"
      + EstimatorEvent.allCases.map { "\($0.name) \(Self.rounded(costs[$0.rawValue]))\n" }.joined()
  }

  /// Reads a file; nil if it names an unknown event or holds something that is no number. Missing events cost nothing.
  public convenience init?(text: String) {
    var costs = [Double](repeating: 0, count: EstimatorEvent.allCases.count)
    for line in text.split(separator: "\n") where !line.hasPrefix("#") {
      let parts = line.split(separator: " ")
      guard parts.count == 2, let event = EstimatorEvent.named[String(parts[0])],
        let cost = Double(parts[1]), cost.isFinite
      else { return nil }
      costs[event.rawValue] = cost
    }
    self.init(costs: costs)
  }

  private static func rounded(_ cost: Double) -> Double { (cost * 1000).rounded() / 1000 }
}
