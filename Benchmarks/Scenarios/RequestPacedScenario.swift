/// Whole answers at a fixed rate, below what the gateway can do: what a request waits for.
struct RequestPacedScenario: Scenario {
  let name = "request-paced"
  let summary = "chat completions without streaming at a fixed rate: latency, and what limits add to it"

  func run(_ bench: Bench) throws -> ScenarioReport {
    let options = bench.options
    var report = ScenarioReport(
      name: name, summary: summary,
      parameters: [
        ("requests/s", "\(Int(options.rate))"), ("connections", "\(options.connections)"),
        ("window", "\(options.seconds) s"), ("rounds", "\(options.rounds)"),
      ])
    var plan = LoadPlan(
      .whole, .whole, connections: options.connections, rampSeconds: 0.1, windowSeconds: options.seconds,
      drainSeconds: 5)
    plan.requestsPerSecond = options.rate
    try GatewayRun(bench: bench, plan: plan).run(into: &report) { result, contender in
      var measurement = Measurement()
      measurement.set(.requestsPerSecond, Double(result.answersInWindow) / result.seconds)
      measurement.set(Metric.latencies("latency", "latency since due"), result.latency)
      if contender.hasProcess {
        measurement.set(.cpuPerRequest, result.gatewayMicroseconds / Double(max(1, result.answersInWindow)))
      }
      result.addProcessors(to: &measurement, contender)
      return measurement
    }
    return report
  }
}
