import Reactor

/// From exec to the first answer that a client gets.
struct StartupScenario: Scenario {
  let name = "startup"
  let summary = "exec to first served answer"

  /// Starts in each round; their median is the round's figure.
  private static let starts = 5

  func run(_ bench: Bench) throws -> ScenarioReport {
    let contenders = bench.contenders.filter { $0.hasProcess }
    guard !contenders.isEmpty else { throw BenchmarkError("no contender can take part") }
    var report = ScenarioReport(
      name: name, summary: summary,
      parameters: [("rounds", "\(bench.options.rounds)"), ("starts a round", "\(Self.starts)")])
    let upstream = try bench.startUpstream(.whole)
    defer { upstream.process.stop() }
    guard let answer = try PlainClient.ask(port: upstream.port, BenchmarkRequest(.whole).bytes) else {
      throw BenchmarkError("the upstream does not answer")
    }
    let expected = try ReferenceAnswer(answer, .whole, .whole)
    for round in 1...bench.options.rounds {
      for contender in contenders {
        bench.say("\(name): round \(round) of \(bench.options.rounds), \(contender.name)")
        let times = try (0..<Self.starts).map { _ in
          try milliseconds(bench, contender, upstream.port, expected)
        }
        var measurement = Measurement()
        if let spread = Spread(times) { measurement.set(.startup, spread.median) }
        report.add(contender.name, measurement)
      }
    }
    report.checked = "every first answer equal to the upstream's own"
    return report
  }

  private func milliseconds(
    _ bench: Bench, _ contender: any Contender, _ upstreamPort: UInt16, _ expected: ReferenceAnswer
  ) throws -> Double {
    let start = MonotonicTime.readClock()
    let running = try contender.start(bench, upstreamPort: upstreamPort)
    defer { running.process?.stop() }
    let answer = try bench.waitUntilServing(running)
    let elapsed = MonotonicTime.readClock().nanoseconds(since: start)
    guard expected.isEqual(to: answer.body) else {
      throw BenchmarkError("\(contender.name): the first answer is not the upstream's")
    }
    return Double(elapsed) / 1e6
  }
}
