public import GatewayConfiguration
public import Reactor
public import Transport

/// Supervises one upstream: its endpoints, and a pool of sessions on each reactor. Lives on the first reactor.
///
/// The pools decide alone what concerns one reactor. What concerns several comes here: sessions that die are replaced with backoff, an
/// endpoint that fails again and again is marked down everywhere until a probe succeeds, permits go from a reactor with idle sessions to one
/// that starves, settings change.
public actor UpstreamSupervisor {
  /// The first reactor, as this actor's executor.
  public nonisolated let unownedExecutor: UnownedSerialExecutor
  /// The upstream's name in the configuration.
  public nonisolated let name: String

  private nonisolated let pools: [SessionPool]
  private nonisolated let reactor: Reactor
  private nonisolated let permits: SessionPermits
  private nonisolated let reports: AsyncStream<Input>
  private nonisolated let inputs: AsyncStream<Input>.Continuation
  private var settings: UpstreamSettings
  private var targets: [EndpointTarget?]
  private var intensities: [Int: RestartIntensity] = [:]
  private var downEndpoints: Set<Int> = []
  /// Per shard: a refill is on its way; further deaths are replaced by it too.
  private var awaitsRefill: Set<Int> = []

  struct Input: Sendable {
    let shard: Int
    let report: PoolReport
  }

  /// How many reports wait at most. More say nothing new: faults of one moment, and who starves is noted in the permits too.
  static let reportsMax = 4_096

  /// Makes the upstream's pools; they connect nothing before the first request, or `run` if `minIdle` is set.
  ///
  /// - Parameters:
  ///   - reactors: one pool is made for each; their `index` may begin anywhere.
  ///   - contexts: one for each reactor, in the same order.
  /// - Throws: when a file of the TLS settings cannot be used.
  public init(
    settings: UpstreamSettings, reactors: [Reactor], contexts: [UpstreamContext], resolver: Resolver
  ) throws(TransportError) {
    precondition(!reactors.isEmpty && reactors.count == contexts.count, "one context a reactor, and at least one")
    var targets: [EndpointTarget] = []
    for endpoint in settings.endpoints { targets.append(try EndpointTarget(endpoint, settings.tls)) }
    let (reports, inputs) = AsyncStream.makeStream(of: Input.self, bufferingPolicy: .bufferingOldest(Self.reportsMax))
    let permits = SessionPermits(
      maxSessions: settings.pool.maxSessions, maxQueue: settings.pool.maxQueue, shards: reactors.count)
    let pools = contexts.enumerated().map { shard, context in
      SessionPool(
        settings: settings, targets: targets, shard: shard, shards: reactors.count, permits: permits,
        environment: PoolEnvironment(
          context: context, resolver: resolver, seed: MonotonicTime.readClock().nanoseconds,
          report: { shard, report in inputs.yield(Input(shard: shard, report: report)) }))
    }
    for pool in pools { pool.reactor.execute { pool.assumeIsolated { $0.meet(pools) } } }
    name = settings.name
    reactor = reactors[0]
    unownedExecutor = reactors[0].asUnownedSerialExecutor()
    self.settings = settings
    self.targets = targets
    self.pools = pools
    self.permits = permits
    self.reports = reports
    self.inputs = inputs
  }

  /// The pool on the reactor at this position of `reactors`.
  public nonisolated func pool(on index: Int) -> SessionPool { pools[index] }

  /// Supervises until `shutDown`. Start it with `reactors[0].startTask`.
  public func run() async {
    await withDiscardingTaskGroup { group in
      for pool in pools { await pool.refill() }
      for await input in reports {
        switch await decide(input) {
        case .none: break
        case .refill(let pool, let shard, let delay):
          group.addTask { [reactor] in
            await reactor.sleep(until: MonotonicTime.readClock() + delay)
            await self.refilled(shard)
            await pool.refill()
          }
        }
      }
      group.cancelAll()
    }
  }

  private enum FollowUp {
    case none
    case refill(SessionPool, shard: Int, after: Duration)
  }

  private func decide(_ input: Input) async -> FollowUp {
    switch input.report {
    case .starving: await feed()
    case .recovered(let endpoint): await recovered(endpoint, by: input.shard)
    case .connectFailed(let endpoint): _ = await failed(endpoint)
    case .diedIdle(let endpoint, let isFault):
      var delay = Duration.milliseconds(100)
      if isFault { delay = await failed(endpoint) }
      guard awaitsRefill.insert(input.shard).inserted else { return .none }
      return .refill(pools[input.shard], shard: input.shard, after: delay)
    }
    return .none
  }

  private func refilled(_ shard: Int) { awaitsRefill.remove(shard) }

  /// Asks the pools in turn to close an idle session, until nobody starves or nobody has one.
  private func feed() async {
    for pool in pools {
      while permits.hasPressure {
        guard await pool.yieldIdle() else { break }
      }
    }
  }

  /// Counts a fault; gives back after how long the session is to be replaced.
  private func failed(_ endpoint: Int) async -> Duration {
    switch intensities[endpoint, default: RestartIntensity()].failed(.readClock()) {
    case .restart(let delay): return delay
    case .escalate:
      let pause = EndpointAvailability.delayMax(isLone: targets.count { $0 != nil } <= 1)
      downEndpoints.insert(endpoint)
      let until = MonotonicTime.readClock() + pause
      for pool in pools { await pool.markDown(endpoint, until: until) }
      return pause
    }
  }

  private func recovered(_ endpoint: Int, by shard: Int) async {
    intensities[endpoint]?.recovered()
    downEndpoints.remove(endpoint)
    for (index, pool) in pools.enumerated() where index != shard { await pool.markRecovered(endpoint) }
  }

  // MARK: From outside

  /// Takes over new settings of the same upstream. A bigger pool is bigger at once; of a smaller one the idle sessions are closed first, the busy
  /// ones when they come back. Sessions to endpoints that stay are kept.
  ///
  /// - Throws: when a file of the TLS settings cannot be used; then nothing has changed.
  public func reconfigure(_ settings: UpstreamSettings) async throws(TransportError) {
    let plan = try await plan(settings)
    self.settings = settings
    targets = plan
    for (index, target) in plan.enumerated() where target == nil {
      intensities[index] = nil
      downEndpoints.remove(index)
    }
    let served = permits.setLimits(maxSessions: settings.pool.maxSessions, maxQueue: settings.pool.maxQueue)
    for shard in served { await pools[shard].permitArrived() }
    for pool in pools { await pool.reconfigure(settings, plan, shards: pools.count) }
  }

  /// The new endpoints by number. One that stays keeps its number; one that goes leaves it empty while sessions to it are in use.
  private func plan(_ new: UpstreamSettings) async throws(TransportError) -> [EndpointTarget?] {
    let staysSecured = new.tls == settings.tls
    var fresh: [EndpointTarget?] = []
    for endpoint in new.endpoints { fresh.append(try EndpointTarget(endpoint, new.tls)) }
    var plan: [EndpointTarget?] = targets.map { old in
      guard let old else { return nil }
      let position = fresh.firstIndex { new in
        new?.settings.url == old.settings.url && (staysSecured || !old.settings.url.isTLS)
      }
      guard let position else { return nil }
      defer { fresh[position] = nil }
      return fresh[position]
    }
    for case let target? in fresh {
      if let free = await unusedNumber(plan) { plan[free] = target } else { plan.append(target) }
    }
    return plan
  }

  /// A number without an endpoint now and before, to which no session is left.
  private func unusedNumber(_ plan: [EndpointTarget?]) async -> Int? {
    for index in plan.indices where plan[index] == nil && targets.indices.contains(index) && targets[index] == nil {
      var isUnused = true
      for pool in pools { isUnused = await pool.isUnused(index) && isUnused }
      if isUnused { return index }
    }
    return nil
  }

  /// Ends the upstream: who waits is told, idle sessions are closed, those in use when they come back. `run` returns.
  public func shutDown() async {
    for pool in pools { await pool.drain() }
    inputs.finish()
  }

  /// How the upstream stands, summed over the reactors.
  public func gauges() async -> UpstreamGauges {
    var sum = PoolGauges()
    var rows: [EndpointGauges?] = targets.enumerated().map { index, target in
      target.map {
        EndpointGauges(
          index: index, url: $0.settings.url, condition: downEndpoints.contains(index) ? .down : .available,
          idle: 0, leased: 0, connecting: 0)
      }
    }
    for pool in pools {
      let (gauges, states) = await pool.snapshot()
      sum = sum + gauges
      for (index, state) in states.enumerated() where rows.indices.contains(index) { rows[index]?.add(state) }
    }
    return UpstreamGauges(name: name, pool: sum, endpoints: rows.compactMap { $0 })
  }
}

extension EndpointGauges {
  fileprivate mutating func add(_ state: SessionPoolState.Endpoint) {
    idle += state.idle.count
    leased += state.leased
    connecting += state.connecting
    lastFailure = lastFailure ?? state.availability.lastFailure
    let seen: Condition = state.availability.isAvailable ? .available : state.availability.isDown ? .down : .backingOff
    if seen.rawValue > condition.rawValue { condition = seen }
  }
}
