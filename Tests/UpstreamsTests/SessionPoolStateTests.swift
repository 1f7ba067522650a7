import GatewayConfiguration
import Reactor
import Testing
import Transport

@testable import Upstreams

@Suite("The state of a session pool")
struct SessionPoolStateTests {
  @Test("The first request connects, the second takes the session that the first gave back")
  func reuse() {
    var pool = Story()
    #expect(pool.lease() == .wait(lease(1), [.connect(one, endpoint: 0)]))
    #expect(pool.connected(one) == [.grant(lease(1), one)])
    #expect(pool.giveBack(one) == [])
    #expect(pool.lease() == .use(one))
    #expect(pool.permits.counts.taken == 1)
  }

  @Test("The session used last is taken first")
  func lastInFirstOut() {
    var pool = Story()
    _ = pool.lease()
    _ = pool.lease()
    _ = pool.connected(one)
    _ = pool.connected(two)
    _ = pool.giveBack(two)
    _ = pool.giveBack(one)
    #expect(pool.lease() == .use(one))
    #expect(pool.lease() == .use(two))
  }

  @Test("At the limit requests wait in line, and a session that comes back goes to who came first")
  func firstComeFirstServed() {
    var pool = Story(maxSessions: 1)
    _ = pool.lease()
    _ = pool.connected(one)
    #expect(pool.lease() == .wait(lease(2), [.report(.starving)]))
    #expect(pool.lease() == .wait(lease(3), []))
    #expect(pool.giveBack(one) == [.grant(lease(2), one)])
    #expect(pool.giveBack(one) == [.grant(lease(3), one)])
    #expect(pool.giveBack(one) == [])
    #expect(pool.permits.counts.starving == [])
  }

  @Test("Who waits takes whichever session is first: a given-back one before its own connect's")
  func whicheverIsFirst() {
    var pool = Story(maxSessions: 2)
    _ = pool.lease()
    _ = pool.connected(one)
    #expect(pool.lease() == .wait(lease(2), [.connect(two, endpoint: 0)]))
    #expect(pool.giveBack(one) == [.grant(lease(2), one)])
    // Nobody waits any more: the connect that ends now parks, and the next request takes it.
    #expect(pool.connected(two) == [])
    #expect(pool.lease() == .use(two))
  }

  @Test("A request that comes while a connect is under way for nobody does not start another")
  func noMoreConnectsThanWaiting() {
    var pool = Story(maxSessions: 4)
    #expect(pool.lease() == .wait(lease(1), [.connect(one, endpoint: 0)]))
    pool.state.cancel(lease(1))
    #expect(pool.lease() == .wait(lease(2), []))
    #expect(pool.connected(one) == [.grant(lease(2), one)])
  }

  @Test("One more than maxQueue is refused; who waits for its own connect does not count")
  func queueFull() {
    var pool = Story(maxSessions: 1, maxQueue: 1)
    #expect(pool.lease() == .wait(lease(1), [.connect(one, endpoint: 0)]))
    #expect(pool.lease() == .wait(lease(2), [.report(.starving)]))
    #expect(pool.lease() == .refuse(.queueFull(maxQueue: 1)))
    pool.state.cancel(lease(2))
    #expect(pool.lease() == .wait(lease(3), [.report(.starving)]))
  }

