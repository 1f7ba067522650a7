import RateLimiting
import Reactor
import TestKit
import Testing

@testable import Quotas

/// Subjects that strangers choose: as many as are configured, and no more.
@Suite(.serialized) struct SubjectBounds {
  private func rig(
    _ rules: [LimitRule], most: Int, inAll: Int = 1_000_000, clock: TestClock = TestClock()
  ) throws -> Rig {
    let bounded = rules.map { rule in
      var rule = rule
      rule.subjectsMax = most
      return rule
    }
    return Rig(LimitPlan(bounded, subjectsMax: inAll), store: try EmbeddedStore(clock: { clock.now }), clock: clock)
  }

  @Test("idle subjects make room, the one that is idle longest first, and lose nothing that they held")
  func idle() async throws {
    let rig = try rig([.tokens("t", 1_000_000, each: [.consumer])], most: 50)
    defer { rig.shutDown() }
    for number in 0..<500 {
      await rig.on { desk in
        let grant = desk.admit(request(consumer: "c\(number)", prompt: 10, expected: 0), waiter: nil).grant
        grant?.settle(prompt: 10, completion: 0)
      }
      if number % 100 == 99 { try await Task.sleep(for: .milliseconds(2)) }
    }
    let (subjects, shared) = await rig.on { ($0.bucket.here { $0.count }, $0.gauges.limits[0].shared) }
    #expect(subjects == 50 && shared == 0)
    #expect(await rig.on { $0.gauges.dropped } == 450)
  }

  @Test("subjects with streams or debts stay; newcomers share a bucket with each other, which is told once")
  func busy() async throws {
    let rig = try rig([.tokens("t", 60_000, each: [.consumer])], most: 10)
    defer { rig.shutDown() }
    var grants: [Held] = []
    for number in 0..<10 {
      grants.append(try #require(await rig.admit(request(consumer: "c\(number)", prompt: 10, expected: 64)).0.grant))
    }
    // All that strangers take is taken of one amount.
    var passed = 0
    for number in 0..<100 {
      let outcome = await rig.on { desk in
        let grant = desk.admit(request(consumer: "s\(number)", prompt: 500, expected: 0), waiter: nil).grant
        grant?.settle(prompt: 500, completion: 0)
        return grant != nil
      }
      passed += outcome ? 1 : 0
    }
    #expect(passed > 0 && passed <= 20)
    #expect(await rig.on { $0.bucket.here { $0.count } } == 11)
    let told = rig.events.withLock { $0 }.filter { if case .subjectsFull = $0 { true } else { false } }
    #expect(told == [.subjectsFull(limit: "t", most: 10)])
    // Who was there before has his own.
    #expect(await rig.admit(request(consumer: "c3", prompt: 500, expected: 0)).0.grant != nil)
    let all = grants
    await rig.on { _ in for held in all { held.grant.settle(prompt: 10, completion: 1) } }
  }

  @Test("of a calendar period's quota no subject that used some of it is forgotten: newcomers share")
  func quotas() async throws {
    let rig = try rig([.tokens("q", 1000, .calendar(.month, .utc), each: [.consumer])], most: 20)
    defer { rig.shutDown() }
    func spends(_ consumer: String) async -> Bool {
      guard let held = await rig.admit(request(consumer: consumer, prompt: 800, expected: 0)).0.grant else {
        return false
      }
      await rig.on { _ in held.grant.settle(prompt: 800, completion: 0) }
      return true
    }
    for number in 0..<20 { #expect(await spends("c\(number)")) }
    var passed = 0
    for number in 0..<50 { passed += await spends("s\(number)") ? 1 : 0 }
    #expect(passed <= 2)
    for number in 0..<20 { #expect(await spends("c\(number)") == false, "c\(number)") }
  }

  @Test("concurrency limits are bounded alike, and all limits together")
  func slotsAndAll() async throws {
    let rules: [LimitRule] = [
      .of(.concurrency, "two", 2, each: [.consumer]), .of(.requests, "r", 100, each: [.consumer]),
    ]
    let rig = try rig(rules, most: 10, inAll: 8)
    defer { rig.shutDown() }
    var grants: [Held] = []
    for number in 0..<30 {
      if let held = await rig.admit(request(consumer: "c\(number)", prompt: 1, expected: 0)).0.grant {
        grants.append(held)
      }
    }
    // Ten with slots of their own, and two slots that all others share.
    #expect(grants.count == 12)
    let (slots, buckets) = await rig.on { ($0.slots.count, $0.bucket.here { $0.count }) }
    #expect(slots == 11 && buckets <= 9)
    let all = grants
    await rig.on { _ in for held in all { held.grant.settle(prompt: 1, completion: 0) } }
  }

  @Test(
    "the store in the process forgets buckets that are full again before their time, and no others, when there are too many"
  )
  func store() {
    var store = BucketStore()
    let request = LeaseRequest(sequence: 1, want: 10, least: 1, adjust: 0, seen: .none)
    let fast = BucketTerms(rate: LeaseRate(1000, perMilliseconds: 1000), burst: 100)
    let slow = BucketTerms(rate: LeaseRate(1, perMilliseconds: 60_000), burst: 100)
    for number in 0..<1000 { _ = store.lease("slow:\(number)", request, slow, node: "n", clock: 0) }
    for number in 0..<300_000 { _ = store.lease("fast:\(number)", request, fast, node: "n", clock: number / 10) }
    #expect(store.count < 160_000)
    #expect(store["slow:0"] != nil && store["slow:999"] != nil)
  }
}
