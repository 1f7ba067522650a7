public import GatewayConfiguration
internal import Glibc
public import Logging
internal import Quotas
public import Reactor
internal import Routing
public import TokenAccounting
public import Transport
public import Upstreams

/// The running gateway: a worker and its listeners on each reactor, a supervisor for each upstream, one configuration at a time.
public final class Gateway: Sendable {
  private struct State: Sendable {
    var snapshot: GatewaySnapshot
    var isDraining = false
    var isHurried = false
  }

  private let group: ReactorGroup
  private let workers: [GatewayWorker]
  private let contexts: [UpstreamContext]
  private let resolver: Resolver
  private let budget: ConnectionBudget
  private let memory: BodyMemory
  private let sink: LogSink
  let limiter: Limiter
  private let dataDirectory: String?
  private let sockets: ListeningSockets
  private let state: Locked<State>
  /// Where the gateway listens, with the ports that the kernel chose for port 0.
  public let addresses: [SocketAddress]

  /// Starts to listen and serve.
  ///
  /// - Parameters:
  ///   - group: reactors to run on; the caller shuts them down after `shutDown`.
  ///   - shelf: vocabularies to count in. With an empty one all is estimated.
  ///   - dataDirectory: where quotas and budgets are kept when there is no Redis; nil keeps them in memory.
  ///   - sockets: gives the listening sockets.
  ///   - logger: told of changes that an operator may want to know.
  /// - Throws: `GatewayStartError` when an address cannot be listened on, or a TLS file cannot be used.
  public static func start(
    _ settings: GatewaySettings, on group: ReactorGroup, sink: LogSink, resolver: Resolver = Resolver(),
    shelf: VocabularyShelf = VocabularyShelf(), dataDirectory: String? = nil,
    sockets: ListeningSockets = ListeningSockets(),
    logger: Logger = Logger(label: "sluice") { _ in SwiftLogNoOpLogHandler() }
  ) async throws -> Gateway {
    let contexts = group.reactors.map { UpstreamContext(reactor: $0) }
    TokenMeasure.prepare()
    let limiter = Limiter(nodeName: settings.redis?.nodeName) { $0.log(to: logger) }
    try await limiter.open(settings, on: group, resolver: resolver, dataDirectory: dataDirectory)
    let snapshot = try await makeSnapshot(
      settings, shelf, previous: nil, group: group, contexts: contexts, resolver: resolver)
    var now = timespec()
    clock_gettime(CLOCK_REALTIME, &now)
    let startedAt = now.tv_sec
    let budget = ConnectionBudget(most: settings.server.connectionsMax)
    let memory = BodyMemory(bytesMax: settings.server.bodyMemory ?? MachineMemory.bodyShare)
    var workers: [GatewayWorker] = []
    for reactor in group.reactors {
      workers.append(
        await reactor.run {
          GatewayWorker(
            reactor: reactor, budget: budget, memory: memory, snapshot: snapshot, limiter: limiter,
            log: AccessLog(sink: sink),
            startedAtUnixSeconds: startedAt)
        })
    }
    let addresses = try await listen(settings.server.listen, workers, sockets)
    return Gateway(
      group, workers, contexts, resolver, budget, memory, sink, limiter, dataDirectory, sockets, snapshot, addresses)
  }

  private init(
    _ group: ReactorGroup, _ workers: [GatewayWorker], _ contexts: [UpstreamContext], _ resolver: Resolver,
    _ budget: ConnectionBudget, _ memory: BodyMemory, _ sink: LogSink, _ limiter: Limiter, _ dataDirectory: String?,
    _ sockets: ListeningSockets, _ snapshot: GatewaySnapshot, _ addresses: [SocketAddress]
  ) {
    self.group = group
    self.workers = workers
    self.contexts = contexts
    self.resolver = resolver
    self.budget = budget
    self.memory = memory
    self.sink = sink
    self.limiter = limiter
    self.dataDirectory = dataDirectory
    self.sockets = sockets
    self.addresses = addresses
    state = Locked(State(snapshot: snapshot))
  }

