import Foundation

/// Renders reports as text.
enum Table {
  static func heading(_ machine: Machine, _ bench: Bench) -> String {
    let memory = number(machine.memoryGibibytes, decimals: 1) + " GiB"
    var lines = [
      "machine     \(machine.processorModel), \(machine.processors) processors, \(memory), Linux \(machine.kernel)",
      "placement   \(machine.placement)",
    ]
    for contender in bench.contenders { lines.append("contender   \(contender.name): \(contender.words)") }
    for absent in bench.absent { lines.append("absent      \(absent)") }
    return lines.joined(separator: "\n") + "\n"
  }

  /// Medians over the rounds, the extremes behind them, and the ratios to the others that were measured.
  static func render(_ report: ScenarioReport) -> String {
    var text = "\n\(report.name): \(report.summary)\n"
    text += "  " + report.parameters.map { "\($0.name) \($0.value)" }.joined(separator: ", ") + "\n"
    text += "  checked: \(report.checked)\n"
    let names = report.contenders.map(\.name)
    let pairs = comparisons.filter { names.contains($0.contender) && names.contains($0.other) }
    var rows = [[""] + names + pairs.map { "\($0.contender)/\($0.other)" }]
    for metric in report.metrics {
      var row = ["  " + metric.label]
      for name in names { row.append(cell(report.values(metric.key, of: name), metric.decimals)) }
      for pair in pairs { row.append(cell(report.ratios(metric.key, of: pair.contender, to: pair.other), 3)) }
      rows.append(row)
    }
    return text + align(rows) + disturbance(report)
  }

  /// Whose figures are told as ratios to whose.
  private static let comparisons: [(contender: String, other: String)] = [
    ("sluice", "nginx"), ("sluice", "uncounted"), ("limited", "sluice"), ("token-limited", "sluice"),
    ("token-limited", "nginx"),
  ]

  /// Percent of the window in which a gateway may have been kept from its processor before its figures are doubted.
  private static let keptWaitingPercentMax = 10.0

  /// Says so when neighbours on the machine had the gateway's processor.
  private static func disturbance(_ report: ScenarioReport) -> String {
    let disturbed = report.contenders.map(\.name).filter { name in
      report.values(Metric.gatewayKeptWaiting.key, of: name).contains { $0 > keptWaitingPercentMax }
    }
    guard !disturbed.isEmpty else { return "" }
    return "  DISTURBED: \(disturbed.joined(separator: " and ")) had to wait for a processor in some round "
      + "(neighbours, or more threads than processors); latencies and throughput say nothing, ratios little\n"
  }

  /// `median (min … max)`; an empty text when there is nothing.
  private static func cell(_ values: [Double], _ decimals: Int) -> String {
    guard let spread = Spread(values) else { return "" }
    guard values.count > 1 else { return number(spread.median, decimals: decimals) }
    return number(spread.median, decimals: decimals) + " (" + number(spread.min, decimals: decimals) + " … "
      + number(spread.max, decimals: decimals) + ")"
  }

  /// A number with a thin grouping of its thousands.
  static func number(_ value: Double, decimals: Int) -> String {
    let plain = String(format: "%.\(decimals)f", value)
    let whole = plain.prefix { $0 != "." }
    let digits = whole.drop { $0 == "-" }
    var grouped = ""
    for (index, digit) in digits.enumerated() {
      if index > 0 && (digits.count - index) % 3 == 0 { grouped.append(" ") }
      grouped.append(digit)
    }
    return whole.prefix { $0 == "-" } + grouped + plain.dropFirst(whole.count)
  }

  private static func align(_ rows: [[String]]) -> String {
    let columns = rows.map(\.count).max() ?? 0
    let widths = (0..<columns).map { column in
      rows.map { $0.indices.contains(column) ? $0[column].count : 0 }.max() ?? 0
    }
    return rows.map { row in
      var line = ""
      for (column, cell) in row.enumerated() {
        let padding = String(repeating: " ", count: widths[column] - cell.count)
        line += column == 0 ? cell + padding : "  " + padding + cell
      }
      return String(line.reversed().drop { $0 == " " }.reversed()) + "\n"
    }.joined()
  }
}
