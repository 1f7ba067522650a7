/// Whole answers in a closed loop under a limit on tokens that is kept in Redis, all connections at once from the first moment: a gateway whose
/// look-ahead does not grow while requests wait for their leases asks Redis once a request for ever.
struct LeaseTrapScenario: Scenario {
  let name = "lease-trap"
  let summary =
    "chat completions, closed loop, a cold gateway with a token limit on Redis: CPU per request, Redis calls"

  func run(_ bench: Bench) throws -> ScenarioReport {
    let options = bench.options
    var report = ScenarioReport(
      name: name, summary: summary,
      parameters: [
        ("connections", "\(options.connections), all at once"), ("window", "\(options.seconds) s"),
        ("rounds", "\(options.rounds)"),
      ])
    let plan = LoadPlan(
      .whole, .whole, connections: options.connections, rampSeconds: 0, windowSeconds: options.seconds, drainSeconds: 5)
    let contenders = bench.contenders("sluice") + [try bench.tokenLimited.get()]
    try GatewayRun(bench: bench, plan: plan, contenders: contenders).run(
      into: &report, measurement: RequestMeasurement.make)
    return report
  }
}
