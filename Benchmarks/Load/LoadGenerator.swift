import CLinux
import Reactor

/// Keeps a set of connections asking, checks every answer and counts what arrives in the measuring window.
///
/// A run is: ramp (connections open one after the other), warm-up, window, drain. All on one reactor, on the calling
/// thread.
final class LoadGenerator: TimerHandler {
  let reactor: Reactor
  let address: SocketAddress
  private let requestBytes: UnsafeMutableRawBufferPointer
  private let serials: [Int]
  private var serial: UInt32 = 0
  let referenceBytes: UnsafeRawBufferPointer
  let pieces: UnsafeBufferPointer<ReferenceAnswer.Piece>
  let textEvents: Range<Int>
  let isStream: Bool

  /// Timers with tokens from here on are the run's; below, a token is a connection to open.
  private enum Moment: UInt32 {
    case windowBegins = 0xffff_fff0
    case windowEnds
    case drainEnds
  }

  /// A run that fails this often has told enough.
  private static let failuresMax = 20

  private static let delayMicrosecondsMax: UInt32 = 60_000_000

  private let plan: LoadPlan
  private var connections: [LoadConnection] = []
  private var result = LoadResult()
  private var latency = LatencyHistogram()
  private var firstText = LatencyHistogram()
  private var eventDelay = LatencyHistogram()
  private var isMeasuring = false
  private var isDraining = false
  private var windowBegan = MonotonicTime(nanoseconds: 0)
  private var cpuAtBegin: UInt64 = 0
  /// With a fixed rate: who asks at it, connections without a request, and requests without a connection.
  private var pacer: Pacer?
  private var idle: [LoadConnection] = []
  private var late: [MonotonicTime] = []

  /// - Throws: `BenchmarkError` when the upstream itself answers wrongly.
  init(_ plan: LoadPlan) throws {
    reactor = try Reactor(index: 0)
    self.plan = plan
    isStream = plan.answer == .stream
    guard let address = SocketAddress(literal: "127.0.0.1", port: plan.port) else {
      throw BenchmarkError("no loopback")
    }
    self.address = address
    let request = BenchmarkRequest(plan.answer, promptBytes: plan.promptBytes)
    guard let answer = try PlainClient.ask(port: plan.referencePort, request.bytes) else {
      throw BenchmarkError("the upstream does not answer")
    }
    let reference = try ReferenceAnswer(answer, plan.answer, plan.script)
    textEvents = reference.textEvents
    // Held for the life of the process.
    requestBytes = Self.kept(request.bytes)
    serials = request.serials
    referenceBytes = UnsafeRawBufferPointer(Self.kept(reference.bytes))
    let pieces = UnsafeMutableBufferPointer<ReferenceAnswer.Piece>.allocate(capacity: reference.pieces.count)
    _ = pieces.initialize(from: reference.pieces)
    self.pieces = UnsafeBufferPointer(pieces)
  }

  /// Does the whole run.
  func run() throws -> LoadResult {
    sluice_ignore_sigpipe()
    if plan.measuresMemory { result.atRest = ProcessSample(of: plan.watched, memory: true) }
    connections = (0..<plan.connections).map { _ in LoadConnection(self) }
    let start = MonotonicTime.readClock()
    if let rate = plan.requestsPerSecond {
      idle = connections
      pacer = try Pacer(reactor, perSecond: rate) { [unowned self] in requestIsDue($0) }
    } else {
      for index in 0..<plan.connections {
        let share = Double(index) / Double(plan.connections)
        _ = reactor.startTimer(at: start + .seconds(plan.rampSeconds * share), self, token: UInt32(index))
      }
    }
    let begin = start + .seconds(plan.rampSeconds + plan.warmUpSeconds)
    after(begin, .windowBegins)
    after(begin + .seconds(plan.windowSeconds), .windowEnds)
    reactor.run()
    result.latency = latency.summary
    result.firstText = firstText.summary
    result.eventDelay = eventDelay.summary
    return result
  }

  func timerFired(token: UInt32) {
    switch Moment(rawValue: token) {
    case nil: connections[Int(token)].ask()
    case .windowBegins: beginWindow()
    case .windowEnds: endWindow()
    case .drainEnds:
      let unfinished = connections.count { $0.isBusy }
      if unfinished > 0 { note("\(unfinished) answers were not finished \(plan.drainSeconds) s after the window") }
      reactor.stop()
    }
  }

