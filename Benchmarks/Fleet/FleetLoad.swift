import CLinux
import Reactor

/// All clients of a run, on one reactor and the calling thread.
final class FleetLoad: TimerHandler {
  let reactor: Reactor
  let address: SocketAddress
  let plan: FleetPlan
  let table: TokenTable
  /// Counted after the fact instead of in the gateway; nil: the gateway limits.
  let fixedWindow: FixedWindow?
  var counts = FleetCounts()
  private(set) var log = DeliveryLog()
  private(set) var isOver = false

  private static let over: UInt32 = 0
  private static let sweep: UInt32 = 1
  private static let lastWord: UInt32 = 2
  private static let sweepMilliseconds = 250

  private var clients: [FleetClient] = []
  private var begin = MonotonicTime(nanoseconds: 0)
  private var random: UInt64 = 1

  init(port: UInt16, _ plan: FleetPlan, _ table: TokenTable, fixedWindow: FixedWindow?) throws {
    reactor = try Reactor(index: 0)
    guard let address = SocketAddress(literal: "127.0.0.1", port: port) else { throw BenchmarkError("no loopback") }
    self.address = address
    self.plan = plan
    self.table = table
    self.fixedWindow = fixedWindow
  }

  /// Runs until the measured time is over and all streams have ended, or hang.
  ///
  /// - Parameter begun: told the time at which the clients begin.
  func run(begun: (MonotonicTime) -> Void) {
    sluice_ignore_sigpipe()
    clients = (0..<plan.streams).map { _ in FleetClient(self) }
    begin = MonotonicTime.readClock()
    begun(begin)
    // Over the length of a stream, so that they do not run in step.
    let ramp = min(plan.settleSeconds * 500, plan.gapMicroseconds * plan.answerEvents / 1000)
    for (index, client) in clients.enumerated() {
      _ = reactor.startTimer(at: begin + .milliseconds(ramp * index / clients.count), client)
    }
    after(plan.endMillisecond, Self.over)
    after(Self.sweepMilliseconds, Self.sweep)
    reactor.run()
  }

  func timerFired(token: UInt32) {
    switch token {
    case Self.over:
      isOver = true
      // The longest stream, and what hangs has had time to be seen as hanging.
      after(
        plan.endMillisecond + plan.gapMicroseconds * plan.answerEvents * 2 / 1000 + (plan.hangSeconds + 2) * 1000,
        Self.lastWord)
      clientRests()
    case Self.lastWord:
      counts.hung += clients.count { $0.isBusy }
      reactor.stop()
    default:
      let now = MonotonicTime.readClock()
      let silence = UInt64(plan.hangSeconds) * 1_000_000_000
      let since = MonotonicTime(nanoseconds: now.nanoseconds > silence ? now.nanoseconds - silence : 0)
      for client in clients { client.endIfSilent(since: since) }
      _ = reactor.startTimer(at: now + .milliseconds(Self.sweepMilliseconds), self, token: Self.sweep)
    }
  }

  // MARK: What clients ask and report

  /// Text events of the next stream: from half to one and a half times the mean.
  func nextLength() -> Int {
    random = random &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return max(1, plan.answerEvents / 2 + Int(random >> 33) % (plan.answerEvents + 1))
  }

  func request(_ events: Int) -> [UInt8] {
    FleetRequest.bytes(
      "events=\(events) reasoning=0 gap=\(plan.gapMicroseconds)us prompt=\(plan.promptTokens) completion=\(table.total(events))"
    )
  }

  func delivered(_ tokens: Int, _ now: MonotonicTime) {
    log.add(tokens, at: Int(now.nanoseconds(since: begin) / 1_000_000))
  }

  func clientRests() {
    if isOver, !clients.contains(where: { $0.isBusy }) { reactor.stop() }
  }

  private func after(_ millisecond: Int, _ token: UInt32) {
    _ = reactor.startTimer(at: begin + .milliseconds(millisecond), self, token: token)
  }
}

/// What a client of the fleet sends.
enum FleetRequest {
  /// A paragraph of about a hundred tokens.
  private static let prompt = Array(
    repeating: "Explain once more why a gate in front of a mill must open before the water is high.", count: 5
  ).joined(separator: " ")

  /// A request whose upstream says what the script tells.
  static func bytes(_ script: String) -> [UInt8] {
    let body =
      #"{"model":"\#(BenchmarkRequest.model)","stream":true,"stream_options":{"include_usage":true},"#
      + #""metadata":{"script":"\#(script)"},"messages":[{"role":"user","content":"\#(prompt)"}]}"#
    let head =
      "POST /v1/chat/completions HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: Bearer \(BenchmarkRequest.key)\r\n"
      + "content-type: application/json\r\ncontent-length: \(body.utf8.count)\r\n\r\n"
    return Array((head + body).utf8)
  }
}
