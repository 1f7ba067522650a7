import ArgumentParser

/// `swift run -c release Benchmarks`: the harness' front door. The processes that it starts are this same executable
/// under hidden names.
@main
struct BenchmarksCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "Benchmarks",
    abstract: "Measures the gateway; without a command's name `measure`.",
    subcommands: [
      MeasureCommand.self, SimulateCommand.self, FleetCommand.self, UpstreamCommand.self, LoadCommand.self,
      BalancerCommand.self, CustodianCommand.self,
    ], defaultSubcommand: MeasureCommand.self)
}
