internal import RateLimiting

/// What streams that run ask.
extension LimitDesk: LimitGrantOwner {
  func charge(_ share: AppliedShare, _ amount: Int) {
    guard amount != 0, let subject = share.subject else { return }
    bucket.here { $0.charge(subject, amount) }
  }

  func passed(_ usage: TokenUsage, _ grant: LimitGrant) { bucket.here((usage, grant)) { $0.passed($1.0, $1.1) } }

  func refill(_ grant: LimitGrant) -> (dry: Int?, isLow: Bool) { bucket.here(grant) { $0.refill($1) } }

  /// A stream has run dry.
  ///
  /// It waits for more, as long as the limit's wait; but unless waiting is what the limit's `onExceeded` says, all its waits together last no longer than that.
  /// For else a stream on a small limit would be fed drop by drop for as long as it likes, and not be cut.
  func waitForMore(
    _ grant: LimitGrant, _ share: AppliedShare, need: Int, _ waiter: any LimitWaiter
  ) -> LimitStreamWait {
    guard let subject = share.subject else { return .more }
    let standing = bucket.here { $0.standing(subject) }
    let comesAt = bucket.here((subject, need)) { $0.comesAt($1.0, $1.1, afterOthers: false, isRunning: true) }
    let deadline = max(now + grant.waitMilliseconds(share), answerDeadline(share, standing, comesAt))
    guard now < deadline, comesAt ?? standing.refusedUntil ?? .min <= deadline else {
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

  /// Until when the store's word is waited for, whatever the limit's wait: an answer that is under way, or one about a quota that has enough, as far as is known,
  /// and of which no more is in hand here.
  func answerDeadline(_ share: AppliedShare, _ standing: BucketStanding, _ comesAt: Int?) -> Int {
    if standing.isWaitingForStore { return now + storage.answerMilliseconds }
    guard share.endsAt != nil, comesAt == nil else { return .min }
    return now + storage.answerMilliseconds + standing.terms.pauseMilliseconds
  }

  func refill(_ wait: LimitWait, _ share: AppliedShare, _ need: Int) {
    guard let grant = wait.grant, let subject = share.subject else { return close(wait) }
    guard bucket.here({ $0.draw(subject, need, isRetry: true, isRunning: true) }) else {
      // What the store has said meanwhile may leave nothing to wait for.
      let comesAt = bucket.here((subject, need)) { $0.comesAt($1.0, $1.1, afterOthers: false, isRunning: true) }
      guard let comesAt, comesAt > wait.deadline else { return }
      grant.waitEnded()
      return finish(wait, .refused(refusal(share, need: need, beyond: need - 1)))
    }
    bucket.here { $0.noteUnspent(subject, need) }
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

  private func noteCut(_ limit: LimitPlan.Limit) {
    let number = limit.number
    if gauge.indices.contains(number), gauge[number].name == limit.name { gauge[number].cut += 1 }
  }
}
