internal import Reactor

/// Whom a node tells.
protocol RedisNodeOwner: AnyObject {
  func callEnded(_ call: RedisCall, _ result: Result<RedisReply, RedisError>, at node: RedisNode)
  func happened(_ event: RedisEvent)
}

/// One server: keeps a connection to it alive, by backoff, and judges by a breaker whether it is worth asking. Confined to its client's reactor.
final class RedisNode: RedisConnectionOwner, TimerHandler {
  private enum TimerToken: UInt32 { case probe, idle }

  /// Names the server; with sentinels, what they last told.
  private(set) var endpoint: RedisEndpoint
  private let context: RedisContext
  private let reactor: Reactor
  private let target: RedisConnection.Target
  private let draw: () -> UInt64
  private weak var owner: (any RedisNodeOwner)?

  private(set) var breaker: RedisBreaker
  private(set) var lastLoss: RedisLoss?
  private var connection: RedisConnection?
  private var backoff: ReconnectBackoff
  private var isClosed = false
  private var probeTimer: Reactor.TimerID?
  private var idleTimer: Reactor.TimerID?

  init(
    endpoint: RedisEndpoint, target: RedisConnection.Target, context: RedisContext, draw: @escaping () -> UInt64,
    owner: any RedisNodeOwner
  ) {
    self.endpoint = endpoint
    self.target = target
    self.context = context
    self.draw = draw
    self.owner = owner
    reactor = context.reactor
    breaker = RedisBreaker(context.settings.breaker)
    backoff = ReconnectBackoff(context.settings.backoff)
  }

  var isConnected: Bool { connection?.isReady == true }

  /// Takes a command, or says why not. Its end is told to the owner, never from inside this call.
  func submit(_ call: RedisCall) -> RedisError? {
    guard !isClosed else { return .closed }
    guard breaker.admits else { return .breakerOpen }
    connect()
    guard let refusal = connection?.submit(call) else { return nil }
    return refusal == .notConnected(nil) ? .notConnected(lastLoss) : refusal
  }

  /// Connects ahead of need.
  func connect() {
    if connection == nil && !isClosed { makeConnection(restUntil: reactor.now) }
  }

  /// The server is no longer in charge: what is under way may end there, what comes goes to whoever is.
  func leave() {
    guard let old = connection, old.isReady else { return }
    // Not at once when it has hardly begun: a server that stays a replica is not to be asked in a circle.
    let held = old.readyAt.map { Duration.nanoseconds(Int64(clamping: reactor.now.nanoseconds(since: $0))) }
    old.retire()
    if case .master(let locator) = target { locator.disbelieve() }
    makeConnection(restUntil: reactor.now + backoff.next(afterHolding: held, draw: draw()))
  }

  /// Takes nothing more; ends when what is under way has ended.
  func retire() {
    isClosed = true
    cancelTimers()
    connection?.retire()
    connection = nil
  }

  /// Ends at once.
  func close() {
    isClosed = true
    cancelTimers()
    if case .master(let locator) = target { locator.stop() }
    connection?.end(.closed)
    connection = nil
  }

  private func cancelTimers() {
    for timer in [probeTimer, idleTimer] { if let timer { reactor.cancelTimer(timer) } }
    probeTimer = nil
    idleTimer = nil
  }

  private func makeConnection(restUntil: MonotonicTime) {
    let settings = context.settings
    let made = RedisConnection(
      context: context, target: target, credentials: settings.credentials, database: settings.database,
      restUntil: restUntil, owner: self)
    connection = made
    made.start()
  }

  // MARK: What the connection tells

  func connectionReady(_ connection: RedisConnection) {
    guard connection === self.connection else { return }
    lastLoss = nil
    if let endpoint = connection.endpoint { self.endpoint = endpoint }
    owner?.happened(.connected(endpoint))
    note(breaker.connected())
    watchIdleness(connection)
  }

