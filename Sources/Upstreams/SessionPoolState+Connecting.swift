internal import Reactor
internal import Routing
internal import Transport

/// How connects end, and how many are started.
extension SessionPoolState {
  /// A connect has succeeded.
  mutating func connected(_ id: SlotID, now: MonotonicTime) -> [PoolAction] {
    guard phase(of: id) == .connecting else { return [.close(id)] }
    let endpoint = Int(sessions[Int(id.index)].endpoint)
    endConnect(endpoint)
    totals.opened &+= 1
    sessions[Int(id.index)].connectedAt = now
    var actions: [PoolAction] = []
    if endpoints[endpoint].availability.connectSucceeded() {
      actions.append(.report(.recovered(endpoint: endpoint)))
      if limits.minIdle > 0 { refill(at: now) }
    }
    guard isOpen, !endpoints[endpoint].isRetired else {
      close(id, &actions)
      supplyWaiting(hasPermit: true, now, &actions)
      return actions
    }
    if waiting.isEmpty, !permits.hasPressure {
      park(id, now)
    } else {
      actions += settle(id, now)
    }
    // A recovered endpoint may serve more of those who wait.
    supplyWaiting(hasPermit: false, now, &actions)
    return actions
  }

  /// A connect has failed at every address.
  mutating func connectFailed(
    _ id: SlotID, _ error: TransportError, now: MonotonicTime, jitter: UInt8
  ) -> [PoolAction] {
    guard phase(of: id) == .connecting else { return [] }
    let endpoint = Int(sessions[Int(id.index)].endpoint)
    endConnect(endpoint)
    forget(id)
    totals.connectFailures &+= 1
    var actions: [PoolAction] = []
    if case .exhausted = error { return connectExhausted(endpoint, error, now) }
    let isLone = usableEndpoints <= 1
    if !endpoints[endpoint].isRetired,
      endpoints[endpoint].availability.connectFailed(error, now: now, isLone: isLone, jitter: jitter)
    {
      actions.append(.report(.connectFailed(endpoint: endpoint)))
    }
    if let due = endpoints[endpoint].availability.probeDue { wake(at: due) }
    if idleCount < limits.minIdle { refill(at: now + EndpointAvailability.firstDelay) }
    supplyWaiting(hasPermit: true, now, &actions)
    return actions
  }

  /// A connect could not be begun for want of something here. The endpoint is as good as before, but no further connect is started in its place:
  /// it would fail alike, turn after turn. So nobody is left waiting but for those connects that are still under way.
  private mutating func connectExhausted(
    _ endpoint: Int, _ error: TransportError, _ now: MonotonicTime
  ) -> [PoolAction] {
    var actions: [PoolAction] = []
    endpoints[endpoint].availability.connectDropped()
    if let due = endpoints[endpoint].availability.probeDue { wake(at: max(due, now + Self.noPermitDelay)) }
    if idleCount < limits.minIdle { refill(at: now + Self.noPermitDelay) }
    while waiting.count > supply, let place = waiting.takeFirst(isNew: true) {
      left(place)
      actions.append(.fail(place.id, .connectFailed(error)))
    }
    calmDown()
    release(&actions)
    return actions
  }

  /// A permit was handed over by another shard.
  mutating func permitArrived(now: MonotonicTime) -> [PoolAction] {
    // It may have asked again while this one was on its way; whether it still needs more is decided anew.
    stopStarving()
    var actions: [PoolAction] = []
    supplyWaiting(hasPermit: true, mayYield: false, now, &actions)
    return actions
  }

  /// Connects under way that those who wait can hope for: to endpoints in good order, or, when there is none, whichever there are.
  var supply: Int {
    if endpoints.count == 1 { return connectingCount }
    var hopeful = 0
    var hasAvailable = false
    for endpoint in endpoints where !endpoint.isRetired && endpoint.availability.isAvailable {
      hasAvailable = true
      hopeful += endpoint.connecting
    }
    return hasAvailable ? hopeful : connectingCount
  }

  /// Starts connects until there are as many as requests wait, as far as endpoints and permits go; then sees to it that nobody waits
  /// without hope, and that no permit is kept without use.
  ///
  /// - Parameters:
  ///   - hasPermit: a permit of this shard is in no session's use.
  ///   - mayYield: it may go to another shard by turns; not so when it has just come from one.
  mutating func supplyWaiting(
    hasPermit: Bool, mayYield: Bool = true, _ now: MonotonicTime, _ actions: inout [PoolAction]
  ) {
    var hasPermit = hasPermit
    if hasPermit, mayYield, !waiting.isEmpty, let other = yieldPermit() {
      actions.append(.handPermit(to: other))
      hasPermit = false
    }
    if hasPermit, permits.isOverLimit {
      release(&actions)
      hasPermit = false
    }
    while isOpen, waiting.count > supply {
      guard let endpoint = chooseEndpoint(avoiding: nil, now: now) else {
        // A permit would be of no use now; the probe's end or the next tick comes here again.
        stopStarving()
        break
      }
      if !hasPermit, !takeOrStarve(&actions) { break }
      hasPermit = false
      startConnect(endpoint, &actions)
    }
    failHopeless(now, &actions)
    calmDown()
    if hasPermit { release(&actions) }
  }

