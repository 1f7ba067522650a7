import GatewayConfiguration
import RateLimiting
import Reactor
import Storage
import TestKit
import Testing

@testable import Quotas

/// The desk on the embedded store: answers come at once, so that stories need no waiting.
@Suite struct DeskStories {
  private func rig(_ rules: [LimitRule], prices: [String: ModelPrice] = [:], clock: TestClock = TestClock()) throws
    -> Rig
  {
    Rig(LimitPlan(rules, prices: prices), store: try EmbeddedStore(clock: { clock.now }), clock: clock)
  }

  /// What the store holds and the desk together, in units.
  private func left(_ desk: LimitDesk, _ request: LimitRequest, _ limit: Int = 0) -> Int {
    let share = desk.limits(of: request).shares[limit]
    guard let subject = share.subject else { return -1 }
    return desk.bucket.here { $0.standing(subject).remaining }
  }

  @Test("without limits everything is admitted and nothing is counted against anybody")
  func noLimits() async throws {
    let rig = try rig([])
    defer { rig.shutDown() }
    let isAdmitted = await rig.on { desk in
      guard let grant = desk.admit(request(), waiter: nil).grant else { return false }
      let standing = grant.spend(outputTokens: 1_000_000)
      grant.settle(prompt: 1, completion: 1)
      return standing == .ample && grant.clampedMaxTokens == nil
    }
    #expect(isAdmitted)
  }

  @Test("prompt and counted output are charged, the truth settles, what was drawn ahead comes back")
  func settles() async throws {
    let clock = TestClock()
    let rig = try rig([.tokens("month", 100_000, .calendar(.month, .utc))], clock: clock)
    defer { rig.shutDown() }
    let figures = await rig.on { desk -> [Int] in
      guard let grant = desk.admit(request(prompt: 300), waiter: nil).grant else { return [] }
      var figures = [left(desk, request())]
      for _ in 0..<200 {
        if grant.spend(outputTokens: 1) == .dry(desk.refusal(desk.limits(of: request()).shares[0], need: 1)) { break }
      }
      figures.append(grant.outputTokens)
      grant.settle(prompt: 310, completion: 250, cached: 10, reasoning: 50)
      figures.append(left(desk, request()))
      // A second end of the same request is none.
      grant.settle(prompt: 310, completion: 250)
      grant.abandon()
      figures.append(left(desk, request()))
      return figures
    }
    #expect(figures == [100_000 - 364, 200, 100_000 - 560, 100_000 - 560])
  }

  @Test("a grant that is dropped settles what was counted, on its reactor or elsewhere")
  func dropped() async throws {
    let rig = try rig([.tokens("month", 100_000, .calendar(.month, .utc))])
    defer { rig.shutDown() }
    let left = { @Sendable (desk: LimitDesk) in self.left(desk, request()) }
    await rig.on { desk in
      guard let grant = desk.admit(request(prompt: 300), waiter: nil).grant else { return }
      _ = grant.spend(outputTokens: 40)
      _ = grant.spend(outputTokens: 2, isReasoning: true)
    }
    #expect(await rig.on(0, left) == 100_000 - 342)
    do {
      let held = await rig.admit(request(prompt: 58)).0.grant
      #expect(held != nil)
    }
    #expect(await eventually { await rig.on(0, left) == 100_000 - 400 })
    await rig.on { desk in desk.admit(request(prompt: 5000), waiter: nil).grant?.abandon() }
    #expect(await rig.on(0, left) == 100_000 - 400)
  }