  private static func listen(
    _ wanted: [ListenAddress], _ workers: [GatewayWorker], _ sockets: ListeningSockets
  ) async throws -> [SocketAddress] {
    // All are opened before the first accepts: what cannot start must not have taken a connection.
    var opened: [(address: SocketAddress, descriptors: [Int32])] = []
    for listen in wanted { opened.append(try sockets.open(listen, count: workers.count, key: "server.listen")) }
    for (address, descriptors) in opened {
      // There may be more sockets than reactors: a predecessor had more of them.
      for (index, descriptor) in descriptors.enumerated() {
        let worker = workers[index % workers.count]
        do throws(SystemCallError) {
          try await worker.reactor.attempt { () throws(SystemCallError) in try worker.listen(descriptor, address) }
        } catch {
          throw GatewayStartError("server.listen: \(error).")
        }
      }
    }
    return opened.map(\.address)
  }

  // MARK: Reload

  /// The configuration at work.
  public var settings: GatewaySettings { state.withLock { $0.snapshot.settings } }

  /// Counts the configurations of this process, from 1.
  public var generation: Int { state.withLock { $0.snapshot.generation } }

  /// Swaps the configuration. Requests under way keep theirs; upstreams of the same name keep their sessions.
  ///
  /// - Throws: `GatewayStartError`; nothing has changed then.
  public func reload(_ settings: GatewaySettings, shelf: VocabularyShelf = VocabularyShelf()) async throws {
    let previous = state.withLock { $0.snapshot }
    try await limiter.open(settings, on: group, resolver: resolver, dataDirectory: dataDirectory)
    let snapshot = try await Self.makeSnapshot(
      settings, shelf, previous: previous, group: group, contexts: contexts, resolver: resolver)
    for worker in workers { await worker.reactor.run { worker.apply(snapshot) } }
    state.withLock { $0.snapshot = snapshot }
  }

  private static func makeSnapshot(
    _ settings: GatewaySettings, _ shelf: VocabularyShelf, previous: GatewaySnapshot?, group: ReactorGroup,
    contexts: [UpstreamContext], resolver: Resolver
  ) async throws -> GatewaySnapshot {
    let routes: RouteTable
    do throws(RoutingError) {
      routes = try RouteTable(settings)
    } catch {
      throw GatewayStartError("models: \(error).")
    }
    // What can fail comes first: an upstream that cannot be made must not leave others changed.
    var made: [String: RunningUpstream] = [:]
    for upstream in settings.upstreams where kept(upstream, previous) == nil {
      made[upstream.name] = try make(upstream, group: group, contexts: contexts, resolver: resolver)
    }
    var upstreams: [UpstreamRuntime] = []
    for upstream in settings.upstreams {
      if let running = made[upstream.name] {
        upstreams.append(UpstreamRuntime(settings: upstream, running: running))
      } else if let running = kept(upstream, previous) {
        do throws(TransportError) {
          try await running.supervisor.reconfigure(upstream)
        } catch {
          throw GatewayStartError("upstreams.\(upstream.name): \(error).")
        }
        upstreams.append(UpstreamRuntime(settings: upstream, running: running))
      }
    }
    let limits = LimitPlan(settings, nodesAssumed: group.reactors.count) {
      TimeZoneTable.offsets($0, from: Limiter.unixTime())
    }
    return GatewaySnapshot(
      settings: settings, routes: routes, upstreams: upstreams, limits: limits, shelf: shelf, previous: previous)
  }

  /// The running upstream whose sessions can go on under new settings.
  private static func kept(_ upstream: UpstreamSettings, _ previous: GatewaySnapshot?) -> RunningUpstream? {
    let old = previous?.upstreams.first { $0.name == upstream.name }
    return old.flatMap { $0.settings.connectsLike(upstream) ? $0.running : nil }
  }

  private static func make(
    _ upstream: UpstreamSettings, group: ReactorGroup, contexts: [UpstreamContext], resolver: Resolver
  ) throws(GatewayStartError) -> RunningUpstream {
    do {
      let supervisor = try UpstreamSupervisor(
        settings: upstream, reactors: group.reactors, contexts: contexts, resolver: resolver)
      group.reactors[0].startTask { await supervisor.run() }
      return RunningUpstream(
        supervisor: supervisor, pools: group.reactors.indices.map { supervisor.pool(on: $0) },
        reactor: group.reactors[0])
    } catch {
      throw GatewayStartError("upstreams.\(upstream.name): \(error).")
    }
  }

  // MARK: Ending

  /// How long draining waits for the first request of a connection that was accepted just before.
  static let firstRequestGrace = Duration.milliseconds(500)
  /// The same where a successor serves already: nobody waits for this process' end.
  static let succeededRequestGrace = Duration.seconds(5)

