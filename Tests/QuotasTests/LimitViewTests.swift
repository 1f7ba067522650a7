import RateLimiting
import Testing

@testable import Quotas

@Suite("What a view says is used")
struct LimitViewTests {
  @Test("a balance beyond the burst, however large, is none used; an empty bucket is all used")
  func usedAtTheEnds() {
    let terms = BucketTerms(rate: LeaseRate(1 << 40, perMilliseconds: 1000), burst: 7)
    for amount in [1, 7, 8, 1 << 52] {
      for remaining in [7, 8, 1 << 52, Int.max] {
        #expect(terms.used(of: amount, remaining: remaining) == max(0, amount > 7 ? 0 : amount - remaining))
      }
      #expect(terms.used(of: amount, remaining: 0) == amount)
    }
  }
}
