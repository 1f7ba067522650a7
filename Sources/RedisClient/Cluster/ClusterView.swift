internal import Reactor

/// A client's view of a Redis Cluster: who serves which slot, a node for each server, and where a command goes next. Confined to the client's reactor.
///
/// The map is read at the first need, when a node sends a command elsewhere, when a node fails, and every `slotRefreshInterval`; at most one question
/// is under way, and two are `refreshPause` apart.
final class ClusterView: TimerHandler {
  private unowned let client: RedisClient
  private let reactor: Reactor
  private let settings: RedisSettings
  private let seeds: [RedisEndpoint]
  private var map = SlotMap()
  private var nodes: [RedisEndpoint: RedisNode] = [:]
  /// Calls that came before the map.
  private var waiting: [RedisCall] = []
  private var isRefreshing = false
  /// Nobody could tell the map when all were asked last.
  private var isUnreachable = false
  private var refreshTimer: Reactor.TimerID?
  private var refreshAt = MonotonicTime.never
  private var refreshedAt = MonotonicTime(nanoseconds: 0)
  private var askedFirst = 0
  private var isClosed = false

  /// The least time between two questions for the map.
  static let refreshPause = Duration.milliseconds(100)

  init(client: RedisClient, seeds: [RedisEndpoint]) {
    self.client = client
    self.seeds = seeds
    reactor = client.reactor
    settings = client.settings
  }

  var knownNodes: [RedisNode] { nodes.values.sorted { $0.endpoint.description < $1.endpoint.description } }

  func start() { if map.isEmpty { refresh() } }

  func close() {
    isClosed = true
    if let refreshTimer { reactor.cancelTimer(refreshTimer) }
    refreshTimer = nil
    for node in nodes.values { node.close() }
    nodes = [:]
    for call in takeWaiting() { call.finish(.failure(.closed)) }
  }

  // MARK: Commands

  /// Sends a call to the node that serves its key; one without a key to any node.
  func dispatch(_ call: RedisCall) {
    guard !map.isEmpty else { return hold(call) }
    let endpoint: RedisEndpoint?
    if let redirection = call.redirection {
      endpoint = redirection.endpoint
    } else if let key = call.command.key {
      endpoint = map.node(of: HashSlot.of(key))
    } else {
      endpoint = map.nodes.first { nodes[$0]?.isConnected == true } ?? map.nodes.first
    }
    guard let endpoint else {
      refresh()
      // Deferred, like every refusal: the caller is not told from inside its own call.
      return reactor.atEndOfTurn { [client] in client.retryLater(call, .slotNotServed) }
    }
    let node = node(at: endpoint)
    guard let refusal = node.submit(call) else { return }
    reactor.atEndOfTurn { [self] in callFailed(call, refusal, at: node) }
  }

  /// Until the map is there or the deadline has come.
  private func hold(_ call: RedisCall) {
    guard !isClosed else { return client.refuse(call, .closed) }
    guard !isUnreachable else { return client.refuse(call, .slotNotServed) }
    let limit = settings.limits.commandsInFlightMax
    if waiting.count >= limit { waiting.removeAll { $0.isFinished } }
    guard waiting.count < limit else { return client.refuse(call, .tooManyCommands(commandsMax: limit)) }
    waiting.append(call)
    call.onTimer = { $0.finish(.failure(.slotNotServed)) }
    _ = reactor.startTimer(at: call.deadline, call)
    refresh()
  }

  private func node(at endpoint: RedisEndpoint) -> RedisNode {
    if let known = nodes[endpoint] { return known }
    let made = client.makeNode(endpoint, .endpoint(endpoint))
    nodes[endpoint] = made
    return made
  }

  /// Decides what becomes of a call that a node refused or failed.
  func callFailed(_ call: RedisCall, _ error: RedisError, at node: RedisNode) {
    switch error {
    case .server(let answer):
      if let redirection = Redirection(answer, asked: node.endpoint) { return follow(redirection, call) }
      switch answer.code {
      case "TRYAGAIN", "LOADING", "MASTERDOWN": return client.retryLater(call, error)
      case "CLUSTERDOWN", "READONLY":
        refresh()
        return client.retryLater(call, error)
      default: return call.finish(.failure(error))
      }
    case .connectionLost(_, let mayHaveRun):
      refresh()
      return mayHaveRun ? call.finish(.failure(error)) : client.retryLater(call, error)
    case .notConnected, .slotNotServed:
      refresh()
      client.retryLater(call, error)
    case .deadlineExceeded, .breakerOpen:
      // Another node may serve by now what this one does not.
      refresh()
      call.finish(.failure(error))
    case .tooManyCommands, .tooManyBytes, .commandTooLong, .tooManyRedirects, .closed:
      call.finish(.failure(error))
    }
  }

