internal import Reactor
internal import Synchronization

/// The right to hold a session, shared by an upstream's pools on all reactors: `maxSessions` and `maxQueue` are for the whole process.
///
/// A permit is taken before a session is connected and given up after it closed. A shard that gets none is noted as starving, in
/// order; a permit given up goes to the first of them directly, so that nobody can snatch it on the way. While anyone starves no permit is free.
/// The byte path reads `hasPressure` alone, one atomic load; the lock is for connecting and closing.
final class SessionPermits: Sendable {
  private struct State {
    var limit: Int
    var held: [Int]
    var taken = 0
    var starving: [Int] = []

    var pressure: Bool { taken > limit || !starving.isEmpty }
  }

  private let state: Locked<State>
  private let pressure = Atomic<Bool>(false)
  private let queued = Atomic<Int>(0)
  private let queueLimit: Atomic<Int>

  init(maxSessions: Int, maxQueue: Int, shards: Int) {
    state = Locked(State(limit: max(1, maxSessions), held: Array(repeating: 0, count: shards)))
    queueLimit = Atomic(max(0, maxQueue))
  }

  private func change<Answer>(_ body: (inout State) -> Answer) -> Answer {
    state.withLock { state in
      let answer = body(&state)
      pressure.store(state.pressure, ordering: .relaxed)
      return answer
    }
  }

  // MARK: Permits

  /// Whether a returning session may have to be closed: a shard starves, or more permits are out than there may be.
  @inline(__always)
  var hasPressure: Bool { pressure.load(ordering: .relaxed) }

  /// Whether more permits are out than there may be: the limit was lowered.
  var isOverLimit: Bool { state.withLock { $0.taken > $0.limit } }

  /// Takes a free permit for `shard`.
  func take(_ shard: Int) -> Bool { change { Self.take(&$0, shard) } }

  /// What came of asking for a permit that is needed.
  enum Answer: Equatable { case taken, starving(isNew: Bool) }

  /// Takes a free permit, or notes `shard` as starving.
  func takeOrStarve(_ shard: Int) -> Answer {
    change { state in
      if Self.take(&state, shard) { return .taken }
      if state.starving.contains(shard) { return .starving(isNew: false) }
      state.starving.append(shard)
      return .starving(isNew: true)
    }
  }

  private static func take(_ state: inout State, _ shard: Int) -> Bool {
    guard state.taken < state.limit else { return false }
    state.taken += 1
    state.held[shard] += 1
    return true
  }

  /// `shard` needs no permit any more.
  func calm(_ shard: Int) { change { $0.starving.removeAll { $0 == shard } } }

  /// Gives up a permit of `shard`; gives back the starving shard that has it now and must be told, or nil when it is free.
  func release(from shard: Int) -> Int? {
    change { state in
      if state.taken <= state.limit, let next = Self.move(&state, from: shard, where: { _ in true }) { return next }
      state.taken -= 1
      state.held[shard] -= 1
      return nil
    }
  }

  /// Passes a permit of `shard`, still in use, to a starving one; nil when none starves or this shard should keep it.
  ///
  /// - Parameter hasOwnUse: requests wait on `shard` too. Then the permit goes only to who has none at all, or to who has at least two
  ///   fewer: an exchange between equals would close and connect sessions without end and help nobody.
  func handOver(from shard: Int, hasOwnUse: Bool) -> Int? {
    guard hasPressure else { return nil }
    return change { state in
      guard state.taken <= state.limit else { return nil }
      let own = state.held[shard]
      let held = state.held
      return Self.move(&state, from: shard) { !hasOwnUse || held[$0] == 0 || own > held[$0] + 1 }
    }
  }

  private static func move(_ state: inout State, from shard: Int, where isEntitled: (Int) -> Bool) -> Int? {
    guard let position = state.starving.firstIndex(where: { $0 != shard && isEntitled($0) }) else { return nil }
    let next = state.starving.remove(at: position)
    state.held[shard] -= 1
    state.held[next] += 1
    return next
  }

  /// Changes how many there may be; gives back the starving shards that each have a permit now and must be told.
  func setLimits(maxSessions: Int, maxQueue: Int) -> [Int] {
    queueLimit.store(max(0, maxQueue), ordering: .relaxed)
    return change { state in
      state.limit = max(1, maxSessions)
      var served: [Int] = []
      while let next = state.starving.first, Self.take(&state, next) {
        state.starving.removeFirst()
        served.append(next)
      }
      return served
    }
  }

  /// Permits out, and per shard.
  var counts: (taken: Int, held: [Int], starving: [Int]) {
    state.withLock { ($0.taken, $0.held, $0.starving) }
  }

  // MARK: The queue's places

  /// How many may wait.
  var maxQueue: Int { queueLimit.load(ordering: .relaxed) }

  /// How many wait.
  var queuedCount: Int { queued.load(ordering: .relaxed) }

  /// Takes a place in the queue; false when it is full.
  func enterQueue() -> Bool {
    let (_, count) = queued.add(1, ordering: .relaxed)
    guard count > maxQueue else { return true }
    queued.subtract(1, ordering: .relaxed)
    return false
  }

  /// Gives a place back.
  func leaveQueue() { queued.subtract(1, ordering: .relaxed) }
}
