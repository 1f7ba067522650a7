import ArgumentParser
import Foundation

/// `Benchmarks fleet`: several gateways, one limit, a real Redis, and what its clients are delivered.
struct FleetCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "fleet",
    abstract:
      "Runs several gateways with one limit on a real Redis, under more demand than it allows and under faults.",
    discussion: """
      Tokens are counted at the clients as they arrive. The worst window of the limit's length must not have more than \
      101 % of the limit (105 % with a fault) and not less than 80 %; no request may hang and no stream break. The exit \
      status is 1 when something does not hold.
      """)

  @Option(help: "Gateway processes.") var nodes = 4
  @Option(help: "Streams that clients keep open, or try to.") var streams = 200
  @Option(help: "The limit's tokens.") var limit = 100_000
  @Option(help: "The limit's time, in seconds.") var per = 60
  @Option(help: "What clients would take without a limit, as a multiple of it.") var demand = 10.0
  @Option(help: "The measured time of each run, in seconds.") var seconds = 90
  @Option(help: "Time before it, in seconds.") var settle = 10
  @Option(help: "Mean text events of an answer.") var answer = 400
  @Option(help: "How long the limit lets a request wait, in milliseconds.") var wait = 1000
  @Option(help: "A request without a byte for so many seconds hangs.") var hang = 15
  @Option(
    help: """
      What happens to Redis, each in a run of its own: some of stop, kill, empty, flush, failover, sentinel, slow, \
      cluster, turn (some of these in one run), separated by commas; or all, or none.
      """)
  var faults = "all"
  @Option(help: "Leave out some of the runs without faults: steady, below, fixed. May be given several times.")
  var skip: [String] = []
  @Flag(help: "One process that keeps the limit itself, without Redis and without faults.") var embedded = false
  @Option(help: "The gateway's executable; by default `sluice` beside this one.") var gateway: String?
  @Option(
    help: "Write the results as JSON to this file; `-` is standard output, the table then goes to standard error.")
  var json: String?

  func validate() throws {
    guard nodes >= 1, streams >= 1, limit >= 1, per >= 1, demand > 0, seconds >= 4, settle >= 1, answer >= 1, hang >= 1,
      wait >= 0
    else { throw ValidationError("Give at least 1 of everything, and 4 seconds.") }
    guard FleetFault.parse(faults) != nil else {
      throw ValidationError("--faults takes all, none, or some of \(FleetFault.allCases.map(\.rawValue)).")
    }
  }

  func run() throws {
    let bench = try FleetBench(gateway: gateway)
    defer { withExtendedLifetime(bench) {} }
    let output = json == "-" ? FileHandle.standardError : FileHandle.standardOutput
    func show(_ text: String) { output.write(Data("\(text)\n".utf8)) }
    let kinds = kinds
    show(
      "\(embedded ? 1 : nodes) gateways, \(streams) streams, \(limit) tokens in \(per) s, demand \(demand) ×, \(seconds) s each after \(settle) s\n"
    )
    show(
      "| run | worst \(per) s, % | emptiest, % | mean, % | done / cut / refused | errors / broken / hung | calls/s |")
    show("|---|---|---|---|---|---|---|")
    var results: [FleetResult] = []
    var failures: [String] = []
    for kind in kinds {
      do {
        let result = try FleetRun(bench: bench, kind: kind, plan: plan(kind), isEmbedded: embedded).run()
        show(Self.row(result))
        failures += (result.breaches + result.counts.samples).map { "\(result.name): \($0)" }
        results.append(result)
      } catch {
        show("| \(kind.words) | FAILED | | | | | |")
        failures.append("\(kind.name): \(error)")
      }
    }
    if let first = results.first {
      show(
        "\nPrompts of \(first.plan.promptTokens) tokens, answers of \(answer / 2) to \(answer * 3 / 2) events; "
          + (first.isExact ? "every token known beforehand." : "no vocabulary: each event counts as one token."))
    }
    try write(Report(results: results, failures: failures))
    for failure in failures { show("BROKEN: \(failure)") }
    if !failures.isEmpty { throw ExitCode(1) }
  }

  private struct Report: Codable {
    var results: [FleetResult]
    var failures: [String]
  }

  private var kinds: [FleetResult.Kind] {
    var kinds: [FleetResult.Kind] = [.steady, .below]
    if !embedded {
      kinds.append(.fixedWindow)
      kinds += (FleetFault.parse(faults) ?? []).map { .fault($0) }
    }
    return kinds.filter { !skip.contains($0.name) }
  }

  private func plan(_ kind: FleetResult.Kind) -> FleetPlan {
    var plan = FleetPlan(
      nodes: embedded ? 1 : nodes, streams: streams, demand: demand, limit: limit, perSeconds: per,
      settleSeconds: settle, seconds: seconds, answerEvents: answer, waitMilliseconds: wait, hangSeconds: hang)
    if kind == .below {
      // Fewer clients of the same pace.
      let share = Self.demandBelow / demand
      plan.streams = max(1, Int(Double(streams) * share))
      plan.demand = demand * Double(plan.streams) / Double(streams)
    }
    return plan
  }

  private static let demandBelow = 0.7

  private static func row(_ result: FleetResult) -> String {
    func number(_ value: Double?) -> String { value.map { String(format: "%.1f", $0) } ?? "–" }
    let counts = result.counts
    return "| "
      + [
        result.words, number(result.worstPercent), number(result.fewestPercent), number(result.meanPercent),
        "\(counts.done) / \(counts.cut) / \(counts.refused)", "\(counts.errors) / \(counts.broken) / \(counts.hung)",
        number(result.callsPerSecond),
      ].joined(separator: " | ") + (result.breaches.isEmpty ? " |" : " | **broken** |")
  }

  private func write(_ report: Report) throws {
    guard let json else { return }
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
    let data = try encoder.encode(report) + Data("\n".utf8)
    if json == "-" { FileHandle.standardOutput.write(data) } else { try data.write(to: URL(fileURLWithPath: json)) }
  }
}
