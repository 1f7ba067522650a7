import RateLimiting
import TestKit
import Testing

@Suite("Lease script")
struct LeaseScriptTests {
  /// Random schedules of everything that a store goes through: several nodes, repetitions, late requests, a clock that jumps, changed terms, loss.
  @Test("a real Redis answers as the pure bucket does, on random schedules", .enabled(if: RedisFixture.isInstalled))
  func equalOnRedis() throws {
    let redis = try RedisFixture()
    let script = try redis.order(["SCRIPT", "LOAD", LeaseScript.source])
    var grants = 0
    var adoptions = 0
    var debts = 0
    try withSeeds(150) { generator in
      var schedule = LeaseSchedule(&generator)
      try redis.order(["FLUSHALL"])
      var state = BucketState()
      for step in 0..<60 {
        if schedule.loses(&generator) {
          try redis.order(["FLUSHALL"])
          state = BucketState()
        }
        let (request, terms, node, clock) = schedule.next(&generator)
        let expected = state.lease(request, terms, node: node, clock: clock)
        let words = ["EVALSHA", script, "2", "sl:{t:a}:b", "sl:{t:a}:m"]
        let numbers = try redis.integers(words + LeaseScript.arguments(request, terms, node: node, clock: clock))
        let reply = try #require(LeaseScript.reply(numbers), "\(generator) step \(step): \(numbers)")
        try #require(reply == expected, "\(generator) step \(step): \(request) \(terms) \(node) at \(clock)")
        if step % 10 == 0 {
          let left = try #require(try redis.integers(["PTTL", "sl:{t:a}:b"]).first)
          let expiry = terms.expiryMilliseconds(level: expected.seen.level)
          // The test's clock is not the server's.
          try #require(left <= expiry && left > expiry - 60_000, "\(generator) step \(step): \(left) of \(expiry)")
          debts += expected.seen.level < -terms.burst ? 1 : 0
        }
        schedule.saw(reply, node)
        grants += reply.grant > 0 ? 1 : 0
        adoptions += reply.adopted ? 1 : 0
      }
    }
    // The schedules must reach what they are to prove.
    #expect(grants > 1000 && adoptions > 100 && debts > 20)
  }

