import RateLimiting
import TestKit
import Testing

@Suite("Bucket")
struct BucketStateTests {
  private let terms = BucketTerms(rate: LeaseRate(5, perMilliseconds: 3), burst: 10_000)

  private func request(
    _ sequence: Int, want: Int = 0, least: Int = 1, keep: Int = 0, ahead: Int = 0, adjust: Int = 0,
    seen: BucketSnapshot = .none
  ) -> LeaseRequest {
    LeaseRequest(sequence: sequence, want: want, least: least, keep: keep, ahead: ahead, adjust: adjust, seen: seen)
  }

  @Test("grants at most half of the level, divided by the nodes that are active")
  func shares() {
    var bucket = BucketState()
    #expect(bucket.lease(request(1, want: 9000), terms, node: "a", clock: 0).grant == 5000)
    #expect(bucket.lease(request(1, want: 9000), terms, node: "b", clock: 0).grant == 1250)
    let third = bucket.lease(request(1, want: 9000, least: 2000), terms, node: "c", clock: 0)
    #expect(third.grant == 2000 && third.nodes == 3 && third.seen.level == 1750)
    // Eleven seconds later the others do not count any more.
    #expect(bucket.lease(request(2, want: 9000), terms, node: "c", clock: 11_000).nodes == 1)
  }

  @Test("refills to the unit, however often it is asked")
  func refillIsExact() throws {
    try withSeeds(50) { generator in
      var bucket = BucketState()
      _ = bucket.lease(request(1, want: 10_000, least: 10_000), terms, node: "a", clock: 0)
      var clock = 0
      var sequence = 1
      while clock < 5000 {
        clock += generator.int(in: 0...40)
        sequence += 1
        let reply = bucket.lease(request(sequence), terms, node: "a", clock: clock)
        try #require(reply.seen.level == clock * 5 / 3, "\(generator)")
      }
    }
  }

  @Test("refuses below what is needed, and says how long")
  func refuses() {
    var bucket = BucketState()
    _ = bucket.lease(request(1, want: 10_000, least: 10_000), terms, node: "a", clock: 0)
    let reply = bucket.lease(request(2, want: 100, least: 50), terms, node: "a", clock: 0)
    #expect(reply.grant == 0 && reply.waitMilliseconds == 30)
    #expect(bucket.lease(request(3, want: 100, least: 50), terms, node: "a", clock: 29).grant == 0)
    #expect(bucket.lease(request(4, want: 100, least: 50), terms, node: "a", clock: 30).grant == 50)
  }

  @Test("keeps a part from requests that have not begun, and gives it to streams that run")
  func keeps() {
    var bucket = BucketState()
    _ = bucket.lease(request(1, want: 9000, least: 9000), terms, node: "a", clock: 0)
    let new = bucket.lease(request(2, want: 600, least: 500, keep: 2500), terms, node: "a", clock: 0)
    #expect(new.grant == 0 && new.waitMilliseconds == 1200)
    #expect(bucket.lease(request(3, want: 600, least: 500), terms, node: "a", clock: 0).grant == 500)
    let mixed = bucket.lease(request(4, want: 600, least: 500, keep: 2500, ahead: 80), terms, node: "a", clock: 0)
    #expect(mixed.grant == 80 && mixed.waitMilliseconds != 0)
  }

  @Test("a request that arrives twice counts once; one that comes after a newer one counts not at all")
  func idempotent() {
    var bucket = BucketState()
    let first = request(1, want: 4000, adjust: -1000)
    #expect(bucket.lease(first, terms, node: "a", clock: 0).grant == 4000)
    let again = bucket.lease(first, terms, node: "a", clock: 0)
    #expect(again.grant == 4000 && again.seen.level == 5000)
    #expect(bucket.lease(request(2, adjust: 100), terms, node: "a", clock: 0).seen.level == 5100)
    let late = bucket.lease(first, terms, node: "a", clock: 0)
    #expect(late.grant == 0 && late.seen.level == 5100)
  }

  @Test("takes over what a node has seen when it has forgotten, and the lower level of two")
  func adoption() {
    var bucket = BucketState()
    let seen = BucketSnapshot(version: 100, level: 300, time: 1000)
    let reply = bucket.lease(request(7, want: 200, least: 200, seen: seen), terms, node: "a", clock: 1030)
    #expect(reply.adopted && reply.grant == 200 && reply.seen == BucketSnapshot(version: 101, level: 150, time: 1030))
    let later = BucketSnapshot(version: 105, level: 9000, time: 1000)
    let second = bucket.lease(request(7, seen: later), terms, node: "b", clock: 1030)
    #expect(second.adopted && second.seen == BucketSnapshot(version: 106, level: 150, time: 1030))
  }