  @Test("A wait ends after the queue timeout, in order; one for a connect names the connect")
  func queueTimeout() {
    var pool = Story(maxSessions: 1)
    _ = pool.lease()
    _ = pool.lease()
    #expect(pool.pass(.milliseconds(1_999)) == [])
    #expect(
      pool.pass(.milliseconds(1)) == [
        .fail(lease(1), .connectFailed(.connectTimedOut)), .fail(lease(2), .queueTimeout(.seconds(2))),
      ])
    #expect(pool.permits.queuedCount == 0)
    #expect(pool.connected(one) == [])
  }

  @Test("A session that served as many requests as it may is closed, and its permit serves who waits")
  func retired() {
    var pool = Story(maxSessions: 1)
    _ = pool.lease()
    _ = pool.connected(one)
    _ = pool.lease()
    let next = SlotID(index: 0, generation: 2)
    #expect(pool.giveBack(one, isReusable: false) == [.close(one), .connect(next, endpoint: 0)])
    #expect(pool.connected(next) == [.grant(lease(2), next)])
    // An answer's end that is told twice changes nothing.
    #expect(pool.giveBack(one) == [])
  }

  @Test("A request that wants a fresh session never gets a kept one; at the limit an idle one makes room")
  func fresh() {
    var pool = Story(maxSessions: 1)
    _ = pool.lease()
    _ = pool.connected(one)
    _ = pool.giveBack(one)
    let next = SlotID(index: 0, generation: 2)
    #expect(pool.lease(LeaseWish(fresh: true)) == .wait(lease(2), [.close(one), .connect(next, endpoint: 0)]))
    #expect(pool.connected(next) == [.grant(lease(2), next)])
    // It waits behind the session in use: that one is closed for it when it comes back.
    #expect(pool.lease(LeaseWish(fresh: true)) == .wait(lease(3), [.report(.starving)]))
    let third = SlotID(index: 0, generation: 3)
    #expect(pool.giveBack(next) == [.close(next), .connect(third, endpoint: 0)])
    #expect(pool.connected(third) == [.grant(lease(3), third)])
  }

  @Test("A kept session passes over who wants a fresh one")
  func freshIsPassedOver() {
    var pool = Story(maxSessions: 2)
    _ = pool.lease()
    _ = pool.connected(one)
    #expect(pool.lease(LeaseWish(fresh: true)) == .wait(lease(2), [.connect(two, endpoint: 0)]))
    #expect(pool.lease() == .wait(lease(3), [.report(.starving)]))
    #expect(pool.giveBack(one) == [.grant(lease(3), one)])
    #expect(pool.connected(two) == [.grant(lease(2), two)])
  }

  @Test(
    "A request whose endpoint refuses is tried at the next; when none is left all who wait fail at once with the cause")
  func nextEndpoint() {
    var pool = Story(endpoints: 2)
    #expect(pool.lease() == .wait(lease(1), [.connect(one, endpoint: 0)]))
    let next = SlotID(index: 0, generation: 2)
    #expect(pool.refused(one) == [.report(.connectFailed(endpoint: 0)), .connect(next, endpoint: 1)])
    #expect(
      pool.refused(next) == [
        .report(.connectFailed(endpoint: 1)), .fail(lease(1), .connectFailed(.connectFailed(111))),
      ])
    #expect(
      pool.lease()
        == .refuse(.noEndpointAvailable(retryAfter: .milliseconds(100), cause: .connectFailed(111))))
    #expect(pool.permits.counts.taken == 0)
  }

  @Test("A connect for which this process has no descriptor fails who asked for it, and says nothing of the endpoint")
  func exhausted() {
    var pool = Story(endpoints: 2, maxSessions: 1)
    #expect(pool.lease() == .wait(lease(1), [.connect(one, endpoint: 0)]))
    #expect(pool.lease() == .wait(lease(2), [.report(.starving)]))
    let failure = LeaseFailure.connectFailed(.exhausted(24))
    #expect(pool.exhausted(one) == [.fail(lease(1), failure), .fail(lease(2), failure)])
    #expect(pool.permits.counts.taken == 0 && pool.permits.counts.starving == [])
    // Not held back, and not tried again before a request asks for it.
    #expect(pool.pass(.seconds(5)) == [])
    let next = SlotID(index: 0, generation: 2)
    #expect(pool.lease() == .wait(lease(3), [.connect(next, endpoint: 1)]))
    #expect(pool.connected(next) == [.grant(lease(3), next)])
  }

  @Test("A connect that could not be begun fails one request; another's that is under way still serves who waits")
  func exhaustedWhileBusy() {
    var pool = Story(maxSessions: 3)
    _ = pool.lease()
    _ = pool.connected(one)
    #expect(pool.lease() == .wait(lease(2), [.connect(two, endpoint: 0)]))
    let three = SlotID(index: 2, generation: 1)
    #expect(pool.lease() == .wait(lease(3), [.connect(three, endpoint: 0)]))
    #expect(pool.exhausted(two) == [.fail(lease(2), .connectFailed(.exhausted(24)))])
    #expect(pool.connected(three) == [.grant(lease(3), three)])
  }

  @Test("A lone endpoint that refuses is tried once a backoff window; in between requests fail fast")
  func loneEndpoint() {
    var pool = Story()
    _ = pool.lease()
    _ = pool.refused(one)
    pool.now = pool.now + .milliseconds(100)
    var delays: [Duration] = []
    for round in 2...7 {
      guard case .wait(let id, let actions) = pool.lease(), case .connect(let session, _)? = actions.first else {
        Issue.record("round \(round) did not try")
        return
      }
      // A second request in the window waits for the same try.
      guard case .wait(let other, []) = pool.lease() else {
        Issue.record("round \(round): the second request did not wait for the probe")
        return
      }
      #expect(
        pool.refused(session).suffix(2) == [
          .fail(id, .connectFailed(.connectFailed(111))), .fail(other, .connectFailed(.connectFailed(111))),
        ])
      guard case .refuse(.noEndpointAvailable(let delay, _)) = pool.lease() else {
        Issue.record("round \(round) did not fail fast")
        return
      }
      delays.append(delay)
      pool.now = pool.now + delay
    }
    #expect(delays == [200, 400, 800, 1_000, 1_000, 1_000].map { .milliseconds($0) })
  }

  @Test("A held-back endpoint is probed by one connect, whose success clears it and parks")
  func probe() {
    var pool = Story(endpoints: 2, maxSessions: 4)
    _ = pool.lease()
    let next = SlotID(index: 0, generation: 2)
    #expect(pool.refused(one).contains(.connect(next, endpoint: 1)))
    _ = pool.connected(next)
    #expect(pool.state.wakeAt <= pool.now + .milliseconds(100))
    #expect(pool.pass(.milliseconds(100)) == [.connect(two, endpoint: 0)])
    #expect(pool.pass(.milliseconds(100)) == [])
    #expect(pool.connected(two) == [.report(.recovered(endpoint: 0))])
    #expect(pool.state.endpoints[0].idle == [1])
  }

  @Test("Refusals of connects that were started together count once")
  func burstCountsOnce() {
    var pool = Story(maxSessions: 8)
    for _ in 0..<8 { _ = pool.lease() }
    for index in 0..<8 { _ = pool.refused(SlotID(index: UInt32(index), generation: 1)) }
    #expect(pool.state.endpoints[0].availability.failures == 1)
    #expect(pool.state.gauges.connectFailures == 8)
    #expect(pool.state.gauges.waiting == 0)
  }

  @Test("The endpoint to avoid is taken only when there is no other")
  func avoiding() {
    var pool = Story(endpoints: 2, maxSessions: 4)
    for number in 1...3 as ClosedRange<UInt64> {
      guard case .wait(lease(number), let actions) = pool.lease(LeaseWish(avoidingEndpoint: 0)),
        case .connect(_, endpoint: 1)? = actions.first
      else {
        Issue.record("lease \(number) did not go to endpoint 1")
        return
      }
    }
    var lone = Story()
    #expect(lone.lease(LeaseWish(avoidingEndpoint: 0)) == .wait(lease(1), [.connect(one, endpoint: 0)]))
  }

  @Test("Without a permit an idle session of another endpoint is used before anybody waits")
  func otherEndpointsIdle() {
    var pool = Story(endpoints: 2, maxSessions: 1)
    _ = pool.lease()
    _ = pool.connected(one)
    _ = pool.giveBack(one)
    // Round robin would go to endpoint 1 now.
    #expect(pool.lease() == .use(one))
  }

  @Test("Idle sessions expire oldest first, not below minIdle")
  func idleExpiry() {
    var pool = Story(maxSessions: 3, minIdle: 1)
    for _ in 0..<3 { _ = pool.lease() }
    let three = SlotID(index: 2, generation: 1)
    for id in [one, two, three] { _ = pool.connected(id) }
    for id in [one, two, three] {
      _ = pool.giveBack(id)
      pool.now = pool.now + .seconds(1)
    }
    #expect(pool.pass(.seconds(57)) == [.close(one)])
    #expect(pool.state.wakeAt == pool.now + .seconds(1))
    #expect(pool.pass(.seconds(100)) == [.close(two)])
    #expect(pool.pass(.seconds(1_000)) == [])
    #expect(pool.permits.counts.taken == 1)
  }

  @Test("minIdle sessions are connected at the start, and again when requests have used them up")
  func minIdle() {
    var pool = Story(maxSessions: 4, minIdle: 2)
    #expect(pool.state.refill(now: pool.now) == [.connect(one, endpoint: 0), .connect(two, endpoint: 0)])
    #expect(pool.state.refill(now: pool.now) == [])
    _ = pool.connected(one)
    _ = pool.connected(two)
    #expect(pool.lease() == .use(two))
    #expect(pool.state.wakeAt == pool.now + SessionPoolState.refillDelay)
    #expect(
      pool.pass(SessionPoolState.refillDelay) == [.connect(SlotID(index: 2, generation: 1), endpoint: 0)])
  }

  @Test("A session that dies idle is reported; as a fault only if it was young and unused")
  func deathIdle() {
    var pool = Story(maxSessions: 2, minIdle: 2)
    _ = pool.state.refill(now: pool.now)
    _ = pool.connected(one)
    _ = pool.connected(two)
    #expect(pool.state.diedIdle(one, now: pool.now) == [.report(.diedIdle(endpoint: 0, isFault: true))])
    pool.now = pool.now + .seconds(1)
    #expect(pool.state.diedIdle(two, now: pool.now) == [.report(.diedIdle(endpoint: 0, isFault: false))])
    #expect(pool.permits.counts.taken == 0)
  }

  @Test("An upstream that closes after every answer is not blamed for it")
  func closesAfterAnswers() {
    var pool = Story()
    _ = pool.lease()
    _ = pool.connected(one)
    _ = pool.giveBack(one)
    #expect(pool.state.diedIdle(one, now: pool.now) == [])
    #expect(pool.permits.counts.taken == 0)
  }

  @Test("A smaller pool closes idle sessions at once and busy ones when they come back")
  func shrink() {
    var pool = Story(maxSessions: 3)
    for _ in 0..<3 { _ = pool.lease() }
    let three = SlotID(index: 2, generation: 1)
    for id in [one, two, three] { _ = pool.connected(id) }
    _ = pool.giveBack(three)
    #expect(pool.permits.setLimits(maxSessions: 1, maxQueue: 4) == [])
    #expect(
      pool.state.reconfigure(
        limits: Story.limits(maxSessions: 1), balance: .roundRobin, weights: [1], now: pool.now)
        == [.close(three)])
    #expect(pool.giveBack(two) == [.close(two)])
    #expect(pool.giveBack(one) == [])
    #expect(pool.permits.counts.taken == 1)
  }

  @Test("A bigger pool serves who waits at once")
  func grow() {
    var pool = Story(maxSessions: 1)
    _ = pool.lease()
    _ = pool.connected(one)
    _ = pool.lease()
    _ = pool.lease()
    #expect(pool.permits.setLimits(maxSessions: 3, maxQueue: 4) == [0])
    #expect(pool.state.permitArrived(now: pool.now).count == 2)
    #expect(pool.permits.counts.taken == 3)
    #expect(pool.permits.counts.starving == [])
  }

  @Test("An endpoint that leaves: its idle sessions are closed, those in use when they come back")
  func endpointLeaves() {
    var pool = Story(endpoints: 2, maxSessions: 3)
    for _ in 0..<3 { _ = pool.lease() }
    let three = SlotID(index: 2, generation: 1)
    for id in [one, two, three] { _ = pool.connected(id) }
    _ = pool.giveBack(one)
    let actions = pool.state.reconfigure(
      limits: Story.limits(maxSessions: 3), balance: .roundRobin, weights: [nil, 1, 1], now: pool.now)
    #expect(actions == [.close(one)])
    #expect(pool.giveBack(three) == [.close(three)])
    #expect(pool.giveBack(two) == [])
    #expect(pool.state.endpoints.map(\.isRetired) == [true, false, false])
  }

  @Test("A removed upstream: who waits is told, idle and connecting sessions are closed, busy ones finish")
  func drain() {
    var pool = Story(maxSessions: 3, maxQueue: 4)
    for _ in 0..<3 { _ = pool.lease() }
    _ = pool.connected(one)
    _ = pool.connected(two)
    _ = pool.giveBack(two)
    // The third request took the second session: the connect under way is for nobody.
    let three = SlotID(index: 2, generation: 1)
    #expect(pool.state.drain() == [.close(three)])
    #expect(pool.lease() == .refuse(.upstreamRemoved))
    #expect(pool.giveBack(one) == [.close(one)])
    #expect(pool.giveBack(two) == [.close(two)])
    #expect(pool.permits.counts.taken == 0)
  }
}
