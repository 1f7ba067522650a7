public import Reactor
public import Transport

/// Commands to a Redis or Valkey server, a Redis Cluster, or the master that sentinels name, from one reactor.
///
/// Nothing blocks and nothing waits longer than it was told: a command has a deadline, what waits is bounded, and a server that has failed several
/// times is not asked for a while (`RedisBreaker`). Connections are kept alive and made anew by themselves.
///
/// `@unchecked Sendable`: confined to its reactor's thread, like the actors there that use it; `async` callers from elsewhere are brought there.
public final class RedisClient: @unchecked Sendable {
  /// How a command ended. Called on the client's reactor, never from inside `execute`.
  public typealias Completion = (Result<RedisReply, RedisError>) -> Void

  /// The reactor that it belongs to.
  public let reactor: Reactor
  let settings: RedisSettings
  /// Whether keys are spread over several servers.
  public var isCluster: Bool { if case .cluster = settings.topology { true } else { false } }
  let context: RedisContext
  let draw: () -> UInt64
  private let onEvent: (RedisEvent) -> Void
  private var isClosed = false
  /// Of one server, or of the sentinels' master.
  private var only: RedisNode?
  /// Of a cluster.
  var cluster: ClusterView?
  /// Commands that wait for their next try.
  private var heldCount = 0

  /// The pauses before a command is tried again: doubled from the first to the last.
  static let retryPauseShortest = Duration.milliseconds(8)
  static let retryPausesMax = 4

  /// A client that connects at `start` or with its first command.
  ///
  /// - Parameters:
  ///   - draw: random numbers for the pauses between attempts to connect; tests give a seeded one.
  ///   - onEvent: told of changes, on the reactor; must not call `close`.
  public init(
    _ settings: RedisSettings, on reactor: Reactor, resolver: Resolver = Resolver(),
    draw: @escaping () -> UInt64 = { UInt64.random(in: 0...UInt64.max) },
    onEvent: @escaping (RedisEvent) -> Void = { _ in }
  ) {
    self.reactor = reactor
    self.settings = settings
    self.draw = draw
    self.onEvent = onEvent
    context = RedisContext(reactor: reactor, resolver: resolver, settings: settings)
  }

  /// Connects ahead of need. On the reactor.
  public func start() {
    reactor.assertOnReactor()
    guard !isClosed else { return }
    prepare()
    only?.connect()
    cluster?.start()
  }

  /// Sends a command; `completion` is told the reply, or why there is none, at most a timer's tick after `deadline` from now. On the reactor.
  ///
  /// An error that the server answers is a failure (`RedisError.server`). Not for commands that block or subscribe: all share one connection, and
  /// one without replies for `replyTimeMax` counts as stuck.
  public func execute(_ command: RedisCommand, deadline: Duration, completion: @escaping Completion) {
    reactor.assertOnReactor()
    dispatch(RedisCall(command, deadline: reactor.now + deadline, completion: completion))
  }

  /// The same for tasks, on any executor. Cancelling the task does not take the command back: it ends by its deadline.
  public func execute(_ command: RedisCommand, deadline: Duration) async throws(RedisError) -> RedisReply {
    let result: Result<RedisReply, RedisError> = await withCheckedContinuation { continuation in
      if reactor.isCurrent {
        execute(command, deadline: deadline) { continuation.resume(returning: $0) }
      } else {
        reactor.execute { [self] in
          execute(command, deadline: deadline) { continuation.resume(returning: $0) }
        }
      }
    }
    return try result.get()
  }

  /// Ends all connections; commands under way fail with `connectionLost(.closed)` before this returns, later ones, and those that wait to be tried
  /// again, with `closed`. To be called before the last reference goes. On the reactor.
  public func close() {
    reactor.assertOnReactor()
    isClosed = true
    only?.close()
    cluster?.close()
  }

  /// How it stands with each server that is known. On the reactor.
  public var status: [RedisNodeStatus] {
    reactor.assertOnReactor()
    let nodes = only.map { [$0] } ?? cluster?.knownNodes ?? []
    return nodes.map {
      RedisNodeStatus(
        endpoint: $0.endpoint, isConnected: $0.isConnected, breaker: $0.breaker.state, lastLoss: $0.lastLoss)
    }
  }

  // MARK: Ways to a server

  private func prepare() {
    guard only == nil, cluster == nil else { return }
    switch settings.topology {
    case .single(let endpoint): only = makeNode(endpoint, .endpoint(endpoint))
    case .sentinel(let sentinels, let master):
      let locator = SentinelLocator(context: context, sentinels: sentinels, master: master)
      only = makeNode(RedisEndpoint(host: master, port: 0), .master(locator))
    case .cluster(let seeds): cluster = ClusterView(client: self, seeds: seeds)
    }
  }

  func makeNode(_ endpoint: RedisEndpoint, _ target: RedisConnection.Target) -> RedisNode {
    RedisNode(endpoint: endpoint, target: target, context: context, draw: draw, owner: self)
  }

  func dispatch(_ call: RedisCall) {
    guard !isClosed else { return refuse(call, .closed) }
    prepare()
    if let cluster { return cluster.dispatch(call) }
    if let refusal = only?.submit(call) { refuse(call, refusal) }
  }

  /// Tells a refusal, in a later step of the loop.
  func refuse(_ call: RedisCall, _ error: RedisError) {
    reactor.atEndOfTurn { call.finish(.failure(error)) }
  }

  /// Tries again after a pause that grows; if that would be behind the deadline, the call fails now.
  func retryLater(_ call: RedisCall, _ error: RedisError) {
    let pause = Self.retryPauseShortest * (1 << min(call.retries, Self.retryPausesMax))
    let due = reactor.now + pause
    guard !isClosed, due < call.deadline, heldCount < settings.limits.commandsInFlightMax else {
      return call.finish(.failure(error))
    }
    call.retries += 1
    call.redirection = nil
    // A circle is one without pauses.
    call.redirects = 0
    heldCount += 1
    call.onTimer = { [weak self] call in
      guard let self else { return call.finish(.failure(error)) }
      heldCount -= 1
      dispatch(call)
    }
    _ = reactor.startTimer(at: due, call)
  }
}

extension RedisClient: RedisNodeOwner {
  func happened(_ event: RedisEvent) { onEvent(event) }

  func callEnded(_ call: RedisCall, _ result: Result<RedisReply, RedisError>, at node: RedisNode) {
    guard case .failure(let failure) = result, !call.isInternal, !isClosed else { return call.finish(result) }
    if case .server(let error) = failure {
      if error.code == "NOSCRIPT", !call.isWhole, let whole = RedisScript.whole(call.command) {
        call.command = whole
        call.isWhole = true
        if let refusal = node.submit(call) { refuse(call, refusal) }
        return
      }
      if error.code == "READONLY" {
        node.leave()
        if case .sentinel = settings.topology { return retryLater(call, failure) }
      }
    }
    if let cluster { return cluster.callFailed(call, failure, at: node) }
    call.finish(result)
  }
}
