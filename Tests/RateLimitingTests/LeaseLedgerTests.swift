import RateLimiting
import Testing

@Suite("Lease ledger")
struct LeaseLedgerTests {
  /// 1,000 a second: a lease is 500 at most and 20 at least, and 150 are held ahead.
  private let terms: LeaseTerms = {
    var terms = LeaseTerms(BucketTerms(rate: LeaseRate(1000, perMilliseconds: 1000), burst: 10_000))
    terms.nodesAssumed = 4
    return terms
  }()

  private func request(_ step: LeaseLedger.Step) -> LeaseRequest? {
    if case .ask(let request) = step { request } else { nil }
  }

  private func reply(_ grant: Int, version: Int = 1, level: Int = 5000, wait: Int? = 0, nodes: Int = 2) -> LeaseReply {
    LeaseReply(
      grant: grant, seen: BucketSnapshot(version: version, level: level, time: 1), waitMilliseconds: wait, nodes: nodes,
      adopted: false)
  }

  @Test("a subject is small: 100,000 of them take less than 60 MB")
  func memory() {
    #expect(MemoryLayout<LeaseLedger>.stride == 128)
    #expect(MemoryLayout<LeaseLedger>.stride * 100_000 <= 60_000_000 / 4)
  }

  @Test("asks, draws, asks ahead of need, and gives back what nobody uses")
  func life() throws {
    var ledger = LeaseLedger()
    #expect(ledger.draw(200, terms, now: 0, .present) == false)
    let first = try #require(request(ledger.next(needing: 200, isRunning: false, terms, now: 0, .present)))
    #expect(first.sequence == 1 && first.least == 200 && first.keep == 2500 && first.seen == .none)
    #expect(ledger.next(needing: 200, terms, now: 5, .present) == .rest(until: .max))
    #expect(ledger.answered(reply(200), sequence: 1, terms, now: 10) == true)
    #expect(ledger.draw(100, terms, now: 10, .present) && ledger.credit == 100)
    #expect(ledger.draw(90, terms, now: 20, .present) == true)
    // Its pace is about half a unit a millisecond now: 10 are less than 150 ms of it.
    let second = try #require(request(ledger.next(needing: 0, terms, now: 200, .present)))
    #expect(
      second.sequence == 2 && second.seen.version == 1 && second.keep == 0 && second.want > 100 && second.want <= 500)
    #expect(ledger.answered(reply(second.want), sequence: 2, terms, now: 210) == true)
    let held = ledger.credit
    #expect(ledger.next(needing: 0, terms, now: 300, .present) == .rest(until: 2020))
    let last = try #require(request(ledger.next(needing: 0, terms, now: 2020, .present)))
    #expect(last.want == 0 && last.adjust == held && ledger.credit == 0)
    #expect(!ledger.answered(reply(0), sequence: 3, terms, now: 2030) && ledger.isEmpty)
    #expect(ledger.next(needing: 0, terms, now: 9000, .present) == .rest(until: .max))
  }

  @Test(
    "a refusal is waited for, at least 100 ms and at most a second",
    arguments: [(1, 100), (400, 400), (9999, 1000), (nil, 1000)] as [(Int?, Int)])
  func refusal(wait: Int?, pause: Int) throws {
    var ledger = LeaseLedger()
    _ = ledger.draw(100, terms, now: 0, .present)
    _ = ledger.next(needing: 100, terms, now: 0, .present)
    #expect(ledger.answered(reply(0, wait: wait), sequence: 1, terms, now: 10) == false)
    #expect(ledger.next(needing: 100, terms, now: 11, .present) == .rest(until: 10 + pause))
    #expect(request(ledger.next(needing: 100, terms, now: 10 + pause, .present))?.sequence == 2)
  }

  @Test("what came unforeseen is a debt, goes with the next request, and is repeated as it was until it is answered")
  func debt() throws {
    var ledger = LeaseLedger()
    ledger.charge(40, now: 0)
    ledger.settle(charged: 100, true: 160)
    #expect(ledger.debt == 100)
    let first = try #require(request(ledger.next(needing: 10, terms, now: 0, .present)))
    #expect(first.adjust == -100 && ledger.balance == 0)
    ledger.failed(sequence: 1, terms, now: 20)
    ledger.charge(7, now: 30)
    #expect(ledger.next(needing: 10, terms, now: 30, .present) == .rest(until: 120))
    let again = try #require(request(ledger.next(needing: 10, terms, now: 120, .present)))
    #expect(again == first)
    // The answer to the first sending comes late, then that to the second: one counts.
    #expect(ledger.answered(reply(15), sequence: 1, terms, now: 130) && ledger.balance == 8)
    #expect(!ledger.answered(reply(15), sequence: 1, terms, now: 140) && ledger.balance == 8)
    ledger.settle(charged: 100, true: 90)
    #expect(ledger.balance == 18)
  }

  @Test("a limit of five requests over four nodes admits five, whoever gets them")
  func fewRequests() throws {
    let rule = LimitRule("q", .requests, .minute, cases: [])
    let terms = rule.terms(amount: 5, unixTime: 0).terms
    for order in [[0, 0, 0, 0, 0, 0], [0, 1, 2, 3, 0, 1], [3, 3, 2, 2, 1, 1]] {
      var bucket = BucketState()
      var ledgers = [LeaseLedger](repeating: LeaseLedger(), count: 4)
      var admitted = 0
      for (turn, node) in order.enumerated() {
        let now = turn * 10
        if !ledgers[node].draw(1, terms, now: now, .present),
          let request = request(ledgers[node].next(needing: 1, isRunning: false, terms, now: now, .present))
        {
          let reply = bucket.lease(request, terms.bucket, node: "\(node)", clock: now)
          _ = ledgers[node].answered(reply, sequence: request.sequence, terms, now: now)
          admitted += ledgers[node].draw(1, terms, now: now, .present) ? 1 : 0
        }
        #expect(request(ledgers[node].next(needing: 0, terms, now: now, .present)) == nil)
      }
      #expect(admitted == 5)
    }
  }

  @Test("the last units of a quota are given to who needs no more")
  func lastUnits() throws {
    let terms = LeaseTerms(BucketTerms(quota: 1_000_000, left: 10, expiryMilliseconds: 1))
    var ledger = LeaseLedger()
    var bucket = BucketState()
    let first = try #require(request(ledger.next(needing: 7, terms, now: 0, .present)))
    #expect(ledger.answered(bucket.lease(first, terms.bucket, node: "a", clock: 0), sequence: 1, terms, now: 0) == true)
    #expect(ledger.credit == 7 && bucket.level == 3)
  }

  @Test("a store that lies about a grant gives no more than was asked")
  func lyingStore() {
    var ledger = LeaseLedger()
    _ = ledger.draw(10, terms, now: 0, .present)
    _ = ledger.next(needing: 10, terms, now: 0, .present)
    _ = ledger.answered(reply(.max), sequence: 1, terms, now: 1)
    #expect(ledger.credit <= 500)
    ledger.charge(.max, now: 2)
    ledger.charge(.max, now: 2)
    ledger.settle(charged: .min, true: .max)
    ledger.giveBack(.max)
    #expect(abs(ledger.balance) <= LeaseRate.amountMax)
  }

  @Test("with the store away a node refills its own part, up to one lease, and pays on return")
  func local() throws {
    var ledger = LeaseLedger()
    #expect(ledger.draw(100, terms, now: 0, .away) == false)
    #expect(ledger.next(needing: 100, terms, now: 0, .away) == .rest(until: .max))
    // A quarter of 1,000 a second.
    #expect(ledger.draw(100, terms, now: 396, .away) == false)
    #expect(ledger.draw(100, terms, now: 400, .away) == true)
    #expect(ledger.draw(501, terms, now: 1000, .away) == false)
    // More than a lease is granted at a whole lease, for more is never there.
    #expect(ledger.draw(600, terms, now: 60_000, .away) == true)
    #expect(ledger.draw(1, terms, now: 60_000, .away) == false)
    let back = try #require(request(ledger.next(needing: 10, terms, now: 60_010, .present)))
    #expect(back.adjust == -700)
  }

  @Test("with the store away nodes give together no more than the rate and a lease each")
  func localTogether() {
    var ledgers = [LeaseLedger](repeating: LeaseLedger(), count: 4)
    var given = 0
    for now in stride(from: 0, through: 60_000, by: 7) {
      for place in ledgers.indices { while ledgers[place].draw(3, terms, now: now, .away) { given += 3 } }
    }
    #expect(given <= 60_000 + 4 * terms.leaseMost && given >= 59_000)
  }

  @Test("with the store away a debt has to grow before anything is given, whatever it came from")
  func localDebt() {
    // A prompt of 10,000 on a lease of 500; then 100 s at a quarter of 1,000 a second give nothing more than what repays it.
    var big = LeaseLedger()
    var given = 0
    for now in stride(from: 0, through: 100_000, by: 100) where big.draw(10_000, terms, now: now, .away) {
      given += 10_000
    }
    #expect(given == 30_000)
    // An answer that turned out longer than what was drawn for it.
    var late = LeaseLedger()
    #expect(late.draw(1, terms, now: 0, .away) == false)
    #expect(late.draw(1, terms, now: 4, .away) == true)
    late.settle(charged: 1, true: 5001)
    #expect(late.draw(1, terms, now: 20_000, .away) == false)
    #expect(late.draw(1, terms, now: 20_012, .away) == true)
    // What the bucket owes, by what it said last: each node repays its part.
    var seen = LeaseLedger()
    _ = seen.draw(100, terms, now: 0, .present)
    _ = seen.next(needing: 100, terms, now: 0, .present)
    _ = seen.answered(reply(0, level: -8000, nodes: 4), sequence: 1, terms, now: 0)
    #expect(seen.draw(1, terms, now: 1, .away) == false)
    #expect(seen.draw(1, terms, now: 8000, .away) == false)
    #expect(seen.draw(1, terms, now: 8010, .away) == true)
  }

  @Test("a lease covers all who wait and what comes after them, as far as a lease goes")
  func leaseForAll() throws {
    var ledger = LeaseLedger()
    let first = try #require(request(ledger.next(needing: 5, waiting: 5, terms, now: 0, .present)))
    #expect(first.want == 20 && first.least == 20)
    _ = ledger.answered(reply(20), sequence: 1, terms, now: 0)
    for now in 0..<4 { #expect(ledger.draw(5, terms, now: now, .present) == true) }
    let second = try #require(request(ledger.next(needing: 5, waiting: 300, terms, now: 10, .present)))
    #expect((300...320).contains(second.want) && second.least == 20)
    _ = ledger.answered(reply(0), sequence: 2, terms, now: 10)
    let third = try #require(request(ledger.next(needing: 5, waiting: .max, terms, now: 200, .present)))
    #expect(third.want == terms.leaseMost)
  }

  @Test("`closed` gives nothing without the store, `open` everything, and counts it")
  func otherModes() {
    var closed = terms
    closed.absence = .closed
    var ledger = LeaseLedger()
    #expect(ledger.draw(1, closed, now: 60_000, .away) == false)
    var open = terms
    open.absence = .open
    #expect(ledger.draw(100_000, open, now: 60_000, .away) && ledger.debt == 100_000)
  }

  @Test("a quota without the store gives one node's part of what was left")
  func localQuota() {
    var quota = LeaseTerms(BucketTerms(quota: 10_000, left: 8000, expiryMilliseconds: 1))
    quota.nodesAssumed = 4
    quota.leaseMost = 5000
    var ledger = LeaseLedger()
    #expect(ledger.draw(2000, quota, now: 0, .away) && !ledger.draw(1, quota, now: 1_000_000, .away))
  }

  @Test("a stream draws a fair part where the store gives less than is wanted, else all; its rest goes back")
  func allowance() {
    var ledger = LeaseLedger()
    _ = ledger.draw(400, terms, now: 0, .present)
    _ = ledger.next(needing: 500, terms, now: 0, .present)
    _ = ledger.answered(reply(400), sequence: 1, terms, now: 0)
    var allowance = Allowance(ledger.drawSome(64, sharers: 10, terms, now: 0, .present))
    #expect(ledger.drawSome(64, sharers: 10, terms, now: terms.pauseMilliseconds, .present) == 64)
    #expect(
      allowance.left == 20 && allowance.spend(3) == .ample && allowance.spend(2) == .low && allowance.spend(14) == .low)
    #expect(allowance.spend(4) == .dry && allowance.left == -3 && allowance.spent == 23)
    allowance.add(10)
    #expect(allowance.standing == .low && allowance.close() == 7 && allowance.close() == 0)
    #expect(allowance.spend(.max) == .dry && allowance.spend(.max) == .dry)
  }

  @Test("the breaker counts failures in a row, then probes once a second")
  func breaker() {
    var breaker = StoreBreaker()
    #expect(!breaker.failed(now: 0) && !breaker.failed(now: 1) && !breaker.answered())
    #expect(!breaker.failed(now: 2) && !breaker.failed(now: 3) && breaker.maySend(now: 3))
    #expect(breaker.failed(now: 4) && breaker.condition == .away && !breaker.failed(now: 5))
    #expect(
      !breaker.maySend(now: 1003) && breaker.maySend(now: 1004) && !breaker.maySend(now: 1005)
        && breaker.maySend(now: 2004))
    #expect(breaker.answered() && breaker.condition == .present && breaker.maySend(now: 2005))
  }

  @Test("what a quota has refused is not asked again at once, but less than that is")
  func lessThanRefused() {
    let terms = LeaseTerms(BucketTerms(quota: 1_000_000, left: 100, expiryMilliseconds: 1))
    var ledger = LeaseLedger()
    let isDrawnAtOnce = ledger.draw(500, terms, now: 0, .present)
    #expect(!isDrawnAtOnce)
    #expect(request(ledger.next(needing: 500, terms, now: 0, .present))?.least == 500)
    let seen = BucketSnapshot(version: 1, level: 100, time: 0)
    let refusal = LeaseReply(grant: 0, seen: seen, waitMilliseconds: nil, nodes: 1, adopted: false)
    let isMore = ledger.answered(refusal, sequence: 1, terms, now: 0)
    #expect(!isMore)
    #expect(request(ledger.next(needing: 500, terms, now: 1, .present)) == nil)
    #expect(request(ledger.next(needing: 80, terms, now: 1, .present))?.least == 80)
    let grant = LeaseReply(
      grant: 80, seen: BucketSnapshot(version: 2, level: 20, time: 0), waitMilliseconds: 0, nodes: 1, adopted: false)
    let isGranted = ledger.answered(grant, sequence: 2, terms, now: 1)
    let isDrawn = ledger.draw(80, terms, now: 1, .present)
    #expect(isGranted && isDrawn)
    // Nothing was refused since: whatever is needed now may be there.
    #expect(request(ledger.next(needing: 200, terms, now: 2, .present))?.least == 200)
  }

  @Test("an array in blocks holds what was put, across blocks, and changes in place")
  func blocks() {
    var array = BlockArray<Int>()
    for number in 0..<3000 { array.append(number) }
    for index in array.indices { array[index] *= 2 }
    #expect(array.count == 3000 && (0..<3000).allSatisfy { array[$0] == 2 * $0 })
    let copy = array
    array[1023] = -1
    #expect(copy[1023] == 2046 && array[1023] == -1)
  }
}