  @Test("a limit of requests refuses the one too many, and says which limit, whose, how much, until when")
  func requests() async throws {
    let rig = try rig([.of(.requests, "per-minute", 5, .minute, each: [.consumer])])
    defer { rig.shutDown() }
    let refusal = await rig.on { desk -> LimitRefusal? in
      for _ in 0..<5 {
        guard let grant = desk.admit(request(), waiter: nil).grant else { return nil }
        grant.settle(prompt: 1, completion: 1)
      }
      guard desk.admit(request(consumer: "b"), waiter: nil).grant != nil else { return nil }
      return desk.admit(request(), waiter: nil).refusal
    }
    #expect(refusal?.limit == "per-minute" && refusal?.subjectClass == "consumer")
    #expect(refusal?.used == 5 && refusal?.allowed == 5 && refusal?.code == .rateLimitExceeded)
    #expect((1...12_000).contains(refusal?.retryAfterMilliseconds ?? 0))
    #expect((48_000...60_000).contains(refusal?.resetMilliseconds ?? 0))
    #expect(await rig.on { $0.gauges.limits[0].denied } == 1)
  }

  @Test("an attempt that was abandoned does not count as a request")
  func abandoned() async throws {
    let rig = try rig([.of(.requests, "one", 1, .day)])
    defer { rig.shutDown() }
    let admitted = await rig.on { desk in
      (0..<10).filter { _ in
        guard let grant = desk.admit(request(), waiter: nil).grant else { return false }
        grant.abandon()
        return true
      }.count
    }
    #expect(admitted == 10)
  }

  @Test("all limits must admit: what one has given comes back when another refuses")
  func allOf() async throws {
    let rig = try rig([
      .tokens("big", 1_000_000, .calendar(.day, .utc)), .of(.requests, "few", 1, .day),
    ])
    defer { rig.shutDown() }
    let figures = await rig.on { desk -> [Int] in
      desk.admit(request(prompt: 100, expected: 0), waiter: nil).grant?.settle(prompt: 100, completion: 0)
      let before = left(desk, request())
      let refusal = desk.admit(request(prompt: 5000), waiter: nil).refusal
      return [before, left(desk, request()), refusal?.limit == "few" ? 1 : 0, desk.gauges.waiting]
    }
    #expect(figures == [999_900, 999_900, 1, 0])
  }

