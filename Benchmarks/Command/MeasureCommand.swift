import ArgumentParser
import Foundation

/// The scenarios, which run when no other command is named.
struct MeasureCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "measure",
    abstract: "Measures the gateway: each scenario first checks that every answer is right, then measures.")

  @OptionGroup var options: Options

  func run() throws {
    let scenarios = Scenarios.selected(options.filter)
    if options.list {
      for scenario in scenarios { print("\(scenario.name): \(scenario.summary)") }
      return
    }
    guard !scenarios.isEmpty else {
      throw ValidationError("No scenario's name contains \(options.filter.joined(separator: " or ")).")
    }
    let thresholds = try options.check.map(Thresholds.read)
    // Results that a program reads must not be mixed with what a person reads.
    let output = options.json == "-" ? FileHandle.standardError : FileHandle.standardOutput
    func show(_ text: String) { output.write(Data(text.utf8)) }

    let bench = try Bench(options) { FileHandle.standardError.write(Data("  \($0)\n".utf8)) }
    defer { withExtendedLifetime(bench) {} }
    let machine = Machine(bench.placement)
    show(Table.heading(machine, bench))

    var reports: [ScenarioReport] = []
    var failures: [String] = []
    for scenario in scenarios {
      do {
        let report = try scenario.run(bench)
        show(Table.render(report))
        reports.append(report)
      } catch {
        failures.append("\(scenario.name): \(error)")
        show("\n\(scenario.name): FAILED: \(error)\n")
      }
    }
    let breaches = thresholds?.breaches(reports) ?? []
    try write(JSONReport(machine, bench, reports, failures: failures, breaches: breaches))
    if let check = options.check { show(verdict(breaches, check)) }
    if !failures.isEmpty || !breaches.isEmpty { throw ExitCode(1) }
  }

  private func verdict(_ breaches: [String], _ file: String) -> String {
    guard !breaches.isEmpty else { return "\nAll bounds of \(file) hold.\n" }
    return "\nBroken bounds of \(file):\n" + breaches.map { "  \($0)\n" }.joined()
  }

  private func write(_ report: JSONReport) throws {
    switch options.json {
    case nil: break
    case "-": FileHandle.standardOutput.write(try report.text())
    case let path?: try report.text().write(to: URL(fileURLWithPath: path))
    }
  }
}
