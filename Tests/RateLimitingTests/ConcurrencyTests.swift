import RateLimiting
import TestKit
import Testing

@Suite("Concurrency limits")
struct ConcurrencyTests {
  /// A store with nodes that remember what it said.
  private struct Store {
    var state = ConcurrencyState()
    var group = ConcurrencyGroup()
    var seen: [String: ConcurrencyMark] = [:]
    var sequence = 0

    mutating func ask(
      _ node: String, held: Int = 0, want: Int? = nil, limit: Int = 12, alone: Int = 3, counted: Int = 0,
      wasAway: Bool = false, at clock: Int
    ) -> ConcurrencyReply {
      sequence += 1
      let reply = state.step(
        ConcurrencyRequest(
          sequence: sequence, held: held, want: want ?? held, alone: alone, counted: counted, wasAway: wasAway,
          seen: seen[node] ?? .none), node: node, limit: limit, clock: clock, &group)
      seen[node] = reply.mark
      return reply
    }

    mutating func forget() { (state, group) = (ConcurrencyState(), ConcurrencyGroup()) }
  }

  @Test("what a node holds counts until it says otherwise, or has said nothing for 15 s")
  func expiry() {
    var store = Store()
    #expect(store.ask("a", want: 8, at: 1).count == 8)
    #expect(store.ask("b", want: 8, at: 1).count == 4)
    let refused = store.ask("c", want: 1, at: 2)
    #expect(refused.count == 0 && refused.taken == 12 && refused.nodes == 3)
    #expect(store.ask("a", held: 8, at: 10_000).count == 8)
    // b has died.
    #expect(store.ask("c", want: 9, at: 15_000).count == 0)
    #expect(store.ask("c", want: 9, at: 15_001).count == 4)
    #expect(store.ask("a", held: 2, counted: 8, at: 15_002).taken == 6)
  }

  @Test("a store that has lost everything gives each node no more than its part, until all have said what they hold")
  func forgets() {
    var store = Store()
    #expect(store.ask("a", want: 12, at: 1).count == 12 && store.ask("b", want: 6, at: 2).count == 0)
    store.forget()
    // b comes first: it has seen an epoch that the store does not know.
    let first = store.ask("b", want: 6, at: 1000)
    #expect(first.isRecovering && first.count == 3)
    // A node that is new learns it too.
    #expect(store.ask("c", want: 6, at: 1001).count == 3)
    // a sees the new epoch, and all that it holds counts.
    let known = store.ask("a", held: 12, counted: 12, at: 1900)
    #expect(known.count == 12 && known.taken == 18 && known.mark.epoch != 1)
    let after = store.ask("b", held: 0, want: 6, counted: 3, at: 5000)
    #expect(!after.isRecovering && after.count == 0)
  }

  @Test("an empty store of which nobody knows anything is a new one: all of the limit is given")
  func isNew() {
    var store = Store()
    let reply = store.ask("a", want: 12, at: 1)
    #expect(!reply.isRecovering && reply.count == 12)
  }

  @Test("a node that was away, or whose slots alone were lost, has the others asked")
  func away() {
    var store = Store()
    #expect(store.ask("a", want: 4, at: 1).count == 4 && store.ask("b", want: 4, at: 1).count == 4)
    let away = store.ask("a", held: 4, want: 9, counted: 4, wasAway: true, at: 40_000)
    #expect(away.isRecovering && away.count == 4)
    _ = store.ask("b", held: 4, counted: 4, at: 40_100)
    store.state = ConcurrencyState()
    let lost = store.ask("b", held: 4, want: 12, counted: 4, at: 45_000)
    #expect(lost.isRecovering && lost.count == 4 && lost.mark.epoch > away.mark.epoch)
  }

