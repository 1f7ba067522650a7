import RateLimiting
import Testing

@Suite("Admission")
struct AdmissionTests {
  @Test("streams that run are served before new requests, each by age, and nobody overtakes")
  func queue() {
    var queue = AdmissionQueue(waitingMax: 2)
    #expect(queue.append(id: 1, isRunning: false, need: 500, deadline: 1000) == true)
    #expect(queue.append(id: 2, isRunning: false, need: 1, deadline: 500) == true)
    #expect(queue.append(id: 3, isRunning: false, need: 1, deadline: 500) == false)
    #expect(queue.mustWait(isRunning: false) && !queue.mustWait(isRunning: true))
    #expect(
      queue.append(id: 4, isRunning: true, need: 7, deadline: 700)
        && queue.append(id: 5, isRunning: true, need: 8, deadline: 900))
    #expect(queue.need == 7 && queue.needInAll == 516 && queue.count == 4 && queue.nextDeadline == 500)
    #expect(queue.expire(now: 499).isEmpty && queue.expire(now: 700).map(\.id).sorted() == [2, 4])
    #expect(queue.needInAll == 508)
    #expect(queue.removeFirst()?.id == 5 && queue.removeFirst()?.id == 1 && queue.removeFirst() == nil && queue.isEmpty)
    #expect(queue.needInAll == 0)
    #expect(queue.append(id: 6, isRunning: false, need: .max, deadline: 5) && queue.remove(6) && !queue.remove(6))
    #expect(queue.needInAll == 0)
  }

  @Test("looks ahead: streams begin only as far as their answers may be expected to fit")
  func lookAhead() {
    let terms = LeaseTerms(BucketTerms(rate: LeaseRate(1000, perMilliseconds: 1000), burst: 2000))
    let ledger = LeaseLedger()
    var lookAhead = LookAhead()
    var begun = 0
    while begun < 100, lookAhead.admits(prompt: 100, output: 500, horizonMilliseconds: 10_000, ledger, terms, now: 0) {
      lookAhead.began(output: 500)
      begun += 1
    }
    // 12,000 in ten seconds: 23 answers and a prompt.
    #expect(begun == 23)
    lookAhead.ended(rest: 500, wasCut: true, now: 0)
    #expect(lookAhead.factor(at: 0) == 0.9 && lookAhead.factor(at: 1000) > 0.92 && lookAhead.factor(at: 10_000) == 1)
    #expect(!lookAhead.admits(prompt: 100, output: 500, horizonMilliseconds: 10_000, ledger, terms, now: 0))
    for _ in 0..<22 { lookAhead.ended(rest: 500, wasCut: false, now: 0) }
    #expect(lookAhead.factor(at: 0) == 1 && lookAhead.running == 0 && lookAhead.reserved == 0)
    #expect(lookAhead.admits(prompt: 1_000_000, output: 1, horizonMilliseconds: 1, ledger, terms, now: 0))
  }

  @Test("looks ahead in a quota by what running streams have still to come")
  func lookAheadQuota() {
    let terms = LeaseTerms(BucketTerms(quota: 10_000, expiryMilliseconds: 1))
    var lookAhead = LookAhead()
    lookAhead.began(output: 9000)
    #expect(!lookAhead.admits(prompt: 600, output: 500, horizonMilliseconds: 1, LeaseLedger(), terms, now: 0))
    lookAhead.came(200)
    #expect(lookAhead.admits(prompt: 600, output: 500, horizonMilliseconds: 1, LeaseLedger(), terms, now: 0))
  }

  @Test("learns how long answers are, and how fast")
  func expectation() {
    var expectation = OutputExpectation(tokens: 500)
    #expect(expectation.expected(maxTokens: nil) == 500 && expectation.expected(maxTokens: 100) == 100)
    for _ in 0..<200 { expectation.ended(tokens: 2000, milliseconds: 20_000) }
    #expect((1990...2000).contains(expectation.expected(maxTokens: nil)))
    #expect((19_000...21_000).contains(expectation.milliseconds))
    expectation.ended(tokens: .max, milliseconds: .max)
    expectation.ended(tokens: -1, milliseconds: -1)
    #expect(expectation.expected(maxTokens: .min) == 1 && expectation.milliseconds > 0)
  }

  @Test("an answer in one piece reserves what it may cost, and never more than half of a bucket that refills")
  func reserve() {
    var learned = OutputExpectation(tokens: 500)
    #expect(OutputReserve.onePiece(maxTokens: 20_000, outputMax: nil, learned) == 20_000)
    #expect(OutputReserve.onePiece(maxTokens: 20_000, outputMax: 8192, learned) == 8192)
    #expect(OutputReserve.onePiece(maxTokens: .max, outputMax: nil, learned) == OutputReserve.tokensMax)
    #expect(OutputReserve.onePiece(maxTokens: nil, outputMax: 300, learned) == 300)
    for _ in 0..<200 { learned.ended(tokens: 20_000, milliseconds: 1000) }
    #expect(OutputReserve.onePiece(maxTokens: nil, outputMax: nil, learned) > 19_000)
    let minute = OutputReserve.most(BucketTerms(rate: LeaseRate(9000, perMilliseconds: 60_000), burst: 1000))
    #expect(OutputReserve.drawn(output: 20_000, ahead: 64, prompt: 100, most: minute) == 400)
    #expect(OutputReserve.drawn(output: 20_000, ahead: 64, prompt: 9000, most: minute) == 64)
    #expect(OutputReserve.drawn(output: 30, ahead: 30, prompt: 100, most: minute) == 30)
    let day = OutputReserve.most(BucketTerms(quota: 50_000, expiryMilliseconds: 1))
    #expect(OutputReserve.drawn(output: 20_000, ahead: 64, prompt: 9000, most: day) == 20_000)
  }

  @Test("clamps max_tokens to what is left, at least to one")
  func clamp() {
    var clamp = OutputClamp()
    #expect(clamp.answer(maxTokens: nil) == .keep)
    clamp.bound(left: 1000, prompt: 200, thousandthsPerToken: 1000)
    #expect(
      clamp.answer(maxTokens: nil) == .clamp(800) && clamp.answer(maxTokens: 800) == .keep
        && clamp.answer(maxTokens: 801) == .clamp(800))
    #expect(
      clamp.answer(maxTokens: nil, outputMax: 800) == .keep && clamp.answer(maxTokens: 900, outputMax: 800) == .keep)
    #expect(clamp.answer(maxTokens: nil, outputMax: 801) == .clamp(800))
    clamp.bound(left: 1000, prompt: 200, thousandthsPerToken: 4000)
    #expect(clamp.answer(maxTokens: nil) == .clamp(200))
    clamp.bound(left: 5, prompt: 0, thousandthsPerToken: 0)
    #expect(clamp.answer(maxTokens: nil) == .clamp(200))
    clamp.bound(left: .min, prompt: .max, thousandthsPerToken: 1)
    #expect(clamp.answer(maxTokens: 100) == .clamp(1) && clamp.answer(maxTokens: 0) == .keep)
  }
}
