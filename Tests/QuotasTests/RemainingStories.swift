import RateLimiting
import Reactor
import Storage
import TestKit
import Testing

@testable import Quotas

/// What `x-ratelimit-remaining-*` says.
@Suite(.serialized) struct RemainingStories {
  private func remaining(_ held: Held, on rig: Rig, _ index: Int = 0) async -> Int {
    await rig.on(index) { _ in held.grant.views.tokens?.remaining ?? held.grant.views.requests?.remaining ?? -1 }
  }

  @Test("of a quota: all of it but the prompt at first, less with each token that passes, exact at the end")
  func quota() async throws {
    let clock = TestClock()
    let plan = LimitPlan([.tokens("day", 5000, .calendar(.day, .utc))])
    let rig = Rig(plan, store: try EmbeddedStore(clock: { clock.now }), clock: clock)
    defer { rig.shutDown() }
    var expected = 5000
    for round in 0..<5 {
      let first = try #require(await rig.admit(request(prompt: 30, expected: 200)).0.grant)
      let second = try #require(await rig.admit(request(prompt: 20, expected: 200)).0.grant)
      expected -= 50
      #expect(await remaining(first, on: rig) == expected, "round \(round)")
      var last = expected
      for _ in 0..<150 {
        await rig.on { _ in _ = first.grant.spend(outputTokens: 1) }
        let now = await remaining(first, on: rig)
        #expect(now <= last)
        last = now
      }
      await rig.on { _ in
        first.grant.settle(prompt: 30, completion: 150)
        second.grant.settle(prompt: 20, completion: 10)
      }
      expected -= 160
      let third = try #require(await rig.admit(request(prompt: 0, expected: 0)).0.grant)
      #expect(await remaining(third, on: rig) == expected)
      await rig.on { _ in third.grant.abandon() }
    }
  }

  @Test("a quota of which nothing was used is whole, also after requests that were given up")
  func idle() async throws {
    let clock = TestClock()
    let plan = LimitPlan([.tokens("day", 5000, .calendar(.day, .utc))])
    let rig = Rig(plan, store: try EmbeddedStore(clock: { clock.now }), clock: clock)
    defer { rig.shutDown() }
    for _ in 0..<6 {
      let held = try #require(await rig.admit(request(prompt: 40, expected: 200)).0.grant)
      #expect(await remaining(held, on: rig) == 4960)
      await rig.on { _ in held.grant.abandon() }
    }
  }

  @Test("of a sliding window: whole before the first use, and again when it has been idle")
  func window() async throws {
    let clock = TestClock()
    let plan = LimitPlan([.of(.requests, "minute", 60)])
    let rig = Rig(plan, store: try EmbeddedStore(clock: { clock.now }), clock: clock)
    defer { rig.shutDown() }
    for _ in 0..<2 {
      for number in 1...30 {
        let held = try #require(await rig.admit(request(prompt: 1, expected: 0)).0.grant)
        #expect(await remaining(held, on: rig) == 60 - number)
        await rig.on { _ in held.grant.settle(prompt: 1, completion: 0) }
      }
      clock.advance(60_000)
      // Only looked at: nobody has asked the store since.
      #expect(await rig.on { $0.views(request(prompt: 1, expected: 0)).requests?.remaining } == 60)
    }
  }
}