  @Test("a clock that runs back stands still; one that has been far ahead does not stop it")
  func clocks() {
    var bucket = BucketState()
    _ = bucket.lease(request(1, want: 10_000, least: 10_000), terms, node: "a", clock: 100_000)
    #expect(
      bucket.lease(request(2), terms, node: "a", clock: 95_000).seen
        == BucketSnapshot(version: 2, level: 0, time: 100_000))
    #expect(bucket.lease(request(3), terms, node: "a", clock: 100_300).seen.level == 500)
    #expect(bucket.lease(request(4), terms, node: "a", clock: 3_700_000).seen.level == 10_000)
    _ = bucket.lease(request(5, want: 10_000, least: 10_000), terms, node: "a", clock: 3_700_000)
    #expect(bucket.lease(request(6), terms, node: "a", clock: 100_600).seen.level == 0)
    #expect(bucket.lease(request(7), terms, node: "a", clock: 100_900).seen.level == 500)
  }

  @Test("a quota never refills, shifts with its amount, begins with what the records say, and forgives no debt")
  func quota() {
    var bucket = BucketState()
    let quota = BucketTerms(quota: 1_000_000, left: 400_000, expiryMilliseconds: 1)
    let level = 399_990
    #expect(bucket.lease(request(1, want: 10, least: 10), quota, node: "a", clock: 0).seen.level == level)
    #expect(bucket.lease(request(2), quota, node: "a", clock: 86_400_000).seen.level == level)
    let raised = BucketTerms(quota: 1_500_000, expiryMilliseconds: 1)
    #expect(bucket.lease(request(3), raised, node: "a", clock: 86_400_000).seen.level == level + 500_000)
    let deep = bucket.lease(request(4, adjust: -3_000_000), raised, node: "a", clock: 86_400_000)
    #expect(deep.seen.level == level - 2_500_000)
    #expect(bucket.lease(request(5, want: 1), raised, node: "a", clock: 86_400_001).waitMilliseconds == nil)
  }

  @Test("a bucket that refills carries its debt in full, and is kept until it is repaid")
  func debt() {
    var store = BucketStore()
    let minute = BucketTerms(rate: LeaseRate(9000, perMilliseconds: 60_000), burst: 1000)
    #expect(store.lease("k", request(1, adjust: -201_000), minute, node: "a", clock: 0).seen.level == -200_000)
    // 200,000 at 9,000 a minute: nothing for 22 minutes and 13 seconds.
    let repaidAt = 1_333_334
    let early = store.lease("k", request(2, want: 1), minute, node: "b", clock: repaidAt - 7)
    #expect(early.grant == 0 && (1...20).contains(early.waitMilliseconds ?? 0))
    #expect(store.lease("k", request(3, want: 1), minute, node: "b", clock: repaidAt + 20).grant == 1)
    #expect(minute.expiryMilliseconds(level: -1000) == minute.expiryMilliseconds)
    #expect(minute.expiryMilliseconds(level: -200_000) >= 1_340_000)
    #expect(minute.expiryMilliseconds(level: -LeaseRate.amountMax) <= 2 * BucketTerms.debtMillisecondsMax)
    #expect(BucketTerms(quota: 5, expiryMilliseconds: 90_000).expiryMilliseconds(level: -1_000_000) == 90_000)
  }

  @Test("a debt that a node has seen is taken over by a store that has forgotten it")
  func debtAdopted() {
    var bucket = BucketState()
    let seen = BucketSnapshot(version: 9, level: -90_000, time: 1000)
    #expect(bucket.lease(request(1, seen: seen), terms, node: "a", clock: 1300).seen.level == -89_500)
  }

  @Test("the smallest and the biggest numbers trap nowhere")
  func extremes() throws {
    let numbers = [0, 1, 2, LeaseRate.amountMax, LeaseRate.amountMax - 1]
    for amount in numbers + [.max, -1] {
      for period in [1, 1000, 86_400_000, 86_400_001, LeaseRate.periodMillisecondsMax, .max, -5] {
        let rate = LeaseRate(amount, perMilliseconds: period)
        for burst in numbers + [.max, -1] {
          var bucket = BucketState()
          let terms = BucketTerms(rate: rate, burst: burst)
          for (step, adjust) in [0, -LeaseRate.amountMax, LeaseRate.amountMax].enumerated() {
            let reply = bucket.lease(
              request(step + 1, want: LeaseRate.amountMax, adjust: adjust), terms, node: "a",
              clock: step * 400 * 86_400_000)
            #expect((-LeaseRate.amountMax...terms.burst).contains(reply.seen.level))
          }
        }
      }
    }
  }

  @Test("a bucket of one node is small")
  func memory() {
    #expect(MemoryLayout<BucketState>.stride == 48)
  }

  @Test("a store drops buckets that have expired")
  func expiry() {
    var store = BucketStore()
    for number in 0..<1000 { _ = store.lease("k\(number)", request(1, want: 1), terms, node: "a", clock: 0) }
    #expect(store.count == 1000)
    for step in 0..<1000 { _ = store.lease("x", request(step + 1, want: 1), terms, node: "a", clock: 100_000 + step) }
    #expect(store.count == 1)
    // Free places are used again, and what is expired but not swept begins anew.
    for number in 0..<1000 { _ = store.lease("n\(number)", request(1, want: 1), terms, node: "a", clock: 101_000) }
    #expect(store.count == 1001 && store["n7"]?.version == 1 && store["k7"] == nil)
    store.restore("r", BucketSnapshot(version: 9, level: 5, time: 101_000), burst: 10_000, expiresAt: 200_000)
    #expect(store.lease("r", request(1, want: 5), terms, node: "a", clock: 101_000).seen.version == 10)
    #expect(store.lease("r", request(2, want: 5), terms, node: "a", clock: 900_000).seen.version == 1)
  }
}
