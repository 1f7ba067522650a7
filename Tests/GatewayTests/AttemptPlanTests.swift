import Testing

@testable import Gateway

@Suite("The plan of attempts")
struct AttemptPlanTests {
  static let failures: [AttemptPlan.Failure] = [.noSession, .staleSession, .broken, .timedOut, .refusedByUpstream]

  @Test("never tries anything again once the client has content, whatever happened before")
  func contentEndsIt() {
    forEachPlan(depth: 3) { plan, others in
      for failure in Self.failures {
        var copy = plan
        #expect(copy.failed(failure, clientHasContent: true, otherEndpoints: others) == .giveUp)
      }
    }
  }

  @Test("ends after at most three attempts a candidate, whatever fails in whatever order")
  func terminates() {
    for candidates in 1...3 {
      for others in [false, true] {
        var longest = 0
        walk(AttemptPlan(candidateCount: candidates), others: others, depth: 0, longest: &longest)
        #expect(longest <= 3 * candidates, "\(candidates) candidates took \(longest)")
      }
    }
  }

  private func walk(_ plan: AttemptPlan, others: Bool, depth: Int, longest: inout Int) {
    longest = max(longest, depth + 1)
    guard depth < 12 else { return }
    for failure in Self.failures {
      var next = plan
      next.began()
      #expect(next.attempts == plan.attempts + 1)
      switch next.failed(failure, clientHasContent: false, otherEndpoints: others) {
      case .giveUp: #expect(next.candidate == plan.candidate)
      case .next:
        #expect(next.candidate == plan.candidate + 1 && next.candidate < next.candidateCount)
        walk(next, others: others, depth: depth + 1, longest: &longest)
      case .again(let avoiding):
        #expect(next.candidate == plan.candidate)
        if avoiding { #expect(others && failure != .noSession && failure != .timedOut) }
        if !avoiding { #expect(failure == .staleSession) }
        walk(next, others: others, depth: depth + 1, longest: &longest)
      }
    }
  }

  private func forEachPlan(depth: Int, _ body: (AttemptPlan, Bool) -> Void) {
    for others in [false, true] {
      var plans = (1...3).map { AttemptPlan(candidateCount: $0) }
      for _ in 0..<depth {
        for plan in plans { body(plan, others) }
        plans = plans.flatMap { plan in
          Self.failures.map { failure in
            var next = plan
            next.began()
            _ = next.failed(failure, clientHasContent: false, otherEndpoints: others)
            return next
          }
        }
      }
    }
  }

  @Test("promises an alternative exactly when a refusal leads to one")
  func alternatives() {
    forEachPlan(depth: 4) { plan, others in
      var copy = plan
      let step = copy.failed(.refusedByUpstream, clientHasContent: false, otherEndpoints: others)
      #expect(plan.hasAlternative(otherEndpoints: others) == (step != .giveUp))
    }
  }

  @Test("a story: stale, then refused, then the other endpoint breaks, then the next candidate")
  func story() {
    var plan = AttemptPlan(candidateCount: 2)
    plan.began()
    #expect(
      plan.failed(.staleSession, clientHasContent: false, otherEndpoints: true) == .again(avoidingEndpoint: false))
    plan.began()
    #expect(
      plan.failed(.refusedByUpstream, clientHasContent: false, otherEndpoints: true) == .again(avoidingEndpoint: true))
    plan.began()
    #expect(plan.failed(.broken, clientHasContent: false, otherEndpoints: true) == .next)
    plan.began()
    #expect(plan.candidate == 1)
    #expect(plan.failed(.timedOut, clientHasContent: false, otherEndpoints: true) == .giveUp)
    #expect(plan.attempts == 4)
  }

  @Test("only 408, 429 and 5xx mean that another upstream may do better")
  func refusals() {
    for status in 100...599 {
      #expect(AttemptPlan.isRefusal(status) == (status == 408 || status == 429 || status >= 500))
    }
  }
}
