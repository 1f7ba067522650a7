internal import GatewayConfiguration
internal import Reactor
internal import Routing
internal import Transport

/// The sessions of one upstream on one reactor, as a value: events in, answers and actions out. It holds ids and counts, knows no socket, clock
/// or chance; time and jitter come in as arguments. The permits are shared with the other shards, so the sum over all stays within `maxSessions`.
///
/// A session is connecting, idle or leased; each holds one permit from before its connect until it is closed. What keeps everybody served:
/// - requests wait only when nothing idle suits them, and a session that comes free goes to who waits longest;
/// - as many connects are under way as requests wait, as far as permits and endpoints allow;
/// - who waits while all permits are elsewhere marks its shard as starving, and the next permit given up goes there;
/// - when no endpoint may be tried and no connect is under way, nobody is left waiting.
struct SessionPoolState: ~Copyable {
  enum Phase: UInt8 { case free, connecting, idle, leased }

  struct Session {
    var generation: UInt32 = 1
    var phase = Phase.free
    var endpoint: Int32 = 0
    var hasServed = false
    var connectedAt = MonotonicTime(nanoseconds: 0)
    var idleSince = MonotonicTime(nanoseconds: 0)
  }

  struct Endpoint {
    var isRetired: Bool
    var availability = EndpointAvailability()
    /// Slots of idle sessions: the last used is taken first, so the first is the oldest.
    var idle: ContiguousArray<UInt32> = []
    var connecting = 0
    var leased = 0
  }

  /// After a lease has left fewer idle sessions than `minIdle`, so long is waited for one to come back before another is connected.
  static let refillDelay = Duration.milliseconds(20)
  /// How soon a refill or a probe is tried again that got no permit.
  static let noPermitDelay = Duration.seconds(1)
  /// An unused session that dies idle younger than this is a fault of the endpoint; older ones were closed as any server closes idle connections.
  static let youngAge = Duration.seconds(1)

  let shard: Int
  let permits: SessionPermits
  var isOpen = true
  var limits: PoolLimits
  var balancer: EndpointBalancer
  var endpoints: ContiguousArray<Endpoint>
  var sessions: ContiguousArray<Session> = []
  var freeSlots: ContiguousArray<UInt32> = []
  var waiting = WaitingLine()
  var idleCount = 0
  var leasedCount = 0
  var connectingCount = 0
  var usableEndpoints = 0
  var isStarving = false
  /// A session that comes back goes in turn to who waits here and to a shard that starves.
  var yieldsNext = false
  var refillAt = MonotonicTime.never
  /// When `tick` wants to be called next, or earlier.
  var wakeAt = MonotonicTime.never
  var chance: UInt64 = 0
  var totals = PoolGauges()

  init(
    shard: Int, permits: SessionPermits, limits: PoolLimits, balance: Balance, weights: [Int]
  ) {
    self.shard = shard
    self.permits = permits
    self.limits = limits
    balancer = EndpointBalancer(balance, weights: weights)
    endpoints = ContiguousArray(weights.map { _ in Endpoint(isRetired: false) })
    usableEndpoints = weights.count
  }

  // MARK: A request wants a session

  enum LeaseDecision: Equatable {
    /// This idle session is leased.
    case use(SlotID)
    /// Wait under this name; and do this.
    case wait(LeaseID, [PoolAction])
    case refuse(LeaseFailure)
  }

  mutating func lease(_ wish: LeaseWish, now: MonotonicTime) -> LeaseDecision {
    guard isOpen else { return refuse(.upstreamRemoved) }
    chance = wish.random
    let chosen = chooseEndpoint(avoiding: wish.avoidingEndpoint, now: now)
    if let chosen, !wish.fresh, let slot = endpoints[chosen].idle.popLast() { return .use(leaseIdle(slot, now)) }
    return leaseWithoutIdle(wish, chosen, now)
  }

