public import GatewayConfiguration
public import Reactor
public import Transport

/// The sessions of one upstream on one reactor.
///
/// The byte path calls it synchronously: `pool.assumeIsolated { $0.lease(…) }`, on the pool's reactor. What is to be done is decided by
/// `SessionPoolState`; this actor carries it out: resolves, connects, closes, tells who waits, keeps the one timer.
public actor SessionPool {
  /// The reactor, as this actor's executor.
  public nonisolated let unownedExecutor: UnownedSerialExecutor
  /// The reactor that the pool and its sessions live on.
  public nonisolated let reactor: Reactor

  var state: SessionPoolState
  var sessions: ContiguousArray<UpstreamSession?> = []
  var attempts: [SlotID: ConnectAttempt] = [:]
  var targets: [EndpointTarget?]
  var preferredAddresses: [SocketAddress?]
  let environment: PoolEnvironment
  private var connectTimeout: Duration
  private var dnsRefresh: Duration
  private var waiters: [LeaseID: any LeaseWaiter] = [:]
  private var siblings: [Sibling] = []
  private var timer: Reactor.TimerID?
  private var timerAt = MonotonicTime.never
  private var jitter: UInt64
  private lazy var bridge = SessionPoolBridge(self)

  /// The same upstream's pool on another reactor. Weak, for they know one another: an upstream that has gone must not stay in memory.
  private struct Sibling { weak let pool: SessionPool? }

  init(
    settings: UpstreamSettings, targets: [EndpointTarget], shard: Int, shards: Int, permits: SessionPermits,
    environment: PoolEnvironment
  ) {
    reactor = environment.context.reactor
    unownedExecutor = reactor.asUnownedSerialExecutor()
    self.environment = environment
    self.targets = targets
    preferredAddresses = targets.map { _ in nil }
    connectTimeout = settings.timeouts.connect
    dnsRefresh = settings.dnsRefresh
    jitter = environment.seed &+ UInt64(shard)
    state = SessionPoolState(
      shard: shard, permits: permits, limits: PoolLimits(settings.pool, shard: shard, shards: shards),
      balance: settings.balance, weights: targets.map(\.settings.weight))
  }

  // MARK: The byte path

  /// Asks for a session. A session in the answer is leased: `begin` on it in this turn, then `giveBack` or `discard` it, exactly once.
  public func lease(_ wish: LeaseWish, for waiter: any LeaseWaiter, now: MonotonicTime) -> LeaseAnswer {
    switch state.lease(wish, now: now) {
    case .use(let id):
      arm()
      guard let session = sessions[Int(id.index)] else { preconditionFailure("an idle session has no object") }
      return .session(session)
    case .wait(let id, let actions):
      waiters[id] = waiter
      perform(actions)
      return .waiting(id)
    case .refuse(let failure): return .refused(failure)
    }
  }

  /// The waiter has lost interest and is not called any more. Harmless when the wait is over.
  public func cancel(_ id: LeaseID) {
    waiters[id] = nil
    state.cancel(id)
  }

  /// A leased session after its answer, idle or closed: it is handed to who waits, parked or forgotten.
  public func giveBack(_ session: UpstreamSession) {
    let limit = state.limits.maxRequestsPerSession
    let isReusable = session.isIdle && (limit == 0 || session.requestCount < limit)
    let actions = state.giveBack(session.id, isReusable: isReusable, now: reactor.now)
    if actions.isEmpty { return arm() }
    perform(actions)
  }

  /// A leased session that ends in mid-use, closed or not yet; it is closed, and `outcome` says what it tells of the endpoint.
  public func discard(_ session: UpstreamSession, _ outcome: SessionOutcome) {
    if !session.isClosed { session.abandon() }
    if outcome.isFault { state.totals.faults &+= 1 }
    perform(state.giveBack(session.id, isReusable: false, now: reactor.now))
  }

  /// The endpoint that a leased session is connected to: its URL gives the `Host` field and the path's prefix. nil when it has left the
  /// configuration meanwhile.
  public func endpoint(of session: UpstreamSession) -> EndpointSettings? {
    targets.indices.contains(session.endpoint) ? targets[session.endpoint]?.settings : nil
  }

  /// How the pool stands.
  public func gauges() -> PoolGauges { state.gauges }

  // MARK: Carrying out

  func perform(_ actions: [PoolAction]) {
    for action in actions {
      switch action {
      case .connect(let id, let endpoint): connect(id, endpoint)
      case .close(let id): close(id)
      case .grant(let lease, let id): grant(lease, id)
      case .fail(let lease, let failure): waiters.removeValue(forKey: lease)?.leaseFailed(failure, id: lease)
      case .handPermit(let shard): handPermit(to: shard)
      case .report(let report): environment.report(state.shard, report)
      }
    }
    arm()
  }

  private func grant(_ lease: LeaseID, _ id: SlotID) {
    guard let session = sessions[Int(id.index)] else { preconditionFailure("a granted session has no object") }
    // Who was granted a session may cancel before it hears of it, from inside another one's call.
    guard let waiter = waiters.removeValue(forKey: lease) else { return giveBack(session) }
    waiter.leaseGranted(session, id: lease)
  }

  private func close(_ id: SlotID) {
    attempts[id] = nil
    guard Int(id.index) < sessions.count, let session = sessions[Int(id.index)], session.id == id else { return }
    sessions[Int(id.index)] = nil
    session.close()
  }

  private func handPermit(to shard: Int) {
    guard siblings.indices.contains(shard), let sibling = siblings[shard].pool else { return }
    sibling.reactor.execute { sibling.assumeIsolated { $0.permitArrived() } }
  }

  func permitArrived() { perform(state.permitArrived(now: reactor.now)) }

  // MARK: Connecting

  private func connect(_ id: SlotID, _ endpoint: Int) {
    guard let target = targets[endpoint], let port = UInt16(exactly: target.settings.url.port) else {
      return failLater(id, .nameNotResolved("the endpoint was removed"))
    }
    let now = reactor.now
    attempts[id] = ConnectAttempt(endpoint: endpoint, addresses: [], preferred: nil, deadline: now + connectTimeout)
    environment.resolver.resolve(
      target.settings.url.host, port: port, timeToLive: dnsRefresh, now: now, on: reactor
    ) { [weak self] answer in
      self?.assumeIsolated { $0.resolved(id, answer) }
    }
  }

  private func resolved(_ id: SlotID, _ answer: Resolver.Answer) {
    guard let attempt = attempts[id] else { return }
    switch answer {
    case .failure(let error): failLater(id, error)
    case .success(let addresses):
      attempts[id] = ConnectAttempt(
        endpoint: attempt.endpoint, addresses: addresses, preferred: preferredAddresses[attempt.endpoint],
        deadline: attempt.deadline)
      if !connectNextAddress(id) {
        failLater(id, addresses.isEmpty ? .nameNotResolved("no address") : .connectTimedOut)
      }
    }
  }

  private func connectNextAddress(_ id: SlotID) -> Bool {
    guard let endpoint = attempts[id]?.endpoint, let (address, deadline) = attempts[id]?.takeNext(reactor.now) else {
      return false
    }
    let session = UpstreamSession(
      context: environment.context,
      target: UpstreamTarget(addresses: [address], tls: targets[endpoint]?.tls), owner: bridge,
      connectDeadline: deadline)
    session.id = id
    session.endpoint = endpoint
    while sessions.count <= Int(id.index) { sessions.append(nil) }
    sessions[Int(id.index)] = session
    session.connect()
    return true
  }

  /// Fails a connect at the end of the turn: who waits is never told from inside `lease`.
  private func failLater(_ id: SlotID, _ error: TransportError) {
    reactor.atEndOfTurn { [self] in assumeIsolated { $0.connectFailed(id, error) } }
  }

  private func connectFailed(_ id: SlotID, _ error: TransportError) {
    guard let attempt = attempts.removeValue(forKey: id) else { return }
    if Int(id.index) < sessions.count { sessions[Int(id.index)] = nil }
    if preferredAddresses[attempt.endpoint] != nil { preferredAddresses[attempt.endpoint] = nil }
    // A linear congruential step (Knuth's MMIX constants): spread, not secrecy, is wanted.
    jitter = jitter &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    perform(state.connectFailed(id, error, now: reactor.now, jitter: UInt8(truncatingIfNeeded: jitter >> 56)))
  }

  func sessionConnected(_ session: UpstreamSession) {
    guard let attempt = attempts.removeValue(forKey: session.id) else { return session.close() }
    preferredAddresses[attempt.endpoint] = attempt.current
    perform(state.connected(session.id, now: reactor.now))
  }

  func sessionConnectFailed(_ session: UpstreamSession, _ error: TransportError) {
    guard attempts[session.id] != nil else { return }
    switch error {
    case .connectFailed, .connectTimedOut, .exhausted:
      if connectNextAddress(session.id) { return }
    default: break  // The name, the certificate: no other address will do better.
    }
    connectFailed(session.id, error)
  }

  func sessionDiedIdle(_ session: UpstreamSession) {
    guard Int(session.id.index) < sessions.count, sessions[Int(session.id.index)] === session else { return }
    // A session that is leased but not begun is the holder's: it sees `isClosed` and discards it.
    guard state.phase(of: session.id) == .idle else { return }
    sessions[Int(session.id.index)] = nil
    perform(state.diedIdle(session.id, now: reactor.now))
  }

  // MARK: The timer

  /// One timer for the pool: for the earliest of all that waits for a time.
  private func arm() {
    guard state.wakeAt < timerAt else { return }
    if let timer { reactor.cancelTimer(timer) }
    timerAt = state.wakeAt
    timer = reactor.startTimer(at: timerAt, bridge)
  }

  func timerFired() {
    timer = nil
    timerAt = .never
    perform(state.tick(now: reactor.now))
  }

  // MARK: The supervisor's word

  func meet(_ pools: [SessionPool]) { siblings = pools.map { Sibling(pool: $0) } }

  func refill() { perform(state.refill(now: reactor.now)) }

  func yieldIdle() -> Bool {
    let actions = state.yieldIdle()
    perform(actions)
    return !actions.isEmpty
  }

  func markDown(_ endpoint: Int, until: MonotonicTime) {
    perform(state.markDown(endpoint, until: until, now: reactor.now))
  }

  func markRecovered(_ endpoint: Int) { perform(state.markRecovered(endpoint, now: reactor.now)) }

  func reconfigure(_ settings: UpstreamSettings, _ targets: [EndpointTarget?], shards: Int) {
    for index in targets.indices where index >= self.targets.count || targets[index] == nil {
      if index >= preferredAddresses.count { preferredAddresses.append(nil) } else { preferredAddresses[index] = nil }
    }
    self.targets = targets
    connectTimeout = settings.timeouts.connect
    dnsRefresh = settings.dnsRefresh
    perform(
      state.reconfigure(
        limits: PoolLimits(settings.pool, shard: state.shard, shards: shards), balance: settings.balance,
        weights: targets.map { $0?.settings.weight }, now: reactor.now))
  }

  func drain() {
    perform(state.drain())
    if let timer { reactor.cancelTimer(timer) }
    timer = nil
    timerAt = .never
  }

  /// What the supervisor sums up; endpoints by number.
  func snapshot() -> (PoolGauges, [SessionPoolState.Endpoint]) { (state.gauges, Array(state.endpoints)) }

  /// Whether no session to that endpoint is left.
  func isUnused(_ endpoint: Int) -> Bool {
    guard state.endpoints.indices.contains(endpoint) else { return true }
    let endpoint = state.endpoints[endpoint]
    return endpoint.isRetired && endpoint.leased == 0 && endpoint.connecting == 0 && endpoint.idle.isEmpty
  }
}