  @Test(
    "takes the server's own clock, and lets all keys of a limit share one slot",
    .enabled(if: RedisFixture.isInstalled))
  func ownClock() throws {
    let redis = try RedisFixture()
    let request = LeaseRequest(sequence: 1, want: 10, least: 1, adjust: 0, seen: .none)
    let terms = BucketTerms(rate: LeaseRate(100, perMilliseconds: 1000), burst: 100)
    let words = ["EVAL", LeaseScript.source, "2", "sl:{t:a}:b", "sl:{t:a}:m"]
    let seconds = try #require(try redis.integers(["TIME"]).first)
    let reply = try #require(
      LeaseScript.reply(try redis.integers(words + LeaseScript.arguments(request, terms, node: "n"))))
    #expect(reply.grant == 10 && reply.seen.version == 1 && reply.nodes == 1)
    #expect((seconds..<seconds + 60).contains(reply.seen.time / 1000))
    let left = try #require(try redis.integers(["PTTL", "sl:{t:a}:b"]).first)
    #expect(left > 0 && left <= terms.expiryMilliseconds)
  }

  @Test(
    "a key of another type counts as forgotten, and is replaced: by what the caller has seen, if anything",
    .enabled(if: RedisFixture.isInstalled))
  func otherTypes() throws {
    let redis = try RedisFixture()
    let keys = [LimitKey.bucket("a:b").bucket, LimitKey.bucket("a:b").members]
    let terms = BucketTerms(rate: LeaseRate(100, perMilliseconds: 1000), burst: 100)
    func step(_ request: LeaseRequest, clock: Int) throws -> LeaseReply {
      let words = ["EVAL", LeaseScript.source, "2"] + keys
      let arguments = LeaseScript.arguments(request, terms, node: "n", clock: clock)
      return try #require(LeaseScript.reply(try redis.integers(words + arguments)))
    }
    let others = [
      ["SET", "{}", "x"], ["LPUSH", "{}", "x"], ["SADD", "{}", "x"], ["ZADD", "{}", "1", "x"],
      ["HSET", "{}", "x", "y"],
    ]
    for (place, key) in keys.enumerated() {
      for (number, order) in others.enumerated() where number != (place == 0 ? 4 : 3) {
        try redis.order(["FLUSHALL"])
        var state = BucketState()
        var sequence = 0
        var seen = BucketSnapshot.none
        for clock in [10_000, 10_010, 10_020] {
          sequence += 1
          let request = LeaseRequest(sequence: sequence, want: 10, least: 1, adjust: -30, seen: seen)
          let isReplaced = clock == 10_010
          if isReplaced {
            try redis.order(["DEL", key])
            try redis.order(order.map { $0 == "{}" ? key : $0 })
            if place == 0 { state = BucketState() }
          }
          var expected = state.lease(request, terms, node: "n", clock: clock)
          expected.replaced = isReplaced
          #expect(try step(request, clock: clock) == expected, "\(order) for \(key) at \(clock)")
          seen = expected.seen
        }
      }
    }
  }

  @Test("values of any kind in a bucket's key are no reason to fail", .enabled(if: RedisFixture.isInstalled))
  func garbage() throws {
    let redis = try RedisFixture()
    let keys = LimitKey.bucket("a:b")
    let terms = BucketTerms(rate: LeaseRate(100, perMilliseconds: 1000), burst: 100)
    let request = LeaseRequest(sequence: 1, want: 10, least: 1, adjust: 0, seen: .none)
    for text in ["", "x", "nan", "inf", "-inf", "-1", "1.5", "1e308", "1:2", "9:99999999999999999999999", "-1:-1"] {
      for field in ["v", "l", "f", "t", "b", "n:n"] {
        try redis.order(["HSET", keys.bucket, "v", "1", "l", "5", "f", "0", "t", "1", "b", "100", "n:n", "1:1"])
        try redis.order(["HSET", keys.bucket, field, text])
        for clock in [0, 1_000_000] {
          let words = ["EVAL", LeaseScript.source, "2", keys.bucket, keys.members]
          let numbers = try redis.integers(words + LeaseScript.arguments(request, terms, node: "n", clock: clock))
          #expect(LeaseScript.reply(numbers) != nil, "\(field) \(text): \(numbers)")
        }
      }
    }
  }

  @Test("a server that takes no more writes has nothing dropped", .enabled(if: RedisFixture.isInstalled))
  func outOfMemory() throws {
    let redis = try RedisFixture()
    let keys = LimitKey.bucket("a:b")
    let terms = BucketTerms(rate: LeaseRate(100, perMilliseconds: 1000), burst: 100)
    let words = ["EVAL", LeaseScript.source, "2", keys.bucket, keys.members]
    func step(_ sequence: Int) throws -> String {
      let request = LeaseRequest(sequence: sequence, want: 10, least: 1, adjust: 0, seen: .none)
      return try redis.order(words + LeaseScript.arguments(request, terms, node: "n"))
    }
    _ = try step(1)
    try redis.order(["CONFIG", "SET", "maxmemory", "1"])
    #expect((try? step(2))?.contains("OOM") ?? true)
    try redis.order(["CONFIG", "SET", "maxmemory", "0"])
    #expect(try redis.order(["HGET", keys.bucket, "v"]) == "1")
    #expect(try redis.order(["ZCARD", keys.members]) == "1")
  }

  @Test("a reply that no script could have sent is none")
  func hostileReplies() {
    #expect(LeaseScript.reply([1, 2, 3, 4, 0, 1, 0, 0]) != nil)
    for numbers in [
      [], [1], [1, 2, 3, 4, 0, 1, 0], [-1, 2, 3, 4, 0, 1, 0, 0], [1, 2, 0, 4, 0, 1, 0, 0], [1, 2, 3, -4, 0, 1, 0, 0],
      [1, 2, 3, 4, -2, 1, 0, 0], [1, 2, 3, 4, 0, 0, 0, 0], [1, 2, 3, 4, 0, 1, 2, 0], [1, 2, 3, 4, 0, 1, 0, 2],
      [.max, 2, 3, 4, 0, 1, 0, 0], [1, .min, 3, 4, 0, 1, 0, 0], [1, 2, .max, 4, 0, 1, 0, 0],
      [1, 2, 3, .max, 0, 1, 0, 0], [1, 2, 3, 4, .max, 1, 0, 0], [1, 2, 3, 4, 0, .max, 0, 0],
      [1, 2, 3, 4, 0, 1, 0, 0, 0],
    ] { #expect(LeaseScript.reply(numbers) == nil, "\(numbers)") }
  }
}