  /// The next request; the bytes hold until the one after it is asked for.
  func nextRequest() -> UnsafeRawBufferPointer {
    serial &+= 1
    for place in serials {
      for digit in 0..<BenchmarkRequest.serialDigits {
        let value = UInt8(truncatingIfNeeded: serial >> (4 * UInt32(BenchmarkRequest.serialDigits - 1 - digit))) & 0xF
        requestBytes[place + digit] = value < 10 ? 0x30 + value : 0x57 + value
      }
    }
    return UnsafeRawBufferPointer(requestBytes)
  }

  // MARK: What connections report

  @inline(__always)
  func countEvent() {
    result.eventsChecked += 1
    if isMeasuring { result.eventsInWindow += 1 }
  }

  @inline(__always)
  func recordFirstText(_ nanoseconds: UInt64) {
    if isMeasuring { firstText.record(nanoseconds) }
  }

  @inline(__always)
  func recordDelay(microseconds: UInt32) {
    // A stamp whose write the kernel cut in two is no time; it shows as one far away.
    if isMeasuring && microseconds < Self.delayMicrosecondsMax { eventDelay.record(UInt64(microseconds) * 1000) }
  }

  func answered(_ connection: LoadConnection, _ nanoseconds: UInt64) {
    result.answersChecked += 1
    if isMeasuring {
      result.answersInWindow += 1
      latency.record(nanoseconds)
    }
    if let answersMax = plan.answersMax, result.answersChecked >= answersMax { isDraining = true }
    if isDraining { stopWhenIdle() } else { next(connection) }
  }

  func failed(_ connection: LoadConnection, _ why: String) {
    note(why)
    if result.failures >= Self.failuresMax { return reactor.stop() }
    if isDraining { return stopWhenIdle() }
    if pacer != nil { return idle.append(connection) }
    // Later, not at once: a gateway that refuses must not be hammered.
    guard let index = connections.firstIndex(where: { $0 === connection }) else { return }
    _ = reactor.startTimer(at: reactor.now + .milliseconds(50), self, token: UInt32(index))
  }

  private func requestIsDue(_ time: MonotonicTime) {
    guard !isDraining else { return }
    guard let connection = idle.popLast() else { return late.append(time) }
    connection.ask(due: time)
  }

  private func next(_ connection: LoadConnection) {
    guard pacer != nil else { return connection.ask() }
    if late.isEmpty { idle.append(connection) } else { connection.ask(due: late.removeFirst()) }
  }

  // MARK: The run's moments

  private func beginWindow() {
    windowBegan = MonotonicTime.readClock()
    cpuAtBegin = loadCPU
    result.storeCallsAtBegin = storeCalls
    result.atBegin = ProcessSample(of: plan.watched, memory: false)
    isMeasuring = true
  }

  private func endWindow() {
    isMeasuring = false
    result.windowNanoseconds = MonotonicTime.readClock().nanoseconds(since: windowBegan)
    result.atEnd = ProcessSample(of: plan.watched, memory: plan.measuresMemory)
    result.storeCallsAtEnd = storeCalls
    result.loadCPUNanoseconds = loadCPU &- cpuAtBegin
    result.openStreams = connections.count { $0.hasBegun }
    isDraining = true
    pacer?.stop()
    if plan.drainSeconds > 0 {
      after(MonotonicTime.readClock() + .seconds(plan.drainSeconds), .drainEnds)
      stopWhenIdle()
    } else {
      reactor.stop()
    }
  }

  private var storeCalls: Int? { plan.storePort.flatMap { try? StoreCalls.count(port: $0) } }

  private var loadCPU: UInt64 {
    sluice_thread_cpu_nanoseconds() + ProcessSample(of: [plan.upstream], memory: false).cpuNanoseconds
  }

  private func stopWhenIdle() {
    if !connections.contains(where: { $0.isBusy }) { reactor.stop() }
  }

  private func note(_ why: String) {
    result.failures += 1
    if result.failureSamples.count < 5 { result.failureSamples.append(why) }
  }

  private func after(_ time: MonotonicTime, _ moment: Moment) {
    _ = reactor.startTimer(at: time, self, token: moment.rawValue)
  }

  private static func kept(_ bytes: [UInt8]) -> UnsafeMutableRawBufferPointer {
    let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes.count, alignment: 64)
    copy.copyBytes(from: bytes)
    return copy
  }
}