  /// Stops accepting and waits for running requests; after `deadline` cuts what is left, with words where the protocol has them.
  ///
  /// - Returns: how many requests were cut.
  public func drain(within deadline: Duration) async -> Int {
    state.withLock { $0.isDraining = true }
    let taken = await sockets.leave(on: group.reactors[0])
    let grace = taken.isEmpty ? Self.firstRequestGrace : Self.succeededRequestGrace
    for worker in workers {
      await worker.reactor.run {
        worker.services.isReady = false
        worker.stopListening(leavingTo: taken)
        worker.downstream.closeIdle()
      }
    }
    let start = MonotonicTime.readClock()
    while MonotonicTime.readClock() < start + deadline, !state.withLock({ $0.isHurried }) {
      let isEarly = MonotonicTime.readClock() < start + grace
      var unfinished = 0
      for worker in workers {
        unfinished += await worker.reactor.run { worker.downstream.unfinishedCount(countingSilent: isEarly) }
      }
      if unfinished == 0 { break }
      await group.reactors[0].sleep(until: MonotonicTime.readClock() + .milliseconds(20))
    }
    var cut = 0
    for worker in workers { cut += await worker.reactor.run { worker.downstream.cutAll() } }
    return cut
  }

  /// Has `drain` cut at once what is left.
  public func hurry() { state.withLock { $0.isHurried = true } }

  /// How each model of the configuration at work is counted.
  var modelTokens: [ModelTokens] { state.withLock { $0.snapshot.tokens } }

  /// Token counts by model, over all reactors.
  func tokenGauges() async -> [String: TokenGauges] {
    let names = state.withLock { $0.snapshot.tokenSlots }
    var gauges: [String: TokenGauges] = [:]
    for worker in workers {
      for (model, seen) in zip(names, await worker.reactor.run { worker.services.reconciler.gauges })
      where seen != TokenGauges() {
        gauges[model, default: TokenGauges()].add(seen)
      }
    }
    return gauges
  }

  /// How the limits stand on each reactor that has any.
  func limitGauges() async -> [LimitGauges] {
    var gauges: [LimitGauges] = []
    for worker in workers {
      if let seen = await worker.reactor.run({ worker.limitGauges }) { gauges.append(seen) }
    }
    return gauges
  }

  /// Requests under way on all reactors.
  public func activeCount() async -> Int {
    var count = 0
    for worker in workers { count += await worker.reactor.run { worker.services.activeCount } }
    return count
  }

  /// Whether the gateway takes requests.
  public var isReady: Bool { state.withLock { !$0.isDraining } }

  /// Ends the upstreams' sessions and writes the last log lines. After `drain`.
  public func shutDown() async {
    for upstream in state.withLock({ $0.snapshot.upstreams }) { await upstream.running.shutDown() }
    for worker in workers {
      await worker.reactor.run {
        worker.services.flushLog()
        worker.leaveLimits()
      }
    }
    await limiter.stores?.shutDown()
  }

  // MARK: Looking in

  /// Pieces of log that were dropped because the writer could not keep up.
  public var logPiecesDropped: Int { sink.droppedCount }

  /// The pools' gauges of each upstream.
  public func gauges() async -> [(upstream: String, gauges: UpstreamGauges)] {
    var all: [(String, UpstreamGauges)] = []
    for upstream in state.withLock({ $0.snapshot.upstreams }) {
      all.append((upstream.name, await upstream.running.supervisor.gauges()))
    }
    return all
  }

  /// Whether there is a time zone of that name, for the configuration.
  @Sendable public static func knowsTimeZone(_ name: String) -> Bool { TimeZoneTable.knows(name) }

  /// Open client connections on all reactors.
  public func connectionCount() async -> Int {
    var count = 0
    for worker in workers { count += await worker.reactor.run { worker.downstream.connectionCount } }
    return count
  }

  /// How the memory for request bodies stands.
  public var bodyMemory: BodyMemoryCounts { memory.counts }

  /// How the places for client connections stand, and what those on all reactors are doing.
  public func connectionGauges() async -> (counts: ConnectionCounts, stages: ConnectionStages) {
    var stages = ConnectionStages()
    for worker in workers { stages += await worker.reactor.run { worker.downstream.stages } }
    return (budget.counts, stages)
  }
}

extension UpstreamSettings {
  /// Whether sessions made under `self` can serve under `other`: the same endpoints, secured alike.
  func connectsLike(_ other: UpstreamSettings) -> Bool {
    endpoints == other.endpoints && tls == other.tls && dnsRefresh == other.dnsRefresh && balance == other.balance
  }
}
