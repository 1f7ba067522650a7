/// Whole answers to long prompts, no two alike, under a limit on tokens that is far from its end: nobody needs to know what such a prompt counts
/// before it is sent.
struct LongPromptScenario: Scenario {
  let name = "prompt-48k"
  let summary = "chat completions with prompts of 48 KiB, closed loop, with and without a token limit: CPU per request"

  private static let promptBytes = 48 << 10

  func run(_ bench: Bench) throws -> ScenarioReport {
    let options = bench.options
    let size = BenchmarkRequest(.whole, promptBytes: Self.promptBytes).bytes.count
    var report = ScenarioReport(
      name: name, summary: summary,
      parameters: [
        ("connections", "\(options.connections)"), ("request", "\(size) bytes with head"),
        ("window", "\(options.seconds) s"), ("rounds", "\(options.rounds)"),
      ])
    var plan = LoadPlan(
      .whole, .whole, connections: options.connections, rampSeconds: 0.1, windowSeconds: options.seconds,
      drainSeconds: 5)
    plan.promptBytes = Self.promptBytes
    let contenders = bench.contenders("direct", "nginx", "sluice") + [try bench.tokenLimited.get()]
    try GatewayRun(bench: bench, plan: plan, contenders: contenders).run(
      into: &report, measurement: RequestMeasurement.make)
    return report
  }
}
