import TestKit
import Testing

@testable import RateLimiting

@Suite("Short ways")
struct ShortWayTests {
  @Test("drawing, resting and beginning the short way decide as the long way does, whatever went before")
  func equal() {
    var drawn = 0
    var rested = 0
    var begun = 0
    withSeeds(400) { generator in
      let bucket =
        Bool.random(using: &generator)
        ? BucketTerms(rate: LeaseRate(.random(in: 1...100_000, using: &generator), perMilliseconds: 1000), burst: 5000)
        : BucketTerms(quota: .random(in: 1...1_000_000, using: &generator), expiryMilliseconds: 86_400_000)
      let terms = LeaseTerms(bucket)
      var ledger = LeaseLedger()
      var ahead = LookAhead()
      var now = 1000
      for _ in 0..<60 {
        now += Int.random(in: 0...(Bool.random(using: &generator) ? 3 : 1500), using: &generator)
        let amount = Int.random(in: -2...3000, using: &generator)
        var long = ledger
        var short = ledger
        if short.drawInHand(amount, now: now) {
          drawn += 1
          #expect(long.draw(amount, terms, now: now, .present) && Self.isSame(short, long))
        } else {
          #expect(Self.isSame(short, ledger))
        }
        var asked = ledger
        if ledger.isAtRest(terms.short, now: now) {
          rested += 1
          let until = ledger.isAsking ? Int.max : ledger.idleAt(terms.short)
          #expect(asked.next(needing: 0, terms, now: now, .present) == .rest(until: until))
          #expect(Self.isSame(asked, ledger))
        }
        let output = Int.random(in: 1...4000, using: &generator)
        if ahead.admitsAtOnce(prompt: amount, output: output, isQuota: bucket.rate.isNone, ledger) {
          begun += 1
          #expect(
            ahead.admits(
              prompt: amount, output: output, horizonMilliseconds: .random(in: 0...60_000, using: &generator), ledger,
              terms, now: now))
        }
        step(&ledger, &ahead, terms, now, &generator)
      }
    }
    // Otherwise nothing has been compared.
    #expect(drawn > 1000 && rested > 1000 && begun > 1000)
  }

  /// Something happens to a node's part of a bucket.
  private func step(
    _ ledger: inout LeaseLedger, _ ahead: inout LookAhead, _ terms: LeaseTerms, _ now: Int,
    _ generator: inout SeededGenerator
  ) {
    switch Int.random(in: 0..<8, using: &generator) {
    case 0: _ = ledger.draw(.random(in: 0...2000, using: &generator), terms, now: now, .present)
    case 1: _ = ledger.draw(.random(in: 0...2000, using: &generator), terms, now: now, .away)
    case 2:
      ledger.settle(charged: .random(in: 0...2000, using: &generator), true: .random(in: 0...2500, using: &generator))
    case 3: ledger.charge(.random(in: 0...200, using: &generator), now: now)
    case 4: ahead.began(output: .random(in: 0...4000, using: &generator))
    case 5:
      ahead.ended(rest: .random(in: 0...4000, using: &generator), wasCut: Bool.random(using: &generator), now: now)
    default:
      let need = Bool.random(using: &generator) ? 0 : Int.random(in: 0...3000, using: &generator)
      guard case .ask(let request) = ledger.next(needing: need, terms, now: now, .present) else { return }
      switch Int.random(in: 0..<4, using: &generator) {
      case 0: ledger.failed(sequence: request.sequence, terms, now: now)
      // It stays under way.
      case 1: break
      default:
        let level = Int.random(in: -1000...terms.bucket.burst, using: &generator)
        let reply = LeaseReply(
          grant: .random(in: 0...request.want, using: &generator),
          seen: BucketSnapshot(version: request.sequence, level: level, time: now),
          waitMilliseconds: nil, nodes: .random(in: 0...4, using: &generator), adopted: false)
        _ = ledger.answered(reply, sequence: request.sequence, terms, now: now)
      }
    }
    // What is under way is answered some time.
    if ledger.isAsking, Int.random(in: 0..<3, using: &generator) == 0 {
      ledger.failed(sequence: ledger.sequence, terms, now: now)
    }
  }

  private static func isSame(_ one: LeaseLedger, _ other: LeaseLedger) -> Bool {
    one.balance == other.balance && one.pace == other.pace && one.usedAt == other.usedAt && one.seen == other.seen
      && one.asking == other.asking && one.sequence == other.sequence && one.localLevel == other.localLevel
      && one.localAt == other.localAt && one.quietUntil == other.quietUntil
  }
}
