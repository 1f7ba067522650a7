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
        ("request", "\(BenchmarkRequest(.whole).bytes.count) bytes with head"),
        ("window", "\(options.seconds) s"), ("rounds", "\(options.rounds)"),
      ])
    let plan = LoadPlan(
      .whole, .whole, connections: options.connections, rampSeconds: 0.1, windowSeconds: options.seconds,
      drainSeconds: 5)
    try GatewayRun(bench: bench, plan: plan).run(into: &report, measurement: RequestMeasurement.make)
    return report
  }
}

/// What closed loops of whole answers measure.
enum RequestMeasurement {
  static func make(_ result: LoadResult, _ contender: any Contender) -> Measurement {
    var measurement = Measurement()
    measurement.set(.requestsPerSecond, Double(result.answersInWindow) / result.seconds)
    measurement.set(Metric.latencies("latency", "latency"), result.latency)
    if contender.hasProcess {
      measurement.set(.cpuPerRequest, result.gatewayMicroseconds / Double(max(1, result.answersInWindow)))
    }
    result.addStoreCalls(to: &measurement)
    result.addProcessors(to: &measurement, contender)
    return measurement
  }
}