  @Test("a node keeps a free slot for a second, says what it holds every five, and many that ask are one request")
  func node() {
    var slots = ConcurrencySlots()
    func reply(_ count: Int, _ taken: Int) -> ConcurrencyReply {
      ConcurrencyReply(
        count: count, taken: taken, nodes: 2, mark: ConcurrencyMark(epoch: 1, version: 1), isRecovering: false)
    }
    #expect(slots.takeSpare() == false)
    let request = slots.ask(more: 3, sequence: 1, alone: 2, wasAway: false, seen: .none, now: 0)
    #expect(request.held == 0 && request.want == 3 && slots.isWaitingForStore)
    #expect(slots.answered(1, reply(2, 2), limit: 2, now: 5) && slots.takeSpare() && slots.takeSpare())
    #expect(!slots.takeSpare() && slots.isQuiet(now: 104) && !slots.isQuiet(now: 105))
    #expect(slots.dueAt == 5005 && slots.isDue(now: 5005))
    slots.release(now: 1000)
    #expect(slots.dueAt == 2000 && slots.takeSpare())
    slots.release(now: 1500)
    let back = slots.ask(more: 0, sequence: 2, alone: 2, wasAway: false, seen: .none, now: 2500)
    #expect(back.held == 1 && back.want == 1 && back.counted == 2)
    // An answer that is older says nothing.
    #expect(!slots.answered(1, reply(2, 2), limit: 2, now: 2501) && slots.answered(2, reply(1, 1), limit: 2, now: 2502))
    slots.release(now: 2502)
    slots.release(now: 2502)
    #expect(slots.used == 0 && slots.held == 1 && slots.idleAt(remembers: false) == .max)
    _ = slots.ask(more: 0, sequence: 3, alone: 2, wasAway: false, seen: .none, now: 4000)
    slots.answered(3, reply(0, 0), limit: 2, now: 4001)
    #expect(slots.dueAt == .max && slots.idleAt(remembers: false) == .min && slots.idleAt(remembers: true) == 19_001)
  }

  @Test("an answer that comes too late leaks nothing: what it brought is free, and goes back")
  func lateAnswer() {
    var slots = ConcurrencySlots()
    _ = slots.ask(more: 2, sequence: 1, alone: 2, wasAway: false, seen: .none, now: 0)
    slots.failed(1, now: 20)
    #expect(slots.dueAt == 120 && slots.idleAt(remembers: false) == 15_020)
    let reply = ConcurrencyReply(
      count: 2, taken: 2, nodes: 1, mark: ConcurrencyMark(epoch: 1, version: 1), isRecovering: false)
    #expect(slots.answered(1, reply, limit: 2, now: 60) && slots.held == 2 && slots.used == 0)
    #expect(slots.dueAt == 1060)
    #expect(slots.ask(more: 0, sequence: 2, alone: 2, wasAway: false, seen: .none, now: 1060).want == 0)
    // And a store that says more than was asked for is not believed.
    slots.answered(
      2, ConcurrencyReply(count: 1 << 20, taken: 1 << 20, nodes: 1, mark: reply.mark, isRecovering: false), limit: 2,
      now: 1061)
    #expect(slots.held == 0)
  }

