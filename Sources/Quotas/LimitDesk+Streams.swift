internal import RateLimiting

/// What streams that run ask.
extension LimitDesk {
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
    bucket.here { $0.settle(settlement) }
    for slot in settlement.slots { slots.release(slot) }
    if settlement.wasCut, let cutBy = settlement.cutBy { noteCut(settlement.set.shares[cutBy].limit) }
    if settlement.isWhole { learn(settlement) }
  }

  private func learn(_ settlement: Settlement) {
    let tokens = settlement.usage.output + settlement.usage.reasoning
    guard settlement.set.model >= 0 else { return }
    expectations[settlement.set.model].ended(tokens: tokens, milliseconds: max(0, now - settlement.beganAt))
  }
}
