import GatewayConfiguration
import Reactor
import Testing
import Transport

@testable import Upstreams

/// A pool's state with a clock that the test moves, and settings with short names.
struct Story: ~Copyable {
  var state: SessionPoolState
  let permits: SessionPermits
  var now = MonotonicTime(nanoseconds: 1_000_000_000_000)

  init(
    endpoints: Int = 1, maxSessions: Int = 2, minIdle: Int = 0, maxQueue: Int = 4, maxRequests: Int = 0,
    balance: Balance = .roundRobin, shard: Int = 0, permits: SessionPermits? = nil, shards: Int = 1
  ) {
    self.permits = permits ?? SessionPermits(maxSessions: maxSessions, maxQueue: maxQueue, shards: shards)
    state = SessionPoolState(
      shard: shard, permits: self.permits,
      limits: Self.limits(maxSessions: maxSessions, minIdle: minIdle, shard: shard, shards: shards),
      balance: balance, weights: Array(repeating: 1, count: endpoints))
  }

  static func limits(maxSessions: Int = 2, minIdle: Int = 0, shard: Int = 0, shards: Int = 1) -> PoolLimits {
    var settings = PoolSettings()
    settings.maxSessions = maxSessions
    settings.minIdle = minIdle
    return PoolLimits(settings, shard: shard, shards: shards)
  }

  mutating func lease(_ wish: LeaseWish = LeaseWish()) -> SessionPoolState.LeaseDecision {
    state.lease(wish, now: now)
  }

  mutating func giveBack(_ id: SlotID, isReusable: Bool = true) -> [PoolAction] {
    state.giveBack(id, isReusable: isReusable, now: now)
  }

  mutating func connected(_ id: SlotID) -> [PoolAction] { state.connected(id, now: now) }

  mutating func refused(_ id: SlotID) -> [PoolAction] {
    state.connectFailed(id, .connectFailed(111), now: now, jitter: 0)
  }

  mutating func exhausted(_ id: SlotID) -> [PoolAction] {
    state.connectFailed(id, .exhausted(24), now: now, jitter: 0)
  }

  mutating func pass(_ duration: Duration) -> [PoolAction] {
    now = now + duration
    return state.tick(now: now)
  }
}

let one = SlotID(index: 0, generation: 1)
let two = SlotID(index: 1, generation: 1)

func lease(_ number: UInt64) -> LeaseID { LeaseID(number: number) }