  @Test("without the store a node holds what it was given and its part of the rest, and later its part of the limit")
  func alone() {
    var slots = ConcurrencySlots()
    #expect(slots.alone(limit: 12, nodes: 4, silentMilliseconds: .max) == 3)
    #expect(slots.alone(limit: 2, nodes: 4, silentMilliseconds: .max) == 1)
    _ = slots.ask(more: 5, sequence: 1, alone: 3, wasAway: false, seen: .none, now: 0)
    slots.answered(
      1,
      ConcurrencyReply(
        count: 5, taken: 7, nodes: 4, mark: ConcurrencyMark(epoch: 1, version: 1), isRecovering: false), limit: 12,
      now: 1)
    // 5 and a quarter of the 5 that were left.
    #expect(slots.alone(limit: 12, nodes: 4, silentMilliseconds: 0) == 6)
    #expect(slots.alone(limit: 12, nodes: 4, silentMilliseconds: 7500) == 3)
    #expect(slots.alone(limit: 12, nodes: 1, silentMilliseconds: 20_000) == 12)
    for _ in 0..<5 { #expect(slots.takeSpare() == true) }
    #expect(!slots.takeAlone(.closed, alone: 6, now: 2) && !slots.takeAlone(.local, alone: 5, now: 2))
    #expect(slots.takeAlone(.local, alone: 6, now: 2) && !slots.takeAlone(.local, alone: 6, now: 2))
    #expect(slots.takeAlone(.open, alone: 6, now: 2) && slots.used == 7)
  }

  @Test("a real Redis answers as the pure state does, on random schedules", .enabled(if: RedisFixture.isInstalled))
  func equalOnRedis() throws {
    let redis = try RedisFixture()
    let script = try redis.order(["SCRIPT", "LOAD", ConcurrencyScript.source])
    var refused = 0
    var recoveries = 0
    try withSeeds(80) { generator in
      try redis.order(["FLUSHALL"])
      var state = ConcurrencyState()
      var group = ConcurrencyGroup()
      var clock = 1_000_000_000
      var seen: [String: ConcurrencyMark] = [:]
      let keys = LimitKey.slots("a:b")
      for step in 0..<60 {
        clock +=
          [0, 1, 100, 2499, 2500, 3000, 14_999, 15_000, 40_000, -5000, -9999, -10_001, -1_000_000]
          .randomElement(using: &generator) ?? 0
        var isReplaced = false
        switch generator.int(in: 0...20) {
        case 0:
          try redis.order(["FLUSHALL"])
          (state, group) = (ConcurrencyState(), ConcurrencyGroup())
        case 1:
          try redis.order(["DEL", keys[0]])
          state = ConcurrencyState()
        case 2:
          // Another's key in its place: as if there were none.
          try redis.order(["SET", keys[1], "theirs"])
          group = group.withoutMark
          isReplaced = true
        default: break
        }
        let node = "n\(generator.int(in: 1...4))"
        let held = generator.int(in: 0...3)
        let request = ConcurrencyRequest(
          sequence: max(1, step + generator.int(in: -3...3)), held: held, want: held + generator.int(in: -1...4),
          alone: generator.int(in: 0...3), counted: generator.int(in: 0...1), wasAway: generator.int(in: 0...30) == 0,
          seen: generator.int(in: 0...9) == 0 ? .none : seen[node] ?? .none)
        let limit = generator.int(in: 0...6)
        let words = ["EVALSHA", script, "3"] + keys
        let numbers = try redis.integers(
          words + ConcurrencyScript.arguments(request, node: node, limit: limit, clock: clock))
        var expected = state.step(request, node: node, limit: limit, clock: clock, &group)
        expected.replaced = isReplaced
        try #require(ConcurrencyScript.reply(numbers) == expected, "\(generator) step \(step): \(request) at \(clock)")
        seen[node] = expected.mark
        refused += expected.count < request.want ? 1 : 0
        recoveries += expected.isRecovering ? 1 : 0
      }
    }
    #expect(refused > 100 && recoveries > 100)
  }

  @Test("keys that hold anything at all are no reason to fail", .enabled(if: RedisFixture.isInstalled))
  func garbage() throws {
    let redis = try RedisFixture()
    let keys = LimitKey.slots("a:b")
    let texts = ["", "x", "nan", "inf", "-1", "1e308", "1:2", "9:9:99999999999999999999999", "-1:-1:-1", "1:2:3:4"]
    for place in 0..<3 {
      for order in [["SET", "{}", "x"], ["LPUSH", "{}", "x"], ["SADD", "{}", "x"], ["ZADD", "{}", "1", "x"]] {
        try redis.order(order.map { $0 == "{}" ? keys[place] : $0 })
        try expectReply(redis, keys)
      }
    }
    for text in texts {
      try redis.order(["HSET", keys[0], "other", text, "n", text])
      try expectReply(redis, keys)
      try redis.order(["HSET", keys[1], "e", text, "u", text, "v", text])
      try expectReply(redis, keys)
    }
  }

  private func expectReply(_ redis: RedisFixture, _ keys: [String]) throws {
    let request = ConcurrencyRequest(sequence: 1, held: 0, want: 1, alone: 1)
    let words = ["EVAL", ConcurrencyScript.source, "3"] + keys
    let numbers = try redis.integers(words + ConcurrencyScript.arguments(request, node: "n", limit: 5))
    #expect(ConcurrencyScript.reply(numbers) != nil, "\(numbers)")
  }

  @Test("a reply that no script could have sent is none")
  func hostileReplies() {
    #expect(ConcurrencyScript.reply([1, 2, 3, 4, 5, 0, 0]) != nil)
    for numbers in [
      [], [1], [1, 2, 3, 4, 5, 0], [-1, 2, 3, 4, 5, 0, 0], [3, 2, 3, 4, 5, 0, 0], [1, 2, 0, 4, 5, 0, 0],
      [1, 2, 3, 0, 5, 0, 0], [1, 2, 3, 4, -5, 0, 0], [1, 2, 3, 4, 5, 2, 0], [1, 2, 3, 4, 5, 0, 2],
      [.max, .max, 3, 4, 5, 0, 0], [1, .max, 3, 4, 5, 0, 0], [1, 2, .max, 4, 5, 0, 0], [1, 2, 3, .max, 5, 0, 0],
      [1, 2, 3, 4, .max, 0, 0], [1, 2, 3, 4, 5, 0, 0, 0],
    ] { #expect(ConcurrencyScript.reply(numbers) == nil, "\(numbers)") }
  }
}
