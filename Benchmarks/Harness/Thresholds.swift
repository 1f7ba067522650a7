import Foundation

/// The bounds of a file such as `Thresholds.json`.
struct Thresholds: Codable {
  /// One bound on one figure.
  struct Bound: Codable {
    var scenario: String
    var contender: String
    var metric: String
    /// The bound is on the median of the ratios to this contender, round by round; left out, on the median itself.
    var relativeTo: String?
    /// The bound is on the median of the differences from this contender, round by round.
    var addedTo: String?
    var max: Double?
    var min: Double?
    var note: String?
  }

  var bounds: [Bound]

  static func read(_ path: String) throws -> Thresholds {
    guard let data = FileManager.default.contents(atPath: path) else { throw BenchmarkError("cannot read \(path)") }
    do {
      return try JSONDecoder().decode(Thresholds.self, from: data)
    } catch {
      throw BenchmarkError("\(path) is not a file of thresholds: \(error)")
    }
  }

  /// Says what breaks a bound among the scenarios that ran. A figure that was not measured breaks its bound: silence
  /// is no proof.
  func breaches(_ reports: [ScenarioReport]) -> [String] {
    reports.flatMap { report in
      bounds.filter { $0.scenario == report.name }.compactMap { breach($0, report) }
    }
  }

  private func breach(_ bound: Bound, _ report: ScenarioReport) -> String? {
    let name =
      "\(bound.scenario): \(bound.metric) of \(bound.contender)" + (bound.relativeTo.map { " relative to \($0)" } ?? "")
      + (bound.addedTo.map { " beyond \($0)" } ?? "")
    let values =
      bound.relativeTo.map { report.ratios(bound.metric, of: bound.contender, to: $0) }
      ?? bound.addedTo.map { report.differences(bound.metric, of: bound.contender, from: $0) }
      ?? report.values(bound.metric, of: bound.contender)
    guard let median = Spread(values)?.median else { return "\(name) was not measured" }
    let figure = Table.number(median, decimals: bound.relativeTo == nil ? 2 : 3)
    if let max = bound.max, median > max { return "\(name) is \(figure), more than \(max)" }
    if let min = bound.min, median < min { return "\(name) is \(figure), less than \(min)" }
    return nil
  }
}
