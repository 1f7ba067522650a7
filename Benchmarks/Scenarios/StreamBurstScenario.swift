/// Streams without a pause between events, in a closed loop: what an event costs when the gateway has no rest.
struct StreamBurstScenario: Scenario {
  let name = "stream-burst"
  let summary = "streams of 200 events without a gap, closed loop: CPU per event, throughput"

  func run(_ bench: Bench) throws -> ScenarioReport {
    let options = bench.options
    let script = UpstreamScript(textEvents: 198, gapMilliseconds: 0)
    var report = ScenarioReport(
      name: name, summary: summary,
      parameters: [
        ("connections", "\(options.connections)"),
        ("events", "\(script.events) a stream, about 260 bytes each, no gap"),
        ("window", "\(options.seconds) s"), ("rounds", "\(options.rounds)"),
      ])
    let plan = LoadPlan(
      .stream, script, connections: options.connections, rampSeconds: 0.2, windowSeconds: options.seconds,
      drainSeconds: 10)
    try GatewayRun(bench: bench, plan: plan).run(into: &report, measurement: StreamMeasurement.make)
    return report
  }
}

/// What both streaming scenarios measure.
enum StreamMeasurement {
  static func make(_ result: LoadResult, _ contender: any Contender) -> Measurement {
    var measurement = Measurement()
    measurement.set(.eventsPerSecond, Double(result.eventsInWindow) / result.seconds)
    measurement.set(.streamsPerSecond, Double(result.answersInWindow) / result.seconds)
    measurement.set(Metric.latencies("firstText", "first text"), result.firstText)
    measurement.set(Metric.latencies("eventDelay", "event delay"), result.eventDelay)
    if contender.hasProcess {
      measurement.set(.cpuPerEvent, result.gatewayMicroseconds / Double(max(1, result.eventsInWindow)))
    }
    result.addProcessors(to: &measurement, contender)
    return measurement
  }
}
