internal import RateLimiting

/// What streams that run ask.
extension LimitDesk {
  func came(_ share: AppliedShare, _ output: Int) {
    guard output > 0, let subject = share.subject else { return }
    bucket.here { $0.came(subject, output) }
  }

  func drawSome(_ share: AppliedShare, _ amount: Int) -> Int {
    guard let subject = share.subject else { return 0 }
    return bucket.here { $0.drawSome(subject, amount) }
  }

  func draw(_ share: AppliedShare, _ amount: Int) -> Bool {
    guard let subject = share.subject else { return false }
    return bucket.here { $0.draw(subject, amount, isRetry: false, isRunning: true) }
  }

  func charge(_ share: AppliedShare, _ amount: Int) {
    guard amount != 0, let subject = share.subject else { return }
    bucket.here { $0.charge(subject, amount) }
  }

  /// A stream has run dry.
  func waitForMore(
    _ grant: LimitGrant, _ share: AppliedShare, need: Int, _ waiter: any LimitWaiter
  ) -> LimitStreamWait {
    guard let subject = share.subject else { return .more }
    let standing = bucket.here { $0.standing(subject) }
    var deadline = now + share.limit.rule.waitMilliseconds
    if standing.isWaitingForStore {
      deadline = max(deadline, now + storage.answerMilliseconds)
    }
    let isSpent = share.endsAt != nil && !standing.isWaitingForStore
    guard now < deadline, !isSpent, (standing.refusedUntil ?? .min) <= deadline else {
      return .refused(refusal(share, need: need))
    }
    let wait = makeWait(.stream(share, need: need), waiter)
    wait.grant = grant
    wait.subject = subject
    let id = wait.id.number
    let joined = bucket.here { $0.join(subject, id: id, isRunning: true, need: need, deadline: deadline) }
    guard joined else {
      wait.subject = nil
      close(wait)
      return .refused(refusal(share, need: need))
    }
    if !wait.isOver { arm(wait, deadline) }
    return .waiting(wait.id)
  }

  func refill(_ wait: LimitWait, _ share: AppliedShare, _ need: Int) {
    guard let grant = wait.grant, let subject = share.subject else { return close(wait) }
    guard bucket.here({ $0.draw(subject, need, isRetry: true, isRunning: true) }) else { return }
    grant.refilled(need)
    finish(wait, .more)
  }

  /// A request has ended: each limit learns the truth, slots come free.
  func settle(_ settlement: Settlement) {
    for share in settlement.shares {
      guard let subject = share.applied.subject else { continue }
      let truth = settlement.isAbandoned ? 0 : share.applied.cost.units(of: settlement.usage)
      // A cut is held against the limit that made it alone.
      let wasCut = settlement.wasCut && settlement.cutBy ?? share.applied.limit.number == share.applied.limit.number
      bucket.here {
        guard $0.isCurrent(subject) else { return }
        $0.ended(subject, rest: share.reserved, wasCut: wasCut)
        $0.settle(subject, charged: share.charged, truth: truth)
      }
    }
    for slot in settlement.slots { slots.release(slot) }
    if settlement.wasCut, let cutBy = settlement.cutBy { noteCut(cutBy) }
    if settlement.isWhole { learn(settlement) }
  }

  private func learn(_ settlement: Settlement) {
    let tokens = settlement.usage.output + settlement.usage.reasoning
    guard expectations[settlement.model] != nil || expectations.count < Self.modelsMax else { return }
    expectations[settlement.model, default: OutputExpectation()].ended(
      tokens: tokens, milliseconds: max(0, now - settlement.beganAt))
  }
}