  private func follow(_ redirection: Redirection, _ call: RedisCall) {
    guard call.redirects < settings.limits.redirectsMax else { return call.finish(.failure(.tooManyRedirects)) }
    // An address that the cluster names is believed, but there are only so many.
    guard nodes[redirection.endpoint] != nil || nodes.count < SlotMap.nodesMax else {
      return call.finish(.failure(.slotNotServed))
    }
    call.redirects += 1
    call.redirection = redirection
    if !redirection.isAsk {
      map.move(redirection.slot, to: redirection.endpoint)
      refresh()
    }
    dispatch(call)
  }

  // MARK: The map

  /// Asks for the map, soon.
  func refresh() {
    guard !isClosed, !isRefreshing else { return }
    schedule(at: max(refreshedAt + Self.refreshPause, reactor.now))
  }

  private func schedule(at time: MonotonicTime) {
    guard time < refreshAt else { return }
    if let refreshTimer { reactor.cancelTimer(refreshTimer) }
    refreshTimer = nil
    refreshAt = time
    if time > reactor.now {
      refreshTimer = reactor.startTimer(at: time, self)
    } else {
      reactor.atEndOfTurn { [weak self] in self?.timerFired(token: 0) }
    }
  }

  func timerFired(token: UInt32) {
    guard !isClosed, !isRefreshing, refreshAt <= reactor.now else { return }
    refreshTimer = nil
    refreshAt = .never
    isRefreshing = true
    refreshedAt = reactor.now
    var candidates = map.nodes
    for seed in seeds where !candidates.contains(seed) { candidates.append(seed) }
    // Nodes that answer first; among equals another one each time.
    askedFirst = candidates.isEmpty ? 0 : (askedFirst + 1) % candidates.count
    let turned = Array(candidates[askedFirst...] + candidates[..<askedFirst])
    ask(turned.filter { nodes[$0]?.isConnected == true } + turned.filter { nodes[$0]?.isConnected != true })
  }

  private func ask(_ candidates: [RedisEndpoint]) {
    guard !isClosed else { return }
    guard let asked = candidates.first else { return refreshed(nil) }
    let rest = Array(candidates.dropFirst())
    let node = node(at: asked)
    let deadline = reactor.now + (node.isConnected ? settings.discoveryTimeout : settings.connectTimeout)
    let call = RedisCall(RedisCommand("CLUSTER", "SLOTS"), deadline: deadline, isInternal: true) { [weak self] result in
      guard let self else { return }
      if case .success(let reply) = result, let map = SlotMap(reply, asked: asked), !map.isEmpty {
        refreshed(map)
      } else {
        ask(rest)
      }
    }
    if let refusal = node.submit(call) {
      reactor.atEndOfTurn { call.finish(.failure(refusal)) }
    }
  }

  private func refreshed(_ found: SlotMap?) {
    isRefreshing = false
    isUnreachable = found == nil
    guard let found else {
      schedule(at: reactor.now + Self.refreshPause * 2)
      // Nothing is to be hoped for within their deadlines; later ones are refused at once.
      return takeWaiting().forEach { $0.finish(.failure(.slotNotServed)) }
    }
    schedule(at: reactor.now + settings.slotRefreshInterval)
    let masters = Set(found.nodes)
    let isChanged = masters != Set(map.nodes)
    map = found
    // Nodes that left, and seeds under names of their own.
    for (endpoint, node) in nodes where !masters.contains(endpoint) {
      nodes[endpoint] = nil
      node.retire()
    }
    if isChanged { client.happened(.clusterChanged(masters: found.nodes)) }
    for call in takeWaiting() where !call.isFinished {
      call.onTimer = nil
      dispatch(call)
    }
  }

  private func takeWaiting() -> [RedisCall] {
    let taken = waiting
    waiting = []
    return taken
  }
}
