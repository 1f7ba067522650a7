/// The course of every scenario in which load passes through the contenders: first each is checked, then they take
/// turns.
struct GatewayRun {
  let bench: Bench
  /// The plan of the measurement; ports and processes are filled in.
  let plan: LoadPlan
  /// Who takes part; nil: all who were asked for.
  var contenders: [any Contender]?

  /// Answers that each contender must give right before anything is timed.
  private static let answersChecked = 64
  private static let checkConnectionsMax = 16

  /// Checks and measures all contenders that `takesPart` lets in.
  ///
  /// - Throws: `BenchmarkError` on the first wrong, lost or reordered answer, in the check or while measuring.
  func run(
    into report: inout ScenarioReport, takesPart: (any Contender) -> Bool = { _ in true },
    measurement: (LoadResult, any Contender) throws -> Measurement
  ) throws {
    let contenders = (contenders ?? bench.contenders).filter(takesPart)
    guard !contenders.isEmpty else { throw BenchmarkError("no contender can take part") }
    var answers = 0
    var events = 0
    for contender in contenders {
      bench.say("\(report.name): checking \(contender.name)")
      let result = try load(contender, checkPlan)
      answers += result.answersChecked
      events += result.eventsChecked
    }
    for round in 1...bench.options.rounds {
      for contender in contenders {
        bench.say("\(report.name): round \(round) of \(bench.options.rounds), \(contender.name)")
        let result = try load(contender, plan)
        answers += result.answersChecked
        events += result.eventsChecked
        report.add(contender.name, try measurement(result, contender))
      }
    }
    report.checked =
      "\(answers) answers" + (events > 0 ? " with \(events) events" : "")
      + ", each byte equal to the upstream's own answer"
  }

  private var checkPlan: LoadPlan {
    var check = plan
    // The same streams, at a pace that lets the check end soon.
    check.script.gapMilliseconds = min(plan.script.gapMilliseconds, 4)
    check.connections = min(plan.connections, Self.checkConnectionsMax)
    check.answersMax = Self.answersChecked
    check.requestsPerSecond = nil
    check.rampSeconds = 0
    check.warmUpSeconds = 0
    check.windowSeconds = 0.5
    check.drainSeconds = Double(check.script.events * check.script.gapMilliseconds) / 1000 + 10
    check.measuresMemory = false
    return check
  }

  private func load(_ contender: any Contender, _ plan: LoadPlan) throws -> LoadResult {
    let upstream = try bench.startUpstream(plan.script)
    defer { upstream.process.stop() }
    let running = try contender.start(bench, upstreamPort: upstream.port)
    defer { running.process?.stop() }
    try bench.waitUntilServing(running)
    var plan = plan
    plan.port = running.port
    plan.referencePort = upstream.port
    plan.watched = running.processes
    plan.upstream = upstream.process.pid
    plan.storePort = running.storePort
    let result = try bench.load(plan)
    guard result.failures == 0 else {
      throw BenchmarkError(
        "\(contender.name): \(result.failures) wrong answers, \(result.answersChecked) right ones; "
          + result.failureSamples.joined(separator: "; ") + running.logTail)
    }
    guard result.answersChecked + result.openStreams > 0 else {
      throw BenchmarkError("\(contender.name): no answer at all")
    }
    guard running.process?.isRunning ?? true else {
      throw BenchmarkError("\(contender.name) ended by itself\(running.logTail)")
    }
    return result
  }
}

extension LoadPlan {
  /// A plan without its run's ports and processes.
  init(
    _ answer: Answer, _ script: UpstreamScript, connections: Int, rampSeconds: Double, windowSeconds: Double,
    drainSeconds: Double
  ) {
    self.init(
      port: 0, referencePort: 0, answer: answer, script: script, connections: connections, rampSeconds: rampSeconds,
      warmUpSeconds: 1,
      windowSeconds: windowSeconds, drainSeconds: drainSeconds, watched: [])
  }
}

extension LoadResult {
  /// The window in seconds.
  var seconds: Double { Double(windowNanoseconds) / 1e9 }

  /// CPU time of the watched processes in the window, in microseconds.
  var gatewayMicroseconds: Double {
    guard let atBegin, let atEnd else { return 0 }
    return Double(atEnd.cpuNanoseconds - min(atBegin.cpuNanoseconds, atEnd.cpuNanoseconds)) / 1000
  }

  /// Calls of the gateway's Redis a second in the window, and those before it.
  func addStoreCalls(to measurement: inout Measurement) {
    guard let storeCallsAtBegin, let storeCallsAtEnd else { return }
    measurement.set(.storeCallsPerSecond, Double(storeCallsAtEnd - storeCallsAtBegin) / seconds)
    measurement.set(.storeCallsBefore, Double(storeCallsAtBegin))
  }

  /// Adds what every scenario tells of the processors.
  func addProcessors(to measurement: inout Measurement, _ contender: any Contender) {
    if contender.hasProcess, let atBegin, let atEnd {
      measurement.set(.gatewayBusy, gatewayMicroseconds / seconds / 10_000)
      measurement.set(
        .gatewayKeptWaiting, (Double(atEnd.waitingNanoseconds) - Double(atBegin.waitingNanoseconds)) / 1e7 / seconds)
      func rate(_ path: KeyPath<ProcessSample, UInt64>) -> Double {
        (Double(atEnd[keyPath: path]) - Double(atBegin[keyPath: path])) / seconds
      }
      measurement.set(.voluntarySwitches, rate(\.voluntarySwitches))
      measurement.set(.involuntarySwitches, rate(\.involuntarySwitches))
    }
    measurement.set(.loadBusy, Double(loadCPUNanoseconds) / 1e7 / seconds)
  }
}
