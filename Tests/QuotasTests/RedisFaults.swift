import RateLimiting
import Reactor
import RedisClient
import TestKit
import Testing

@testable import Quotas

/// A real server that stops, dies, forgets and dawdles under the desks.
@Suite(.serialized) struct RedisFaults {
  /// No wait is longer than the limit's own, three answers of the store, ticks of the timer and the test's own polling on a busy machine.
  private static let bound = 3 * (60 * testPatience + 8) + 16 + 400 * testPatience

  private let plan = LimitPlan([
    .tokens("local", 600_000, each: [.consumer]),
    LimitRule.tokens("open", 6_000_000) { $0.absence = .open },
    .of(.concurrency, "streams", 50),
  ])

  /// Requests until one is admitted with the store present.
  private func recovers(_ rig: Rig) async -> Bool {
    await eventually(within: 30) { await rig.on { $0.storage.condition == .present && $0.gauges.store == .present } }
  }

  /// Admits and settles so many, one after the other; the longest wait, and how many were admitted.
  private func drive(_ rig: Rig, _ count: Int) async -> (longest: Double, admitted: Int, lost: Int) {
    var longest = 0.0
    var admitted = 0
    var lost = 0
    for number in 0..<count {
      let (outcome, milliseconds) = await rig.admit(request(consumer: "c\(number % 3)", prompt: 50, expected: 20))
      longest = max(longest, milliseconds)
      if case .lost = outcome { lost += 1 }
      guard let held = outcome.grant else { continue }
      admitted += 1
      await rig.on { _ in
        for _ in 0..<20 { _ = held.grant.spend(outputTokens: 1) }
        held.grant.settle(prompt: 50, completion: 20)
      }
    }
    return (longest, admitted, lost)
  }