  mutating func startConnect(_ endpoint: Int, _ actions: inout [PoolAction]) {
    let slot: Int
    if let free = freeSlots.popLast() {
      slot = Int(free)
    } else {
      slot = sessions.count
      sessions.append(Session())
    }
    sessions[slot].phase = .connecting
    sessions[slot].endpoint = Int32(endpoint)
    sessions[slot].hasServed = false
    connectingCount += 1
    endpoints[endpoint].connecting += 1
    // A connect counts as load: requests that come together are spread before the first of them has a session.
    balancer.started(endpoint)
    endpoints[endpoint].availability.connectStarted()
    actions.append(
      .connect(SlotID(index: UInt32(slot), generation: sessions[slot].generation), endpoint: endpoint))
  }

  mutating func endConnect(_ endpoint: Int) {
    connectingCount -= 1
    endpoints[endpoint].connecting -= 1
    balancer.ended(endpoint)
  }

  /// An endpoint that may be connected to now; the avoided one only when it is the only one.
  mutating func chooseEndpoint(avoiding avoided: Int?, now: MonotonicTime) -> Int? {
    if endpoints.count == 1 {
      return !endpoints[0].isRetired && endpoints[0].availability.mayTry(now) ? 0 : nil
    }
    let states = endpoints
    func mayTry(_ index: Int) -> Bool { !states[index].isRetired && states[index].availability.mayTry(now) }
    // A held-back endpoint is probed in the background; a request goes there only when there is no other.
    if let best = balancer.pick(
      random: chance,
      available: { $0 != avoided && mayTry($0) && states[$0].availability.isAvailable })
    {
      return best
    }
    return balancer.pick(random: chance, available: { $0 != avoided && mayTry($0) })
      ?? balancer.pick(random: chance, available: mayTry)
  }

  /// When no endpoint may be tried and no connect is under way, waiting is in vain.
  private mutating func failHopeless(_ now: MonotonicTime, _ actions: inout [PoolAction]) {
    guard !waiting.isEmpty, connectingCount == 0 else { return }
    guard !endpoints.contains(where: { !$0.isRetired && $0.availability.mayTry(now) }) else { return }
    let failure = lastFailure.map(LeaseFailure.connectFailed) ?? noEndpoint(now)
    failAll(failure, &actions)
  }

  mutating func failAll(_ failure: LeaseFailure, _ actions: inout [PoolAction]) {
    while let place = waiting.takeFirst(isNew: true) {
      left(place)
      actions.append(.fail(place.id, failure))
    }
    calmDown()
  }

  private var lastFailure: TransportError? {
    endpoints.lazy.filter { !$0.isRetired }.compactMap(\.availability.lastFailure).first
  }

  /// Why no endpoint can be tried, and when one can.
  func noEndpoint(_ now: MonotonicTime) -> LeaseFailure {
    let due = endpoints.lazy.filter { !$0.isRetired }.compactMap(\.availability.heldUntil).min() ?? now
    return .noEndpointAvailable(
      retryAfter: .nanoseconds(Int64(clamping: due.nanoseconds(since: now))), cause: lastFailure)
  }

  private mutating func takeOrStarve(_ actions: inout [PoolAction]) -> Bool {
    switch permits.takeOrStarve(shard) {
    case .taken: return true
    case .starving(let isNew):
      isStarving = true
      if isNew { actions.append(.report(.starving)) }
      return false
    }
  }

  /// Takes the flag of starving back when nobody waits for a permit any more.
  mutating func calmDown() {
    if isStarving, waiting.count <= supply { stopStarving() }
  }

  private mutating func stopStarving() {
    guard isStarving else { return }
    isStarving = false
    permits.calm(shard)
  }

  /// The shard that the permit in hand goes to, by turns, though requests wait here too; or without turns when none do.
  mutating func yieldPermit() -> Int? {
    guard permits.hasPressure else { return nil }
    let hasOwnUse = !waiting.isEmpty
    if hasOwnUse, !yieldsNext {
      yieldsNext = true
      return nil
    }
    guard let other = permits.handOver(from: shard, hasOwnUse: hasOwnUse) else { return nil }
    yieldsNext = false
    return other
  }

  mutating func release(_ actions: inout [PoolAction]) {
    if let other = permits.release(from: shard) { actions.append(.handPermit(to: other)) }
  }
}
