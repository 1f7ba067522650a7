/// One question to measure. It first shows that every answer is right, then measures.
protocol Scenario: Sendable {
  var name: String { get }
  /// One line for `--list`.
  var summary: String { get }

  func run(_ bench: Bench) throws -> ScenarioReport
}

/// All of them, in the order in which they run.
enum Scenarios {
  static let all: [any Scenario] = [
    SSEParseScenario(), JSONScanScenario(), HTTPParseScenario(), TokenCountScenario(),
    PromptCountScenario(), LimitAdmitScenario(), RelayScenario(),
    RequestScenario(), RequestPacedScenario(), LeaseTrapScenario(), LongPromptScenario(), StreamBurstScenario(),
    StreamPacedScenario(), IdleStreamsScenario(),
    StartupScenario(),
  ]

  static func selected(_ filters: [String]) -> [any Scenario] {
    filters.isEmpty ? all : all.filter { scenario in filters.contains { scenario.name.contains($0) } }
  }
}
