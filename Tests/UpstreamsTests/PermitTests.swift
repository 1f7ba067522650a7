import Reactor
import Testing
import Transport

@testable import Upstreams

@Suite("Permits shared by the reactors")
struct PermitTests {
  @Test("One permit, two shards: a session that comes back goes over by turns")
  func turns() {
    let permits = SessionPermits(maxSessions: 1, maxQueue: 8, shards: 2)
    var left = Story(maxSessions: 1, shard: 0, permits: permits, shards: 2)
    var right = Story(maxSessions: 1, shard: 1, permits: permits, shards: 2)
    _ = left.lease()
    _ = left.connected(one)
    #expect(left.lease() == .wait(lease(2), [.report(.starving)]))
    #expect(right.lease() == .wait(lease(1), [.report(.starving)]))
    #expect(left.giveBack(one) == [.grant(lease(2), one)])
    #expect(left.lease() == .wait(lease(3), [.report(.starving)]))
    #expect(left.giveBack(one) == [.close(one), .handPermit(to: 1)])
    #expect(permits.counts.held == [0, 1])
    #expect(right.state.permitArrived(now: right.now) == [.connect(one, endpoint: 0)])
    #expect(right.connected(one) == [.grant(lease(1), one)])
    // Nobody waits on the right: back it goes without turns.
    #expect(right.giveBack(one) == [.close(one), .handPermit(to: 0)])
  }

  @Test("An idle session is closed for a shard that starves, when the supervisor asks")
  func yieldIdle() {
    let permits = SessionPermits(maxSessions: 1, maxQueue: 8, shards: 2)
    var left = Story(maxSessions: 1, shard: 0, permits: permits, shards: 2)
    var right = Story(maxSessions: 1, shard: 1, permits: permits, shards: 2)
    _ = left.lease()
    _ = left.connected(one)
    _ = left.giveBack(one)
    #expect(left.state.yieldIdle() == [])
    #expect(right.lease() == .wait(lease(1), [.report(.starving)]))
    #expect(left.state.yieldIdle() == [.close(one), .handPermit(to: 1)])
    #expect(right.state.permitArrived(now: right.now) == [.connect(one, endpoint: 0)])
  }

  @Test("Shards that hold their share keep their sessions though both starve")
  func noChurnBetweenEquals() {
    let permits = SessionPermits(maxSessions: 4, maxQueue: 8, shards: 2)
    for shard in [0, 0, 1, 1] { #expect(permits.take(shard)) }
    #expect(permits.takeOrStarve(0) == .starving(isNew: true))
    #expect(permits.takeOrStarve(1) == .starving(isNew: true))
    #expect(permits.handOver(from: 0, hasOwnUse: true) == nil)
    #expect(permits.handOver(from: 1, hasOwnUse: true) == nil)
    #expect(permits.handOver(from: 0, hasOwnUse: false) == 1)
    #expect(permits.counts.held == [1, 3])
  }

  @Test("A permit that arrives after its need is passed on")
  func lateArrival() {
    let permits = SessionPermits(maxSessions: 1, maxQueue: 8, shards: 2)
    var left = Story(maxSessions: 1, shard: 0, permits: permits, shards: 2)
    var right = Story(maxSessions: 1, shard: 1, permits: permits, shards: 2)
    _ = left.lease()
    _ = left.connected(one)
    _ = right.lease()
    #expect(left.giveBack(one) == [.close(one), .handPermit(to: 1)])
    right.state.cancel(lease(1))
    #expect(left.lease() == .wait(lease(2), [.report(.starving)]))
    #expect(right.state.permitArrived(now: right.now) == [.handPermit(to: 0)])
  }
}
