/// What a scenario found: per contender one measurement a round, and the parameters it ran with.
struct ScenarioReport {
  var name: String
  var summary: String
  var parameters: [(name: String, value: String)]
  /// What was checked before anything was timed, in words.
  var checked: String = ""
  /// Contenders in their order, each with its rounds.
  private(set) var contenders: [(name: String, rounds: [Measurement])] = []

  mutating func add(_ contender: String, _ measurement: Measurement) {
    if let index = contenders.firstIndex(where: { $0.name == contender }) {
      contenders[index].rounds.append(measurement)
    } else {
      contenders.append((contender, [measurement]))
    }
  }

  /// Every metric that some contender has, in the order of measuring, a gateway's addition right behind the latency
  /// itself.
  var metrics: [Metric] {
    var seen: [Metric] = []
    let isCompared = contenders.contains { $0.name == "direct" } && contenders.count > 1
    for (_, rounds) in contenders {
      for (metric, _) in rounds.first?.values ?? [] where !seen.contains(metric) {
        seen.append(metric)
        if metric.isLatency && isCompared { seen.append(metric.added) }
      }
    }
    return seen
  }

  /// A metric's values, round by round; additions are computed within each round.
  func values(_ key: String, of contender: String) -> [Double] {
    guard let rounds = contenders.first(where: { $0.name == contender })?.rounds else { return [] }
    if let base = metrics.first(where: { $0.isLatency && $0.added.key == key }) {
      guard contender != "direct" else { return [] }
      return zip(values(base.key, of: contender), values(base.key, of: "direct")).map { $0 - $1 }
    }
    return rounds.compactMap { $0[key] }
  }

  /// One contender's values over another's, each round by itself: what disturbs a round disturbs both.
  func ratios(_ key: String, of contender: String, to other: String) -> [Double] {
    // An addition is a difference, often near zero: a ratio of two such says nothing.
    guard !metrics.contains(where: { $0.isLatency && $0.added.key == key }) else { return [] }
    return zip(values(key, of: contender), values(key, of: other)).compactMap { $1 == 0 ? nil : $0 / $1 }
  }
}

extension ScenarioReport {
  /// What one contender's values are beyond another's, each round by itself.
  func differences(_ key: String, of contender: String, from other: String) -> [Double] {
    zip(values(key, of: contender), values(key, of: other)).map { $0 - $1 }
  }
}

/// Median and extremes of a few values.
struct Spread: Codable {
  var median: Double
  var min: Double
  var max: Double

  /// nil when there are no values.
  init?(_ values: [Double]) {
    let sorted = values.sorted()
    guard let first = sorted.first, let last = sorted.last else { return nil }
    min = first
    max = last
    let middle = sorted.count / 2
    median = sorted.count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
  }
}