/// Random requests as nodes, good and bad, send them.
struct LeaseSchedule {
  private var clock = 1_000_000_000
  private var sequences: [String: Int] = [:]
  private var seen: [String: BucketSnapshot] = [:]
  private var lastRequests: [String: LeaseRequest] = [:]
  private var terms: [BucketTerms]

  init(_ generator: inout SeededGenerator) {
    let scale = [1, 100, 100_000, LeaseRate.amountMax / 3, LeaseRate.amountMax].randomElement(using: &generator) ?? 1
    let period = [1000, 60_000, 86_400_000, 7 * 86_400_000, 1357].randomElement(using: &generator) ?? 1
    terms = (0..<2).map { _ in
      let amount = generator.int(in: 0...scale)
      return generator.int(in: 0...3) == 0
        ? BucketTerms(
          quota: amount, left: generator.int(in: 0...3) == 0 ? amount / 2 : nil, expiryMilliseconds: 1_000_000)
        : BucketTerms(
          rate: LeaseRate(amount, perMilliseconds: period), burst: max(1, amount / generator.int(in: 1...20)))
    }
    if generator.int(in: 0...1) == 0 { terms[1] = terms[0] }
  }

  func loses(_ generator: inout SeededGenerator) -> Bool { generator.int(in: 0...30) == 0 }

  mutating func next(_ generator: inout SeededGenerator) -> (LeaseRequest, BucketTerms, String, Int) {
    let steps = [
      0, 1, 20, 500, 3000, 20_000, 70_000, 3_600_000, -5, -3000, -9_999, -10_000, -10_001, -4_000_000, 200_000_000,
    ]
    clock += generator.int(in: 0...2) == 0 ? steps.randomElement(using: &generator) ?? 0 : generator.int(in: 0...300)
    let terms = generator.int(in: 0...9) == 0 ? terms[1] : terms[0]
    let node = "node-\(generator.int(in: 0...4))"
    if let request = lastRequests[node], generator.int(in: 0...7) == 0 { return (request, terms, node, clock) }
    let sequence = (sequences[node] ?? 0) + 1
    if generator.int(in: 0...20) > 0 { sequences[node] = sequence }
    let burst = terms.burst
    let want = generator.int(in: 0...6) == 0 ? 0 : generator.int(in: 1...max(1, burst / generator.int(in: 1...20)))
    let adjust =
      switch generator.int(in: 0...5) {
      case 0: generator.int(in: 0...burst / 4)
      case 1: -generator.int(in: 0...burst / 4)
      case 2: generator.int(in: 0...9) == 0 ? -generator.int(in: 2...200) * min(burst, LeaseRate.amountMax / 1000) : 0
      default: 0
      }
    let snapshot = generator.int(in: 0...9) == 0 ? .none : seen[node] ?? .none
    let request = LeaseRequest(
      sequence: sequence, want: want, least: generator.int(in: 0...max(1, want)),
      keep: generator.int(in: 0...2) == 0 ? generator.int(in: 0...burst / 2) : 0,
      ahead: generator.int(in: 0...2) == 0 ? generator.int(in: 0...max(1, want)) : 0, adjust: adjust, seen: snapshot)
    lastRequests[node] = request
    return (request, terms, node, clock)
  }

  mutating func saw(_ reply: LeaseReply, _ node: String) { seen[node] = reply.seen }
}
