import RateLimiting
import TestKit
import Testing

@Suite("Concurrency limits")
struct ConcurrencyTests {
  @Test("a slot that is not refreshed falls free; one that is refreshed stays, also after the store has forgotten")
  func expiry() {
    var state = ConcurrencyState()
    #expect(
      state.step(.acquire("a:1"), limit: 2, clock: 0).granted && state.step(.acquire("b:1"), limit: 2, clock: 0).granted
    )
    #expect(state.step(.acquire("a:1"), limit: 2, clock: 0) == ConcurrencyReply(granted: true, taken: 2))
    #expect(!state.step(.acquire("c:1"), limit: 2, clock: 0).granted)
    _ = state.step(.refresh(["a:1"]), limit: 2, clock: 10_000)
    #expect(state.step(.acquire("c:1"), limit: 2, clock: 15_000) == ConcurrencyReply(granted: true, taken: 2))
    state = ConcurrencyState()
    #expect(state.step(.refresh(["a:1", "c:1", "d:1"]), limit: 2, clock: 16_000).taken == 3)
    #expect(state.step(.release(["a:1", "d:1"]), limit: 2, clock: 16_000).taken == 1)
  }

  @Test("a node keeps a free slot for a second, refreshes what is used, and ends each stream once")
  func node() {
    var slots = ConcurrencySlots(node: "n")
    guard case .ask(let slot) = slots.acquire(limit: 2, .local, now: 0, .present) else {
      Issue.record("must ask")
      return
    }
    #expect(slots.name(slot) == "n:1" && slots.inUse == 0)
    #expect(
      slots.answered(slot, ConcurrencyReply(granted: true, taken: 1), now: 5)
        && !slots.answered(slot, ConcurrencyReply(granted: true, taken: 1), now: 5))
    #expect(slots.due(now: 5004).isEmpty && slots.dueAt == 5005 && slots.due(now: 5005) == [.refresh(["n:1"])])
    slots.release(slot, now: 6000)
    slots.release(slot, now: 6000)
    #expect(slots.acquire(limit: 2, .local, now: 6500, .present) == .held(slot) && slots.inUse == 1)
    slots.release(slot, now: 7000)
    #expect(slots.due(now: 8000) == [.release(["n:1"])] && slots.inUse == 0)
    #expect(slots.due(now: 60_000).isEmpty && slots.dueAt == .max)
  }

  @Test("without the store a node holds its part of the limit")
  func away() {
    var slots = ConcurrencySlots(node: "n", nodesAssumed: 4)
    #expect(slots.acquire(limit: 8, .closed, now: 0, .away) == .refuse)
    for _ in 0..<2 {
      if case .held = slots.acquire(limit: 8, .local, now: 0, .away) {} else { Issue.record("must hold") }
    }
    #expect(slots.acquire(limit: 8, .local, now: 0, .away) == .refuse)
    if case .held = slots.acquire(limit: 8, .open, now: 0, .away) {} else { Issue.record("must hold") }
    #expect(slots.due(now: 5000) == [.refresh(["n:2", "n:3", "n:5"])])
  }

  @Test("a real Redis answers as the pure state does, on random schedules", .enabled(if: RedisFixture.isInstalled))
  func equalOnRedis() throws {
    let redis = try RedisFixture()
    var refused = 0
    try withSeeds(60) { generator in
      try redis.order(["FLUSHALL"])
      var state = ConcurrencyState()
      var clock = 1_000_000_000
      for step in 0..<60 {
        clock +=
          [0, 1, 100, 3000, 14_999, 15_000, 40_000, -5000, -9999, -10_001, -1_000_000].randomElement(using: &generator)
          ?? 0
        let slots = (0..<generator.int(in: 0...3)).map { _ in "n:\(generator.int(in: 1...6))" }
        let request: ConcurrencyRequest =
          switch generator.int(in: 0...5) {
          case 0: .refresh(slots)
          case 1: .release(slots)
          default: .acquire("n:\(generator.int(in: 1...9))")
          }
        let limit = generator.int(in: 0...4)
        let words = ["EVAL", ConcurrencyScript.source, "2", "sl:{c}:s", "sl:{c}:t"]
        let numbers = try redis.integers(words + ConcurrencyScript.arguments(request, limit: limit, clock: clock))
        let expected = state.step(request, limit: limit, clock: clock)
        try #require(ConcurrencyScript.reply(numbers) == expected, "\(generator) step \(step): \(request) at \(clock)")
        refused += expected.granted ? 0 : 1
      }
    }
    #expect(refused > 100)
    #expect(
      ConcurrencyScript.reply([2, 0]) == nil && ConcurrencyScript.reply([1, -1]) == nil
        && ConcurrencyScript.reply([1]) == nil)
  }
}
