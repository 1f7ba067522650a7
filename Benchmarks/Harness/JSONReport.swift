import Foundation

/// The results for programs: every round's figures, not only the medians.
struct JSONReport: Codable {
  struct Figure: Codable {
    var rounds: [Double]
    var spread: Spread?
    /// Over nginx, round by round.
    var ratiosToNginx: [Double]?
    var medianRatioToNginx: Double?
  }

  struct Scenario: Codable {
    var name: String
    var parameters: [String: String]
    var checked: String
    /// Contender, then metric.
    var figures: [String: [String: Figure]]
  }

  var machine: Machine
  var contenders: [String: String]
  var absent: [String]
  var scenarios: [Scenario]
  var failures: [String]
  var breaches: [String]

  init(_ machine: Machine, _ bench: Bench, _ reports: [ScenarioReport], failures: [String], breaches: [String]) {
    self.machine = machine
    contenders = Dictionary(bench.contenders.map { ($0.name, $0.words) }) { first, _ in first }
    absent = bench.absent
    scenarios = reports.map(Self.scenario)
    self.failures = failures
    self.breaches = breaches
  }

  /// Pretty-printed, with its keys in order.
  func text() throws -> Data {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    return try encoder.encode(self) + Data("\n".utf8)
  }

  private static func scenario(_ report: ScenarioReport) -> Scenario {
    var figures: [String: [String: Figure]] = [:]
    for (contender, _) in report.contenders {
      for metric in report.metrics {
        let values = report.values(metric.key, of: contender)
        guard !values.isEmpty else { continue }
        let ratios = contender == "nginx" ? [] : report.ratios(metric.key, of: contender, to: "nginx")
        figures[contender, default: [:]][metric.key] = Figure(
          rounds: values, spread: Spread(values), ratiosToNginx: ratios.isEmpty ? nil : ratios,
          medianRatioToNginx: Spread(ratios)?.median)
      }
    }
    return Scenario(
      name: report.name, parameters: Dictionary(report.parameters.map { ($0.name, $0.value) }) { first, _ in first },
      checked: report.checked, figures: figures)
  }
}
