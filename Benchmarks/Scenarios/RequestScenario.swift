/// Whole answers in a closed loop: what a request costs.
struct RequestScenario: Scenario {
  let name = "request"
  let summary = "chat completions without streaming, closed loop: CPU per request, throughput, latency"

  func run(_ bench: Bench) throws -> ScenarioReport {
    let options = bench.options
    var report = ScenarioReport(
      name: name, summary: summary,
      parameters: [
        ("connections", "\(options.connections)"),
        ("request", "\(BenchmarkRequest.bytes(.whole).count) bytes with head"),
        ("window", "\(options.seconds) s"), ("rounds", "\(options.rounds)"),
      ])
    let plan = LoadPlan(
      .whole, .whole, connections: options.connections, rampSeconds: 0.1, windowSeconds: options.seconds,
      drainSeconds: 5)
    let run = GatewayRun(bench: bench, plan: plan)
    try run.run(into: &report) { result, contender in
      var measurement = Measurement()
      measurement.set(.requestsPerSecond, Double(result.answersInWindow) / result.seconds)
      measurement.set(Metric.latencies("latency", "latency"), result.latency)
      if contender.hasProcess {
        measurement.set(.cpuPerRequest, result.gatewayMicroseconds / Double(max(1, result.answersInWindow)))
      }
      result.addProcessors(to: &measurement, contender)
      return measurement
    }
    return report
  }
}