  @Test("a quota bounds max_tokens by what is left, is refused as spent, and is whole in the next period")
  func quota() async throws {
    let clock = TestClock(1_800_000_000_000)
    let rig = try rig([.tokens("day", 1000, .calendar(.day, .utc)) { $0.waitMilliseconds = 500 }], clock: clock)
    defer { rig.shutDown() }
    let ask = request(prompt: 100, maxTokens: 4096)
    let first = await rig.on { desk -> [Int?] in
      guard let grant = desk.admit(ask, waiter: nil).grant else { return [] }
      let clamped = grant.clampedMaxTokens
      grant.settle(prompt: 100, completion: 850)
      return [clamped]
    }
    #expect(first == [900])
    let refused = await rig.admit(request(prompt: 100)).0.refusal
    #expect(refused?.code == .insufficientQuota && refused?.limit == "day" && refused?.allowed == 1000)
    #expect(refused?.used == 950)
    let untilMidnight = (86_400 - 1_800_000_000 % 86_400) * 1000
    #expect(refused?.resetMilliseconds == untilMidnight && refused?.retryAfterMilliseconds == untilMidnight)
    // The last of it is served, and bounds the answer.
    #expect(
      await rig.on { desk in
        let grant = desk.admit(request(prompt: 40), waiter: nil).grant
        grant?.abandon()
        return grant?.clampedMaxTokens
      } == 10)
    clock.advance(untilMidnight)
    #expect(await rig.on { $0.admit(ask, waiter: nil).grant?.clampedMaxTokens } == 900)
  }

  @Test("a budget counts money by the model's price; a model without price is free")
  func budget() async throws {
    // 2 and 8 of the currency for a million tokens.
    let price = ModelPrice(input: 2_000_000, output: 8_000_000)
    let rig = try rig(
      [.of(.money(currency: "USD"), "month", 5_000_000, .calendar(.month, .utc))], prices: ["m": price])
    defer { rig.shutDown() }
    let figures = await rig.on { desk -> [Int] in
      guard let grant = desk.admit(request(prompt: 1000, maxTokens: 10_000_000), waiter: nil).grant else { return [] }
      let clamped = grant.clampedMaxTokens ?? 0
      for _ in 0..<1000 { _ = grant.spend(outputTokens: 1) }
      grant.settleAsCounted()
      let after = left(desk, request())
      desk.admit(request(prompt: 1000, model: "free"), waiter: nil).grant?.settle(prompt: 1000, completion: 1000)
      return [clamped, after, left(desk, request())]
    }
    // 5 less 0.002 for the prompt, at 8 a million.
    #expect(figures == [624_750, 5_000_000 - 2000 - 8000, 5_000_000 - 2000 - 8000])
  }

  @Test("a stream stops at the event that reaches the limit, and the desk counts the cut")
  func cut() async throws {
    let rig = try rig([.tokens("day", 1000, .calendar(.day, .utc))])
    defer { rig.shutDown() }
    let figures = await rig.on { desk -> [Int] in
      guard let grant = desk.admit(request(prompt: 500, expected: 50), waiter: nil).grant else { return [] }
      var refusal: LimitRefusal?
      for _ in 0..<1000 {
        if case .dry(let why) = grant.spend(outputTokens: 3) {
          refusal = why
          break
        }
      }
      guard case .refused = grant.waitForMore(Waiter()), refusal?.limit == "day" else { return [] }
      let passed = grant.outputTokens
      grant.settleAsCounted(wasCut: true)
      return [passed, desk.gauges.limits[0].cut, left(desk, request())]
    }
    #expect(figures.count == 3)
    #expect((500...502).contains(figures[0]) && figures[1] == 1 && figures[2] == 0)
  }

  @Test("a stream that has run dry goes on when more has grown within the limit's wait")
  func streamWaits() async throws {
    let clock = Confined(MonotonicTime.readClock())
    let store = try EmbeddedStore(clock: {
      1_800_000_000_000 + Int(MonotonicTime.readClock().nanoseconds(since: clock.value) / 1_000_000)
    })
    let rule = LimitRule.tokens("second", 600, .second) {
      $0.exceeded = .wait
      $0.waitMilliseconds = 20_000
    }
    let rig = Rig(LimitPlan([rule]), store: store)
    defer { rig.shutDown() }
    let held = try #require(await rig.admit(request(prompt: 10, expected: 10)).0.grant)
    let waiter = Waiter()
    let isWaiting = await rig.on { _ in
      for _ in 0..<10_000 {
        guard case .dry = held.grant.spend(outputTokens: 1) else { continue }
        if case .waiting = held.grant.waitForMore(waiter) { return true }
        return false
      }
      return false
    }
    #expect(isWaiting)
    #expect(await eventually { waiter.count == 1 })
    guard case .more? = waiter.results.first else {
      Issue.record("no more came")
      return
    }
    let standing = await rig.on { _ in held.grant.spend(outputTokens: 0) }
    if case .dry = standing { Issue.record("dry though more had come") }
    await rig.on { _ in held.grant.settleAsCounted() }
  }

  @Test("a request waits for room no longer than the limit's wait, and is served when another gives back")
  func waits() async throws {
    let rig = try rig([.of(.concurrency, "two", 2, wait: 30_000)])
    defer { rig.shutDown() }
    let first = try #require(await rig.admit(request()).0.grant)
    let second = try #require(await rig.admit(request()).0.grant)
    let waiter = Waiter()
    let other = Waiter()
    let cancelled = Waiter()
    await rig.on { desk in
      guard case .waiting(let id) = desk.admit(request(), waiter: cancelled) else { return }
      guard case .waiting = desk.admit(request(), waiter: waiter) else { return }
      _ = desk.admit(request(), waiter: other)
      desk.cancel(id)
    }
    #expect(await rig.on { $0.gauges.waiting } == 2)
    await rig.on { _ in first.grant.settle(prompt: 1, completion: 1) }
    #expect(await eventually { waiter.count == 1 })
    guard case .admitted(let third)? = waiter.results.first else {
      Issue.record("not admitted")
      return
    }
    #expect(other.count == 0 && cancelled.count == 0)
    let held = Held(third)
    await rig.on { _ in
      second.grant.settle(prompt: 1, completion: 1)
      held.grant.settle(prompt: 1, completion: 1)
    }
    #expect(await eventually { other.count == 1 })
    guard case .admitted(let last)? = other.results.first else {
      Issue.record("not admitted")
      return
    }
    let lastHeld = Held(last)
    await rig.on { _ in lastHeld.grant.abandon() }
    #expect(await eventually { await rig.on { $0.gauges.slots == 0 && $0.slots.count == 0 } })
  }

  @Test("a wait that is not fulfilled ends with a refusal, not before its time and not never")
  func waitEnds() async throws {
    let rig = try rig([.of(.concurrency, "one", 1, wait: 60)])
    defer { rig.shutDown() }
    let held = try #require(await rig.admit(request()).0.grant)
    let (outcome, milliseconds) = await rig.admit(request())
    #expect(outcome.refusal?.limit == "one" && outcome.refusal?.unit == .concurrency)
    #expect(milliseconds >= 55)
    #expect(await rig.on { $0.gauges.waiting } == 0)
    await rig.on { _ in held.grant.abandon() }
  }

  @Test("slots never leak: whatever way grants end, all slots are free in the end", arguments: [1, 2, 3] as [UInt64])
  func slotsNeverLeak(seed: UInt64) async throws {
    let clock = TestClock()
    let store = try EmbeddedStore(clock: { clock.now })
    let rules: [LimitRule] = [
      .of(.concurrency, "consumer", 3, each: [.consumer], wait: 5), .of(.concurrency, "all", 7, wait: 20),
      .tokens("tokens", 60_000, .minute),
    ]
    let rig = Rig(LimitPlan(rules), store: store, clock: clock, count: 2)
    defer { rig.shutDown() }
    var random = SeededGenerator(seed: seed)
    for _ in 0..<20 {
      var grants: [(Int, Held)] = []
      let waiters = (0..<12).map { _ in Waiter() }
      for waiter in waiters {
        let index = random.int(in: 0...1)
        let consumer = ["a", "b", "c"][random.int(in: 0...2)]
        let cancels = random.int(in: 0...3) == 0
        let admitted = await rig.on(index) { desk -> Held? in
          switch desk.admit(request(consumer: consumer, prompt: 10, expected: 10), waiter: waiter) {
          case .admitted(let grant): return Held(grant)
          case .waiting(let id):
            if cancels { desk.cancel(id) }
            return nil
          case .refused: return nil
          }
        }
        if let admitted { grants.append((index, admitted)) }
      }
      #expect(grants.count <= 7, "seed \(seed)")
      for (index, held) in grants {
        switch random.int(in: 0...3) {
        case 0: await rig.on(index) { _ in held.grant.settle(prompt: 10, completion: 3) }
        case 1: await rig.on(index) { _ in held.grant.abandon() }
        case 2: await rig.on(index) { _ in held.grant.settleAsCounted(wasCut: true) }
        default: break  // Dropped, on this thread.
        }
      }
    }
    let isFree = await eventually {
      let first = await rig.on(0) { $0.gauges.slots == 0 && $0.waits.isEmpty && $0.slots.count == 0 }
      let second = await rig.on(1) { $0.gauges.slots == 0 && $0.waits.isEmpty && $0.slots.count == 0 }
      return first && second
    }
    #expect(isFree, "seed \(seed)")
    // And the store agrees: one desk gets them all.
    let all = await rig.on(0) { desk in
      ["a", "b", "c"].reduce(0) { sum, consumer in
        sum
          + (0..<3).filter { _ in
            guard let grant = desk.admit(request(consumer: consumer, prompt: 0, expected: 0), waiter: nil).grant else {
              return false
            }
            // Held beyond this test: nothing may come free meanwhile.
            _ = Unmanaged.passRetained(grant)
            return true
          }.count
      }
    }
    #expect(all == 7, "seed \(seed)")
  }

  @Test("headers tell the tightest limit of requests and of tokens, without asking the store")
  func headers() async throws {
    let rig = try rig([
      .of(.requests, "many", 100, .minute), .of(.requests, "few", 10, .minute),
      .tokens("day", 50_000, .calendar(.day, .utc)), .tokens("month", 40_000, .calendar(.month, .utc)),
    ])
    defer { rig.shutDown() }
    let (views, asks) = await rig.on { desk -> (LimitViews?, Int) in
      let grant = desk.admit(request(prompt: 100, expected: 0), waiter: nil).grant
      let before = desk.gauges.asks
      let views = grant?.views
      grant?.settle(prompt: 100, completion: 0)
      return (views, desk.gauges.asks - before)
    }
    #expect(views?.requests?.limit == 10 && views?.requests?.remaining == 9)
    #expect(views?.tokens?.limit == 40_000 && views?.tokens?.remaining == 39_900)
    #expect(asks == 0)
  }

  @Test("what remains reads naturally: all of an idle limit, nothing of a dry one, with what is used the amount")
  func remaining() async throws {
    let rig = try rig([.tokens("minute", 1000)])
    defer { rig.shutDown() }
    let figures = await rig.on { desk -> [Int?] in
      let idle = desk.views(request()).tokens?.remaining
      guard let grant = desk.admit(request(prompt: 100, expected: 0), waiter: nil).grant else { return [] }
      let some = grant.views.tokens?.remaining
      grant.settle(prompt: 500, completion: 0)
      let dry = desk.views(request()).tokens?.remaining
      let refusal = desk.admit(request(), waiter: nil).refusal
      return [idle, some, dry, refusal?.used, refusal?.allowed]
    }
    // 500 can be had at once: 100 of these are a fifth.
    #expect(figures == [1000, 800, 0, 1000, 1000])
  }

  @Test("a raised quota gives the difference at once, and a limit keeps its figures over a reload")
  func reload() async throws {
    let rig = try rig([.tokens("day", 1000, .calendar(.day, .utc))])
    defer { rig.shutDown() }
    let figures = await rig.on { desk -> [Int] in
      desk.admit(request(prompt: 600, expected: 0), waiter: nil).grant?.settle(prompt: 600, completion: 0)
      _ = desk.admit(request(prompt: 800, expected: 0), waiter: nil)
      desk.reconfigure(LimitPlan([.tokens("day", 3000, .calendar(.day, .utc))]))
      let grant = desk.admit(request(prompt: 800, expected: 0), waiter: nil).grant
      grant?.abandon()
      return [left(desk, request()), grant == nil ? 0 : 1, desk.gauges.limits[0].denied]
    }
    #expect(figures == [3000 - 600, 1, 1])
  }

  @Test("a longer answer is learned of, and cut ones teach nothing")
  func learns() async throws {
    let rig = try rig([.tokens("minute", 100_000_000)])
    defer { rig.shutDown() }
    let (learned, unchanged) = await rig.on { desk -> (Double, Double) in
      for _ in 0..<50 {
        desk.admit(request(expected: nil), waiter: nil).grant?.settle(prompt: 1, completion: 2000)
      }
      let learned = desk.expectation(of: "m").tokens
      for _ in 0..<50 {
        desk.admit(request(expected: nil), waiter: nil).grant?.settle(prompt: 1, completion: 2, wasCut: true)
      }
      return (learned, desk.expectation(of: "m").tokens)
    }
    #expect(learned > 1900 && learned == unchanged)
  }
}
