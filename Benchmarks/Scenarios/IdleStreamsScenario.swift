/// Memory that an open stream costs: resident bytes with all streams live, minus resident bytes before the first, per
/// stream.
struct IdleStreamsScenario: Scenario {
  let name = "idle-streams"
  let summary = "memory per open stream, 1,000 streams with an event each 250 ms"

  func run(_ bench: Bench) throws -> ScenarioReport {
    let options = bench.options
    let script = UpstreamScript(textEvents: 60, gapMilliseconds: 250)
    var report = ScenarioReport(
      name: name, summary: summary,
      parameters: [
        ("streams", "\(options.streams)"), ("events", "gap \(script.gapMilliseconds) ms, about 260 bytes each"),
        ("rounds", "\(options.rounds)"),
      ])
    // The streams last longer than the run and are cut off at its end.
    var plan = LoadPlan(
      .stream, script, connections: options.streams, rampSeconds: 1, windowSeconds: 2, drainSeconds: 0)
    plan.measuresMemory = true
    try GatewayRun(bench: bench, plan: plan).run(into: &report, takesPart: { $0.hasProcess }) { result, _ in
      var measurement = Measurement()
      guard let atRest = result.atRest, let atEnd = result.atEnd, result.openStreams == options.streams else {
        throw BenchmarkError("\(result.openStreams) of \(options.streams) streams were open when memory was read")
      }
      measurement.set(.residentIdle, Double(atRest.residentBytes))
      measurement.set(.residentLive, Double(atEnd.residentBytes))
      let growth = Double(atEnd.residentBytes) - Double(atRest.residentBytes)
      measurement.set(.bytesPerStream, growth / Double(options.streams))
      return measurement
    }
    return report
  }
}
