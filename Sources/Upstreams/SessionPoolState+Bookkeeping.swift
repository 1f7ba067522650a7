internal import Reactor
internal import Routing

/// The counts and stacks; every change of a session's phase is here.
extension SessionPoolState {
  @inline(__always)
  func name(of slot: UInt32) -> SlotID {
    SlotID(index: slot, generation: sessions[Int(slot)].generation)
  }

  @inline(__always)
  func phase(of id: SlotID) -> Phase {
    guard Int(id.index) < sessions.count, sessions[Int(id.index)].generation == id.generation else { return .free }
    return sessions[Int(id.index)].phase
  }

  /// An idle session, already off its stack, is leased.
  mutating func leaseIdle(_ slot: UInt32, _ now: MonotonicTime) -> SlotID {
    idleCount -= 1
    let id = name(of: slot)
    markLeased(id, now)
    return id
  }

  /// A session that is on no stack is leased.
  mutating func markLeased(_ id: SlotID, _ now: MonotonicTime) {
    let endpoint = Int(sessions[Int(id.index)].endpoint)
    sessions[Int(id.index)].phase = .leased
    leasedCount += 1
    endpoints[endpoint].leased += 1
    balancer.started(endpoint)
    if idleCount < limits.minIdle, refillAt == .never { refill(at: now + Self.refillDelay) }
  }

  /// A session that is on no stack becomes idle.
  mutating func park(_ id: SlotID, _ now: MonotonicTime) {
    let slot = Int(id.index)
    sessions[slot].phase = .idle
    sessions[slot].idleSince = now
    endpoints[Int(sessions[slot].endpoint)].idle.append(id.index)
    idleCount += 1
    if idleCount > limits.minIdle { wake(at: now + limits.idleTimeout) }
  }

  /// Takes an idle session off its stack and forgets it; its permit is the caller's.
  @discardableResult
  mutating func removeIdle(_ id: SlotID) -> SlotID {
    let endpoint = Int(sessions[Int(id.index)].endpoint)
    if let position = endpoints[endpoint].idle.firstIndex(of: id.index) {
      endpoints[endpoint].idle.remove(at: position)
      idleCount -= 1
    }
    totals.closed &+= 1
    forget(id)
    return id
  }

  /// Closes a connected session that is idle or on no stack; its permit is the caller's.
  mutating func close(_ id: SlotID, _ actions: inout [PoolAction]) {
    if sessions[Int(id.index)].phase == .idle {
      removeIdle(id)
    } else {
      totals.closed &+= 1
      forget(id)
    }
    actions.append(.close(id))
  }

  mutating func forget(_ id: SlotID) {
    let slot = Int(id.index)
    sessions[slot].phase = .free
    sessions[slot].generation &+= 1
    freeSlots.append(id.index)
  }

  /// An idle session of any endpoint, of one in good order if there is.
  mutating func popAnyIdle() -> UInt32? {
    guard idleCount > 0 else { return nil }
    var position: Int?
    for index in endpoints.indices where !endpoints[index].idle.isEmpty {
      position = index
      if endpoints[index].availability.isAvailable { break }
    }
    return position.flatMap { endpoints[$0].idle.popLast() }
  }

  /// The session that has been idle for longest.
  func oldestIdle() -> SlotID? {
    var oldest: UInt32?
    for endpoint in endpoints {
      guard let first = endpoint.idle.first else { continue }
      if let current = oldest, sessions[Int(current)].idleSince <= sessions[Int(first)].idleSince { continue }
      oldest = first
    }
    guard let oldest else { return nil }
    return name(of: oldest)
  }

  /// Someone has left the line.
  func left(_ place: WaitingLine.Place) {
    if place.occupiesQueue { permits.leaveQueue() }
  }

  @inline(__always)
  mutating func wake(at time: MonotonicTime) {
    if time < wakeAt { wakeAt = time }
  }

  var gauges: PoolGauges {
    var gauges = totals
    gauges.idle = idleCount
    gauges.leased = leasedCount
    gauges.connecting = connectingCount
    gauges.waiting = waiting.count
    return gauges
  }
}
