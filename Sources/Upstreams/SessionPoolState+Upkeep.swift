internal import GatewayConfiguration
internal import Transport
internal import Reactor
internal import Routing

/// What time and the supervisor bring: expiry, probes, refills, new settings, the end.
extension SessionPoolState {
  /// Time has come to `now`: at `wakeAt`, or whenever.
  mutating func tick(now: MonotonicTime) -> [PoolAction] {
    var actions: [PoolAction] = []
    wakeAt = .never
    expireWaiting(now, &actions)
    guard isOpen else { return actions }
    probe(now, &actions)
    if refillAt <= now { refillIdle(now, &actions) }
    expireIdle(now, &actions)
    supplyWaiting(hasPermit: false, now, &actions)
    scheduleNext(now)
    return actions
  }

  private mutating func expireWaiting(_ now: MonotonicTime, _ actions: inout [PoolAction]) {
    while let place = waiting.takeExpired(now) {
      left(place)
      totals.queueTimeouts &+= 1
      // Who did not queue for a permit has waited for its own connect.
      let failure: LeaseFailure =
        place.occupiesQueue ? .queueTimeout(limits.queueTimeout) : .connectFailed(.connectTimedOut)
      actions.append(.fail(place.id, failure))
    }
    calmDown()
  }

  private mutating func probe(_ now: MonotonicTime, _ actions: inout [PoolAction]) {
    for index in endpoints.indices where !endpoints[index].isRetired {
      guard let due = endpoints[index].availability.probeDue, due <= now else { continue }
      if permits.take(shard) {
        startConnect(index, &actions)
      }
    }
  }

  private mutating func expireIdle(_ now: MonotonicTime, _ actions: inout [PoolAction]) {
    while idleCount > limits.minIdle, let oldest = oldestIdle(),
      sessions[Int(oldest.index)].idleSince + limits.idleTimeout <= now
    {
      actions.append(.close(removeIdle(oldest)))
      release(&actions)
    }
  }

  private mutating func scheduleNext(_ now: MonotonicTime) {
    if let first = waiting.first { wake(at: first.deadline) }
    if idleCount > limits.minIdle, let oldest = oldestIdle() {
      wake(at: sessions[Int(oldest.index)].idleSince + limits.idleTimeout)
    }
    for endpoint in endpoints where !endpoint.isRetired {
      if let due = endpoint.availability.probeDue { wake(at: due <= now ? now + Self.noPermitDelay : due) }
    }
    if refillAt != .never { wake(at: refillAt) }
  }

  // MARK: Ready sessions

  /// Connects as many sessions as `minIdle` lacks. Asked for by the supervisor: at the start and, with backoff, after one has died.
  mutating func refill(now: MonotonicTime) -> [PoolAction] {
    var actions: [PoolAction] = []
    if isOpen { refillIdle(now, &actions) }
    return actions
  }

  private mutating func refillIdle(_ now: MonotonicTime, _ actions: inout [PoolAction]) {
    refillAt = .never
    var lacking = limits.minIdle - idleCount - max(0, supply - waiting.count)
    while lacking > 0 {
      guard let endpoint = chooseEndpoint(avoiding: nil, now: now),
        endpoints[endpoint].availability.isAvailable
      else { return }  // The probe that succeeds asks again.
      guard permits.take(shard) else { return refill(at: now + Self.noPermitDelay) }
      chance = chance &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      startConnect(endpoint, &actions)
      lacking -= 1
    }
  }

  mutating func refill(at time: MonotonicTime) {
    guard time < refillAt else { return }
    refillAt = time
    wake(at: time)
  }

  // MARK: The supervisor's word

  /// Another shard starves: an idle session is closed for it.
  mutating func yieldIdle() -> [PoolAction] {
    var actions: [PoolAction] = []
    guard waiting.isEmpty, let oldest = oldestIdle(),
      let other = permits.handOver(from: shard, hasOwnUse: false)
    else { return actions }
    close(oldest, &actions)
    actions.append(.handPermit(to: other))
    return actions
  }

  /// An endpoint has failed again and again: it is left alone until `until`, then probed.
  mutating func markDown(_ endpoint: Int, until: MonotonicTime, now: MonotonicTime) -> [PoolAction] {
    var actions: [PoolAction] = []
    guard endpoints.indices.contains(endpoint), !endpoints[endpoint].isRetired else { return actions }
    endpoints[endpoint].availability.markDown(until: until)
    if let due = endpoints[endpoint].availability.probeDue { wake(at: due) }
    supplyWaiting(hasPermit: false, now, &actions)
    return actions
  }

  /// Another shard has found that an endpoint accepts again.
  mutating func markRecovered(_ endpoint: Int, now: MonotonicTime) -> [PoolAction] {
    var actions: [PoolAction] = []
    guard endpoints.indices.contains(endpoint), !endpoints[endpoint].isRetired else { return actions }
    if endpoints[endpoint].availability.connectSucceeded(), limits.minIdle > 0 { refill(at: now) }
    supplyWaiting(hasPermit: false, now, &actions)
    return actions
  }

  /// New settings. More is used at once; what is too much is closed if idle, and otherwise when it comes back.
  ///
  /// - Parameter weights: per endpoint, in their numbers' order; nil for one that has gone. Numbers beyond the known ones are new.
  mutating func reconfigure(
    limits: PoolLimits, balance: Balance, weights: [Int?], now: MonotonicTime
  ) -> [PoolAction] {
    var actions: [PoolAction] = []
    guard isOpen else { return actions }
    self.limits = limits
    for index in weights.indices {
      if index == endpoints.count { endpoints.append(Endpoint(isRetired: true)) }
      let isRetired = weights[index] == nil
      if endpoints[index].isRetired != isRetired { endpoints[index].availability = EndpointAvailability() }
      endpoints[index].isRetired = isRetired
      if isRetired { closeIdle(of: index, &actions) }
    }
    usableEndpoints = weights.count { $0 != nil }
    balancer = EndpointBalancer(balance, weights: weights.map { $0 ?? 1 })
    for index in endpoints.indices {
      for _ in 0..<endpoints[index].leased + endpoints[index].connecting { balancer.started(index) }
    }
    while permits.isOverLimit, let oldest = oldestIdle() {
      close(oldest, &actions)
      release(&actions)
    }
    refill(at: now)
    supplyWaiting(hasPermit: false, now, &actions)
    wake(at: now)
    return actions
  }

  private mutating func closeIdle(of endpoint: Int, _ actions: inout [PoolAction]) {
    while let slot = endpoints[endpoint].idle.last {
      close(name(of: slot), &actions)
      release(&actions)
    }
  }

  /// The upstream has gone: idle and connecting sessions are closed, who waits is told, the leased ones end when they come back.
  mutating func drain() -> [PoolAction] {
    var actions: [PoolAction] = []
    guard isOpen else { return actions }
    isOpen = false
    failAll(.upstreamRemoved, &actions)
    for slot in sessions.indices {
      let id = name(of: UInt32(slot))
      switch sessions[slot].phase {
      case .idle: close(id, &actions)
      case .connecting:
        endConnect(Int(sessions[slot].endpoint))
        forget(id)
        actions.append(.close(id))
      case .free, .leased: continue
      }
      release(&actions)
    }
    return actions
  }
}
