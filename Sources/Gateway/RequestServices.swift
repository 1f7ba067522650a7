internal import GatewayConfiguration
internal import HTTPWire
internal import Quotas
internal import Reactor
internal import Transport

/// What all requests of one reactor share: its clock, its log, what was learned there. Confined to its thread.
final class RequestServices {
  let reactor: Reactor
  /// The bound of all bodies that the process holds.
  let bodies: BodyMemory
  let startedAtUnixSeconds: Int
  /// False while draining.
  var isReady = true
  /// A buffer for heads that are being written. Whoever uses it swaps it out meanwhile.
  var scratch = OutputBytes(capacity: 4096)
  var random = RequestIDGenerator()
  /// Connections of clients here.
  var connectionCount: Int { downstream?.connectionCount ?? 0 }
  /// The connections, once there can be any.
  weak var downstream: DownstreamContext?
  /// Requests under way.
  private(set) var activeCount = 0
  /// What counts and upstreams' usage have taught.
  private(set) var reconciler = TokenReconciler()
  /// Bodies that are kept until their answers tell what prompts had.
  var promptMemory = PromptMemory()
  /// Where limits are asked; nil while there are none, so that they cost nothing then.
  var desk: LimitDesk?
  /// The access log's lines that wait.
  private let log: LogBuffer
  private var keyTurns: [Int] = []
  private var clock = HTTPDate()

  init(reactor: Reactor, bodies: BodyMemory, log: AccessLog, startedAtUnixSeconds: Int) {
    self.reactor = reactor
    self.bodies = bodies
    self.log = LogBuffer(log, on: reactor)
    self.startedAtUnixSeconds = startedAtUnixSeconds
  }

  /// Begins to use a configuration.
  func apply(_ snapshot: GatewaySnapshot) {
    keyTurns = Array(repeating: 0, count: snapshot.upstreams.count)
    log.configure(snapshot.settings.log)
  }

  /// A request has come.
  func began() { activeCount += 1 }

  /// A request has ended: its record is written.
  ///
  /// - Parameter tokens: how its model is counted, where it had one.
  func ended(_ record: inout RequestRecord, _ tokens: ModelTokens?, isLogged: Bool) {
    activeCount -= 1
    if let tokens { reconciler.settle(record, tokens) }
    if isLogged { log.append(&record) }
  }

  /// Hands over the lines that wait.
  func flushLog() { log.flush() }

  /// Which of an upstream's keys is next.
  func nextKey(of upstream: Int, _ count: Int) -> Int {
    guard count > 1, keyTurns.indices.contains(upstream) else { return 0 }
    keyTurns[upstream] &+= 1
    return Int(UInt(bitPattern: keyTurns[upstream]) % UInt(count))
  }

  /// Seconds since 1970.
  var unixTime: Int { Limiter.unixTime() }

  /// Appends `date: …` with its line end, for this second.
  func appendDate(to output: inout OutputBytes) { clock.append(to: &output, now: reactor.now) }
}
