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
  func settle(_ grant: LimitGrant, _ ending: LimitEnding) {
    bucket.here((grant, ending)) { $0.settle($1.0, $1.1) }
    for slot in grant.slots { slots.release(slot) }
    if ending.wasCut, let cutBy = ending.cutBy { noteCut(grant.set.shares[cutBy].limit) }
    guard ending.isWhole, grant.set.model >= 0 else { return }
    let tokens = ending.usage.output + ending.usage.reasoning
    expectations[grant.set.model].ended(tokens: tokens, milliseconds: max(0, now - grant.beganAt))
  }
}
