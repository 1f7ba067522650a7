internal import RateLimiting

/// What streams that run ask.
extension LimitDesk {
  func charge(_ share: AppliedShare, _ amount: Int) {
    guard amount != 0, let subject = share.subject else { return }
    bucket.here { $0.charge(subject, amount) }
  }

  /// A stream has run dry.
  ///
  /// It waits for more, as long as the limit's wait; but unless waiting is what the limit's `onExceeded` says, all its waits together last no longer than that.
  /// For else a stream on a small limit would be fed drop by drop for as long as it likes, and not be cut.
  func waitForMore(
    _ grant: LimitGrant, _ share: AppliedShare, need: Int, _ waiter: any LimitWaiter
  ) -> LimitStreamWait {
    guard let subject = share.subject else { return .more }
    let standing = bucket.here { $0.standing(subject) }
    var deadline = now + grant.waitMilliseconds(share)
    if standing.isWaitingForStore {
      deadline = max(deadline, now + storage.answerMilliseconds)
    }
    let isSpent = share.endsAt != nil && !standing.isWaitingForStore
    let comesAt = bucket.here((subject, need)) { $0.comesAt($1.0, $1.1, afterOthers: false, isRunning: true) }
    guard now < deadline, !isSpent, max(standing.refusedUntil ?? .min, comesAt ?? .min) <= deadline else {
      return .refused(refusal(share, need: need, beyond: need - 1))
    }
    let wait = makeWait(.stream(share, need: need), waiter)
    wait.grant = grant
    // First, for a store in the process may answer while it joins the queue.
    grant.waitBegan(wait.id)
    wait.subject = subject
    let id = wait.id.number
    let joined = bucket.here { $0.join(subject, id: id, isRunning: true, need: need, deadline: deadline) }
    guard joined else {
      wait.subject = nil
      grant.waitEnded()
      close(wait)
      return .refused(refusal(share, need: need, beyond: need - 1))
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
    grant.slots.forEach { slots.release($0) }
    if ending.wasCut, let cutBy = ending.cutBy { noteCut(grant.set.shares[cutBy].limit) }
    guard ending.isWhole, grant.set.model >= 0 else { return }
    let tokens = ending.usage.output + ending.usage.reasoning
    expectations[grant.set.model].ended(tokens: tokens, milliseconds: max(0, now - grant.beganAt))
  }
}
