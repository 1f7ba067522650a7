import RateLimiting
import Reactor
import RedisClient
import Storage
import TestKit
import Testing

@testable import Quotas

/// One body, two stores.
@Suite(.serialized) struct StoreEquality {
  private struct Step: Sendable, Equatable {
    var grant: Int
    var level: Int
    var version: Int
    var wait: Int?
    var nodes: Int
    var adopted: Bool
    var slots: ConcurrencyReply?
  }

  private func ask(_ reactor: Reactor, _ storage: any BucketStorage, _ seed: UInt64) async -> [Step?] {
    var random = SeededGenerator(seed: seed)
    var sequences: [String: Int] = [:]
    var seen: [String: BucketSnapshot] = [:]
    var steps: [Step?] = []
    for _ in 0..<300 {
      let id = "quota\(random.int(in: 0...2))"
      let node = "n\(random.int(in: 0...3))"
      let key = "\(id) \(node)"
      if random.int(in: 0...3) == 0 {
        sequences[node, default: 0] += 1
        let held = random.int(in: 0...2)
        let request = ConcurrencyRequest(
          sequence: sequences[node] ?? 1, held: held, want: held + random.int(in: 0...3), alone: 1)
        var reply = await told(reactor) { storage.concurrency(id, request, limit: 3, node: node, later: $0) }
        // Each has its own clock.
        reply?.mark.epoch = 0
        steps.append(reply.map { Step(grant: 0, level: 0, version: 0, nodes: 0, adopted: false, slots: $0) })
        continue
      }
      let repeats = random.int(in: 0...9) == 0
      sequences[key, default: 0] += repeats ? 0 : 1
      let want = random.int(in: 0...200)
      let request = LeaseRequest(
        sequence: max(1, sequences[key] ?? 1), want: want, least: random.int(in: 1...50), keep: random.int(in: 0...20),
        ahead: random.int(in: 0...30), adjust: random.int(in: -60...40), seen: seen[key] ?? .none)
      let terms = BucketTerms(quota: 10_000, expiryMilliseconds: 1_000_000)
      let reply = await told(reactor) { storage.lease(id, request, terms, node: node, later: $0) }
      if let reply { seen[key] = BucketSnapshot(version: reply.seen.version, level: reply.seen.level, time: 0) }
      steps.append(
        reply.map {
          Step(
            grant: $0.grant, level: $0.seen.level, version: $0.seen.version, wait: $0.waitMilliseconds, nodes: $0.nodes,
            adopted: $0.adopted)
        })
    }
    return steps
  }

  private func told<Reply: Sendable>(
    _ reactor: Reactor, _ ask: @escaping @Sendable (@escaping (Reply?) -> Void) -> Reply?
  ) async -> Reply? {
    await withCheckedContinuation { continuation in
      reactor.execute {
        let isOver = Confined(false)
        let reply = ask { reply in
          guard !isOver.value else { return }
          isOver.value = true
          continuation.resume(returning: reply)
        }
        if let reply { continuation.resume(returning: reply) }
      }
    }
  }

  @Test("both stores give the same answers to the same questions", arguments: [1, 2, 3, 4] as [UInt64])
  func sameAnswers(seed: UInt64) async throws {
    let server = try RedisServer()
    let group = ReactorGroup.started(count: 1)
    defer { group.shutDown() }
    let reactor = group.reactors[0]
    let client = RedisClient(
      RedisSettings(topology: .single(RedisEndpoint(host: "127.0.0.1", port: server.port))), on: reactor)
    let redis = RedisStore(client, timeout: .seconds(10) * testPatience)
    let clock = TestClock()
    let embedded = try EmbeddedStore(clock: { clock.now })
    // Redis has its own clock: a machine so busy that slots and nodes expire meanwhile is given another try.
    var there: [Step?] = []
    for _ in 0..<5 {
      try server.flushAll()
      let began = MonotonicTime.readClock()
      there = await ask(reactor, redis, seed)
      guard MonotonicTime.readClock() > began + .seconds(8) else { break }
    }
    let here = await ask(reactor, embedded, seed)
    let difference = zip(there, here).enumerated().first { $0.element.0 != $0.element.1 }
    #expect(difference == nil && there.count == here.count, "seed \(seed): \(String(describing: difference))")
    #expect(!here.contains(nil))
    await reactor.run { client.close() }
  }

  /// What desks make of a seeded run of requests, one after the other, against quotas: no time plays a part.
  private func run(_ rig: Rig, _ seed: UInt64) async -> [String] {
    var random = SeededGenerator(seed: seed)
    var story: [String] = []
    for _ in 0..<60 {
      let prompt = random.int(in: 1...400)
      let completion = random.int(in: 0...300)
      let ask = request(consumer: ["a", "b"][random.int(in: 0...1)], prompt: prompt, expected: 64, maxTokens: 500)
      switch await rig.admit(ask).0 {
      case .lost: story.append("lost")
      case .refused(let refusal): story.append("refused by \(refusal.limit), \(refusal.code)")
      case .admitted(let held):
        story.append(
          await rig.on { desk in
            let clamped = held.grant.clampedMaxTokens
            held.grant.settle(prompt: prompt, completion: completion)
            return "admitted, at most \(clamped.map { "\($0)" } ?? "as asked")"
          })
      }
    }
    return story
  }

  @Test("desks on both stores admit, clamp and refuse alike", arguments: [11, 12] as [UInt64])
  func sameDesks(seed: UInt64) async throws {
    let server = try RedisServer()
    let clock = TestClock()
    let plan = LimitPlan([
      .tokens("consumer", 6000, .calendar(.day, .utc), each: [.consumer]), .of(.requests, "all", 40, .day),
      .of(.concurrency, "streams", 2),
    ])
    let redis = Rig(plan, port: server.port, timeout: .seconds(5) * testPatience, clock: clock)
    let embedded = Rig(plan, store: try EmbeddedStore(clock: { clock.now }), clock: clock)
    defer {
      redis.shutDown()
      embedded.shutDown()
    }
    let there = await run(redis, seed)
    let here = await run(embedded, seed)
    #expect(there == here, "seed \(seed)")
    #expect(here.contains { $0.hasPrefix("refused by consumer") || $0.hasPrefix("refused by all") })
  }
}