  private mutating func leaseWithoutIdle(
    _ wish: LeaseWish, _ chosen: Int?, _ now: MonotonicTime
  ) -> LeaseDecision {
    guard let chosen else {
      if !wish.fresh, let slot = popAnyIdle() { return .use(leaseIdle(slot, now)) }
      guard connectingCount > 0 else { return refuse(noEndpoint(now)) }
      return enqueue(wish, occupiesQueue: true, now)
    }
    if supply > waiting.count { return enqueue(wish, occupiesQueue: false, now) }
    if permits.take(shard) {
      var actions: [PoolAction] = []
      startConnect(chosen, &actions)
      return enqueue(wish, occupiesQueue: false, now, actions)
    }
    if wish.fresh, let victim = oldestIdle() {
      // The permit of a session that nobody uses serves better as a fresh one.
      var actions = [PoolAction.close(removeIdle(victim))]
      startConnect(chosen, &actions)
      return enqueue(wish, occupiesQueue: false, now, actions)
    }
    if !wish.fresh, let slot = popAnyIdle() { return .use(leaseIdle(slot, now)) }
    return enqueue(wish, occupiesQueue: true, now)
  }

  private mutating func enqueue(
    _ wish: LeaseWish, occupiesQueue: Bool, _ now: MonotonicTime, _ actions: [PoolAction] = []
  ) -> LeaseDecision {
    if occupiesQueue, !permits.enterQueue() { return refuse(.queueFull(maxQueue: permits.maxQueue)) }
    let deadline = now + limits.queueTimeout
    let id = waiting.append(deadline: deadline, isFresh: wish.fresh, occupiesQueue: occupiesQueue)
    wake(at: deadline)
    var actions = actions
    if occupiesQueue { supplyWaiting(hasPermit: false, now, &actions) }
    return .wait(id, actions)
  }

  private mutating func refuse(_ failure: LeaseFailure) -> LeaseDecision {
    totals.refusals &+= 1
    return .refuse(failure)
  }

  /// Who waits has lost interest; harmless when it does not wait any more.
  mutating func cancel(_ id: LeaseID) {
    guard let place = waiting.remove(id) else { return }
    left(place)
    calmDown()
  }

  // MARK: A session comes back

  /// A leased session is not used any more.
  ///
  /// - Parameter isReusable: it is connected and idle, and has not served as many requests as it may.
  mutating func giveBack(_ id: SlotID, isReusable: Bool, now: MonotonicTime) -> [PoolAction] {
    guard phase(of: id) == .leased else { return [] }
    let slot = Int(id.index)
    let endpoint = Int(sessions[slot].endpoint)
    leasedCount -= 1
    endpoints[endpoint].leased -= 1
    balancer.ended(endpoint)
    guard isReusable, isOpen, !endpoints[endpoint].isRetired else {
      forget(id)
      totals.closed &+= 1
      var actions: [PoolAction] = [.close(id)]
      supplyWaiting(hasPermit: true, now, &actions)
      return actions
    }
    sessions[slot].hasServed = true
    if waiting.isEmpty, !permits.hasPressure {
      park(id, now)
      return []
    }
    return settle(id, now)
  }

  /// Decides who gets a connected session that belongs to nobody, when there are several who might.
  mutating func settle(_ id: SlotID, _ now: MonotonicTime) -> [PoolAction] {
    var actions: [PoolAction] = []
    if permits.isOverLimit {
      close(id, &actions)
      release(&actions)
      return actions
    }
    if let other = yieldPermit() {
      close(id, &actions)
      actions.append(.handPermit(to: other))
      return actions
    }
    if let place = waiting.takeFirst(isNew: !sessions[Int(id.index)].hasServed) {
      left(place)
      markLeased(id, now)
      calmDown()
      return [.grant(place.id, id)]
    }
    if !waiting.isEmpty, supply < waiting.count, chooseEndpoint(avoiding: nil, now: now) != nil {
      // All who wait want a fresh one, for which this one's permit is given.
      close(id, &actions)
      supplyWaiting(hasPermit: true, now, &actions)
      return actions
    }
    park(id, now)
    return []
  }

  /// An idle session has closed.
  mutating func diedIdle(_ id: SlotID, now: MonotonicTime) -> [PoolAction] {
    guard phase(of: id) == .idle else { return [] }
    let session = sessions[Int(id.index)]
    removeIdle(id)
    let isFault = !session.hasServed && now < session.connectedAt + Self.youngAge
    var actions: [PoolAction] = []
    if isFault || idleCount < limits.minIdle {
      actions.append(.report(.diedIdle(endpoint: Int(session.endpoint), isFault: isFault)))
    }
    supplyWaiting(hasPermit: true, now, &actions)
    return actions
  }
}