  @Test("a store that stops answering holds nobody up; limits go local, and come back by themselves")
  func stopped() async throws {
    let server = try RedisServer()
    let rig = Rig(plan, port: server.port)
    defer { rig.shutDown() }
    let before = await drive(rig, 20)
    #expect(before.admitted == 20 && before.lost == 0)
    server.pause()
    let during = await drive(rig, 100)
    #expect(during.lost == 0 && during.longest <= Self.bound, "waited \(during.longest) ms")
    #expect(await eventually { await rig.on { $0.gauges.store == .away } })
    let states = await rig.on { $0.gauges.limits.map(\.state) }
    #expect(states == [.local, .open, .local])
    let away = await drive(rig, 50)
    // While it is away nobody waits for it at all.
    #expect(away.lost == 0 && away.longest <= Self.bound)
    server.resume()
    #expect(await recovers(rig))
    let after = await drive(rig, 20)
    #expect(after.admitted == 20 && after.longest <= Self.bound)
    let arePresent = await eventually {
      await rig.on { $0.gauges.limits.map(\.state) } == [.present, .present, .present]
    }
    #expect(arePresent)
    // Once per change.
    let told = rig.events.withLock { $0 }.filter { if case .store = $0 { true } else { false } }
    #expect(told.contains(.store(.away)) && told.last == .store(.present))
    for (one, next) in zip(told, told.dropFirst()) { #expect(one != next) }
  }

  @Test("killed and restarted with its data, or empty, the store goes on where it was", arguments: [true, false])
  func killed(keepsData: Bool) async throws {
    let server = try RedisServer(keepsData: keepsData)
    let quota = LimitPlan([.tokens("quota", 100_000, .calendar(.day, .utc))])
    let rig = Rig(quota, port: server.port)
    defer { rig.shutDown() }
    for _ in 0..<10 {
      let held = try #require(await rig.admit(request(prompt: 1000, expected: 0)).0.grant)
      await rig.on { _ in held.grant.settle(prompt: 1000, completion: 1000) }
    }
    server.kill9()
    for _ in 0..<20 {
      let (outcome, milliseconds) = await rig.admit(request(prompt: 100, expected: 0))
      #expect(milliseconds <= Self.bound)
      if let held = outcome.grant { await rig.on { _ in held.grant.settle(prompt: 100, completion: 0) } }
    }
    try server.restart(emptied: !keepsData)
    #expect(await recovers(rig))
    // The snapshot is adopted: nobody gets a fresh quota. Another desk sees it too.
    let isAsked = await eventually {
      let outcome = await rig.admit(request(prompt: 3000, expected: 0)).0
      guard let held = outcome.grant else { return false }
      await rig.on { _ in held.grant.settle(prompt: 3000, completion: 0) }
      return true
    }
    #expect(isAsked)
    // On a busy machine it may have been admitted without the store's answer: until the store knows.
    let isKnown = await eventually {
      await rig.on { desk in
        guard let subject = desk.limits(of: request()).shares[0].subject else { return false }
        return desk.bucket.here {
          let ledger = $0.subjects[Int(subject.place)].ledger
          return ledger.unsettled == 0 && !ledger.isAsking && !ledger.hasFailed && ledger.balance >= 0
        }
      }
    }
    #expect(isKnown)
    let other = Rig(quota, port: server.port)
    defer { other.shutDown() }
    let refused = await other.admit(request(prompt: 85_000, expected: 0)).0
    #expect(refused.refusal?.code == .insufficientQuota)
  }

  @Test("a store that is flushed learns again what was used")
  func flushed() async throws {
    let server = try RedisServer()
    let rig = Rig(LimitPlan([.tokens("quota", 100_000, .calendar(.day, .utc))]), port: server.port)
    defer { rig.shutDown() }
    let held = try #require(await rig.admit(request(prompt: 50_000, expected: 0)).0.grant)
    await rig.on { _ in held.grant.settle(prompt: 50_000, completion: 0) }
    try server.flushAll()
    let second = await rig.admit(request(prompt: 60_000, expected: 0)).0
    #expect(second.refusal?.code == .insufficientQuota)
    let third = try #require(await rig.admit(request(prompt: 40_000, expected: 0)).0.grant)
    await rig.on { _ in third.grant.settle(prompt: 40_000, completion: 0) }
  }

  @Test("a store half a second away counts as away: nobody waits for it")
  func slow() async throws {
    let server = try RedisServer()
    let proxy = try SlowProxy(to: server.port)
    let rig = Rig(plan, port: proxy.port)
    defer { rig.shutDown() }
    #expect(await drive(rig, 10).admitted > 0)
    proxy.delay.withLock { $0 = .milliseconds(250) }
    let during = await drive(rig, 100)
    #expect(during.lost == 0 && during.longest <= Self.bound, "waited \(during.longest) ms")
    #expect(await eventually { await rig.on { $0.gauges.store == .away } })
    proxy.delay.withLock { $0 = .zero }
    #expect(await recovers(rig))
    #expect(await drive(rig, 20).admitted == 20)
  }

  @Test("slots that were taken while the store was away, or whose answer was lost, are all free in the end")
  func slots() async throws {
    let server = try RedisServer()
    let rig = Rig(LimitPlan([.of(.concurrency, "streams", 4)]), port: server.port)
    defer { rig.shutDown() }
    var grants: [Held] = []
    for round in 0..<3 {
      if round == 1 { server.pause() }
      if round == 2 { server.resume() }
      for _ in 0..<6 { if let held = await rig.admit(request()).0.grant { grants.append(held) } }
      let ended = grants
      await rig.on { _ in for held in ended { held.grant.abandon() } }
      grants = []
    }
    #expect(await recovers(rig))
    #expect(await eventually { await rig.on { $0.gauges.slots == 0 } })
    // At the store they are released or expire, at the latest after 15 s.
    let areFree = await eventually(within: 40) {
      ((try? server.order("EXISTS", LimitKey.slots("streams:0:")[0])) ?? "") == "0"
    }
    #expect(areFree)
  }

  @Test("a closed limit passes nothing new while the store is away, an open one everything")
  func modes() async throws {
    let server = try RedisServer()
    let rules = { (absence: StoreAbsence) in
      LimitPlan([.of(.requests, "r", 1_000_000, .minute, absence: absence)])
    }
    let closed = Rig(rules(.closed), port: server.port)
    let open = Rig(rules(.open), port: server.port)
    defer {
      closed.shutDown()
      open.shutDown()
    }
    server.kill9()
    for rig in [closed, open] {
      let isAway = await eventually {
        _ = await rig.admit(request()).0.grant.map { held in rig.reactor.execute { held.grant.abandon() } }
        return await rig.on { $0.gauges.store == .away }
      }
      #expect(isAway)
    }
    let refused = await closed.admit(request())
    #expect(refused.0.refusal?.limit == "r" && refused.milliseconds == 0)
    for _ in 0..<100 {
      let (outcome, milliseconds) = await open.admit(request())
      #expect(outcome.grant != nil && milliseconds == 0)
      if let held = outcome.grant { await open.on { _ in held.grant.settle(prompt: 1, completion: 1) } }
    }
  }
}
