/// Many streams at the pace of a model: what an event costs when every event comes alone. The honest figure per
/// event: nothing is gained by reading several at once.
struct StreamPacedScenario: Scenario {
  let name = "stream-paced"
  let summary = "1,000 streams, an event each 20 ms: CPU per event, added delay"

  func run(_ bench: Bench) throws -> ScenarioReport {
    let options = bench.options
    let script = UpstreamScript(textEvents: 198, gapMilliseconds: 20)
    var report = ScenarioReport(
      name: name, summary: summary,
      parameters: [
        ("streams", "\(options.streams)"), ("events", "\(script.events) a stream, about 260 bytes each, gap 20 ms"),
        ("window", "\(options.seconds) s"), ("rounds", "\(options.rounds)"),
      ])
    let plan = LoadPlan(
      .stream, script, connections: options.streams, rampSeconds: 1, windowSeconds: options.seconds, drainSeconds: 15)
    try GatewayRun(bench: bench, plan: plan).run(into: &report, measurement: StreamMeasurement.make)
    return report
  }
}