  func connectionEnded(_ connection: RedisConnection, _ loss: RedisLoss) {
    guard connection === self.connection else { return }
    self.connection = nil
    guard !isClosed else { return }
    if let endpoint = connection.endpoint { self.endpoint = endpoint }
    let held = connection.readyAt.map { Duration.nanoseconds(Int64(clamping: reactor.now.nanoseconds(since: $0))) }
    let isNew = held != nil || loss != lastLoss
    lastLoss = loss
    if case .master(let locator) = target { locator.disbelieve() }
    makeConnection(restUntil: reactor.now + backoff.next(afterHolding: held, draw: draw()))
    if isNew { owner?.happened(.disconnected(endpoint, loss)) }
    // A lost connection's commands fail, and count, one by one.
    if held == nil { note(breaker.failed(at: reactor.now)) }
  }

  func callEnded(_ call: RedisCall, _ result: Result<RedisReply, RedisError>, on connection: RedisConnection) {
    switch result {
    case .success: breaker.succeeded()
    case .failure(.server(let error)) where !error.isUnavailability: breaker.succeeded()
    // The attempt to connect was counted already.
    case .failure(.notConnected): break
    // An end that we chose is nobody's fault.
    case .failure(.connectionLost(.closed, _)), .failure(.connectionLost(.replaced, _)): break
    case .failure: note(breaker.failed(at: reactor.now))
    }
    owner?.callEnded(call, result, at: self)
  }

  // MARK: The breaker and the idle connection

  private func note(_ change: RedisBreaker.Change) {
    switch change {
    case .none: break
    case .opened(let until):
      if let probeTimer { reactor.cancelTimer(probeTimer) }
      probeTimer = isClosed ? nil : reactor.startTimer(at: until, self, token: TimerToken.probe.rawValue)
      owner?.happened(.breakerOpened(endpoint))
    case .closed: owner?.happened(.breakerClosed(endpoint))
    }
  }

  func timerFired(token: UInt32) {
    guard !isClosed else { return }
    switch TimerToken(rawValue: token) {
    case .probe: probe()
    case .idle: pingIfIdle()
    case nil: break
    }
  }

  /// Asks for a sign of life; without a connection, the next one's welcome is the sign.
  private func probe() {
    probeTimer = nil
    guard breaker.probeDue(at: reactor.now), let connection, connection.isReady else { return }
    let call = ping(within: context.settings.breaker.probeTimeout) { [weak self] result in
      guard let self else { return }
      let change = breaker.probeEnded(succeeded: Self.isAlive(result), at: reactor.now)
      if case .opened(let until) = change {
        // Open as before: nothing new to tell.
        probeTimer = isClosed ? nil : reactor.startTimer(at: until, self, token: TimerToken.probe.rawValue)
      } else {
        note(change)
      }
    }
    if let refusal = connection.submit(call) {
      reactor.atEndOfTurn { call.finish(.failure(refusal)) }
    }
  }

  private static func isAlive(_ result: Result<RedisReply, RedisError>) -> Bool {
    switch result {
    case .success: true
    case .failure(.server(let error)): !error.isUnavailability
    case .failure: false
    }
  }

  private func watchIdleness(_ connection: RedisConnection) {
    if let idleTimer { reactor.cancelTimer(idleTimer) }
    let pause = context.settings.idlePingAfter
    let due = connection.lastProgress + pause
    idleTimer = reactor.startTimer(
      at: due > reactor.now ? due : reactor.now + pause, self,
      token: TimerToken.idle.rawValue)
  }

  /// So that a connection that died in silence is found before a request needs it.
  private func pingIfIdle() {
    idleTimer = nil
    guard let connection, connection.isReady else { return }
    let silence = reactor.now.nanoseconds(since: connection.lastProgress)
    if connection.isIdle && silence >= context.settings.idlePingAfter.wholeNanoseconds {
      _ = connection.submit(ping(within: context.settings.replyTimeMax) { _ in })
    }
    watchIdleness(connection)
  }

  private func ping(within time: Duration, _ completion: @escaping RedisCall.Completion) -> RedisCall {
    RedisCall(RedisCommand("PING"), deadline: reactor.now + time, isInternal: true, completion: completion)
  }
}
