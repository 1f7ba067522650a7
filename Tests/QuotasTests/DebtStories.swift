import GatewayConfiguration
import RateLimiting
import Reactor
import TestKit
import Testing

@testable import Quotas

/// What single requests may take of a limit that is small against them. The clock stands: nothing refills but what a test says.
@Suite struct DebtStories {
  private func rig(_ rules: [LimitRule], clock: TestClock = TestClock()) throws -> Rig {
    Rig(LimitPlan(rules), store: try EmbeddedStore(clock: { clock.now }), clock: clock)
  }

  private func onePiece(prompt: Int, maxTokens: Int? = nil) -> LimitRequest {
    var ask = request(prompt: prompt, expected: nil, maxTokens: maxTokens)
    ask.isOnePiece = true
    return ask
  }

  @Test(
    "a prompt that is larger than the whole limit is refused at once, with both numbers",
    arguments: [LimitWindow.minute, .day, .calendar(.day, .utc)])
  func neverFits(window: LimitWindow) async throws {
    let rig = try rig([
      .tokens("all", 1_000_000_000),
      .tokens("small", 10_000, window, each: [.consumer]) { $0.waitMilliseconds = 60_000 },
    ])
    defer { rig.shutDown() }
    let refusal = await rig.admit(request(prompt: 200_000)).0.refusal
    #expect(refusal?.limit == "small" && refusal?.code == .rateLimitExceeded && refusal?.allowed == 10_000)
    #expect(refusal?.cause == .promptTooLarge(200_000))
    // As large as the limit is not larger.
    #expect(await rig.admit(request(prompt: 10_000, expected: 0)).0.grant != nil)
  }

  @Test("a prompt that costs more than the whole budget is refused in the budget's unit")
  func neverPaid() async throws {
    let rule = LimitRule.of(.money(currency: "USD"), "money", 1000, .minute)
    let rig = Rig(
      LimitPlan([rule], prices: ["m": ModelPrice(input: 1_000_000, output: 1_000_000)]),
      store: try EmbeddedStore(clock: { 1_800_000_000_000 }))
    defer { rig.shutDown() }
    #expect(await rig.admit(request(prompt: 2000)).0.refusal?.cause == .promptTooLarge(2000))
  }

  @Test("what an answer took beyond its limit is waited for in full, not one burst of it")
  func debtInFull() async throws {
    let clock = TestClock()
    // Each minute another node asks: one that was refused would rest for a while, and say nothing of the bucket.
    let rig = Rig(
      LimitPlan([.tokens("minute", 10_000)]), store: try EmbeddedStore(clock: { clock.now }), clock: clock, count: 12)
    defer { rig.shutDown() }
    // 1,024 at once, 8,976 a minute.
    let held = try #require(await rig.admit(onePiece(prompt: 100)).0.grant)
    await rig.on { _ in held.grant.settle(prompt: 100, completion: 100_000) }
    for minute in 1...11 {
      clock.advance(60_000)
      let grant = await rig.admit(request(prompt: 10, expected: 10), on: minute).0.grant
      #expect(grant == nil, "after \(minute) minutes")
      await rig.on(minute) { _ in grant?.grant.abandon() }
    }
    clock.advance(60_000)
    let grant = Confined<Held?>(nil)
    #expect(
      await eventually {
        grant.value = await rig.admit(request(prompt: 10, expected: 10), on: 11).0.grant
        return grant.value != nil
      })
    await rig.on(11) { _ in grant.value?.grant.abandon() }
  }

  @Test("answers in one piece do not begin together where their bounds do not fit together")
  func reserved() async throws {
    let rig = try rig([.tokens("minute", 10_000), .tokens("day", 30_000, .calendar(.day, .utc))])
    defer { rig.shutDown() }
    // At 50 tokens a second each, 150 a second let three run.
    let begun = await rig.on { desk -> [Held] in
      (0..<30).compactMap { _ in desk.admit(onePiece(prompt: 20, maxTokens: 8000), waiter: nil).grant.map(Held.init) }
    }
    #expect((1...3).contains(begun.count))
    await rig.on { _ in for held in begun { held.grant.settle(prompt: 20, completion: 30) } }
    #expect(await rig.admit(onePiece(prompt: 20, maxTokens: 8000)).0.grant != nil)
  }

  @Test("of a small limit a lone client gets nearly all that may come at once, whatever replicas he asks")
  func smallOverReplicas() async throws {
    let clock = TestClock()
    let rig = Rig(
      LimitPlan([.tokens("minute", 1000)]), store: try EmbeddedStore(clock: { clock.now }), clock: clock, count: 4)
    defer { rig.shutDown() }
    var tokens = 0
    for number in 0..<100 {
      guard let held = await rig.admit(request(prompt: 10, expected: nil), on: number % 4).0.grant else { break }
      await rig.on(number % 4) { _ in held.grant.settle(prompt: 10, completion: 10) }
      tokens += 20
    }
    // 500 at once.
    #expect((440...500).contains(tokens))
  }

  @Test("a quota of a few tokens serves down to the last", arguments: [1, 10, 15])
  func fewTokens(amount: Int) async throws {
    let rig = try rig([.tokens("day", amount, .calendar(.day, .utc))])
    defer { rig.shutDown() }
    let first = await rig.admit(request(prompt: 1, expected: nil)).0.grant
    #expect(first?.grant.clampedMaxTokens == max(1, amount - 1))
    await rig.on { _ in first?.grant.settle(prompt: 1, completion: amount) }
    #expect(await rig.admit(request(prompt: 1, expected: nil)).0.refusal?.used == amount)
  }

  @Test("a quota reserves all that an answer in one piece may cost, and bounds it by what is left")
  func reservedOfQuota() async throws {
    let rig = try rig([.tokens("day", 30_000, .calendar(.day, .utc))])
    defer { rig.shutDown() }
    let clamps = await rig.on { desk -> [Int] in
      var held: [Held] = []
      for _ in 0..<5 {
        guard let grant = desk.admit(onePiece(prompt: 1000, maxTokens: 9000), waiter: nil).grant else { break }
        held.append(Held(grant))
      }
      let clamps = held.map { $0.grant.clampedMaxTokens ?? -1 }
      for held in held { held.grant.settle(prompt: 1000, completion: 100) }
      return clamps + [desk.views(request()).tokens?.remaining ?? 0]
    }
    #expect(clamps == [-1, -1, -1, 30_000 - 3 * 1100])
  }
}
