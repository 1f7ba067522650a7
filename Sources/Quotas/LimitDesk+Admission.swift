internal import RateLimiting
internal import Reactor

/// Whether a request may begin.
extension LimitDesk {
  /// How far a request came.
  enum Progress {
    case admitted(LimitGrant)
    case refused(AppliedShare, LimitRefusal)
    /// It is to wait for units.
    case units(AppliedShare, need: Int, deadline: Int)
    /// It is to wait for a slot.
    case slot(AppliedShare, deadline: Int)
    /// The store has been asked for a slot.
    case asked
  }

  /// So many answers of the store a request waits for at most, beyond its limits' waits: several limits may be asked one after the other.
  static let answersMax = 3

  /// Asks all limits that are for the request. All must admit; what some had given goes back when another refuses.
  ///
  /// Who waits does so for a store's answer (``BucketStorage/answerMilliseconds``, at most three times that), and beyond it at most the wait of the limit that has
  /// nothing.
  ///
  /// - Parameter waiter: told how a wait ends; nil never waits.
  public func admit(_ request: LimitRequest, waiter: (any LimitWaiter)?) -> LimitAdmission {
    reactor.assertOnReactor()
    let expectation = expectation(of: request.model)
    let single = min(
      request.expectedOutput ?? expectation.expected(maxTokens: request.maxTokens), request.maxTokens ?? .max)
    let pending = PendingAdmission(
      request, applied(to: request), expected: single * request.choices,
      horizonMilliseconds: expectation.milliseconds, beganAt: now)
    let progress = advance(pending)
    switch progress {
    case .admitted(let grant): return .admitted(grant)
    case .refused(let share, let refusal):
      deny(share)
      return .refused(refusal)
    case .units(let share, _, _), .slot(let share, _):
      guard let waiter else {
        giveUp(pending)
        deny(share)
        return .refused(refusal(share, need: share.subject == nil ? 1 : pending.draw(share)))
      }
      return begin(pending, progress, waiter)
    case .asked:
      guard let waiter else {
        giveUp(pending)
        return .refused(refusal(pending.slotShares[pending.slots.count], need: 1))
      }
      return begin(pending, progress, waiter)
    }
  }

  /// The waiter is not told any more; what it has been given goes back. Harmless when the wait is over.
  public func cancel(_ id: LimitWaitID) {
    guard let wait = waits[id.number] else { return }
    wait.isCancelled = true
    if case .admission(let pending) = wait.kind { giveUp(pending) }
    close(wait)
  }

  // MARK: One step

  private func advance(_ pending: PendingAdmission) -> Progress {
    if let stop = takeSlots(pending) { return stop }
    var drawn: [(subject: SubjectRef, amount: Int)] = []
    for index in pending.shares.indices {
      guard let share = current(pending, index), let subject = share.subject else { continue }
      let need = pending.draw(share)
      if mayBegin(pending, share, subject), draw(pending, subject, need) {
        drawn.append((subject, need))
        continue
      }
      for (subject, amount) in drawn { bucket.here { $0.giveBack(subject, amount) } }
      for later in pending.shares[(index + 1)...] {
        guard let subject = later.subject else { continue }
        let need = pending.draw(later)
        bucket.here { $0.askAhead(subject, need) }
      }
      return halt(pending, share, subject, need)
    }
    return grant(pending, drawn)
  }

  private func takeSlots(_ pending: PendingAdmission) -> Progress? {
    while pending.slots.count < pending.slotShares.count {
      let share = pending.slotShares[pending.slots.count]
      let rule = share.limit.rule
      if !pending.slotWasRefused, !slots.mustWait(share.id, waiter: pending.wait?.id.number ?? .max) {
        let outcome = slots.acquire(
          share.id, limit: share.amount, rule.absence, nodesAssumed: rule.nodesAssumed
        ) { [weak self] in self?.slotTold(pending, $0) }
        switch outcome {
        case .held(let slot):
          pending.slots.append(slot)
          continue
        case .asked: return .asked
        case .refused: break
        }
      }
      pending.slotWasRefused = false
      let deadline = pending.beganAt + rule.waitMilliseconds
      if now < deadline, !pending.isLastTry { return .slot(share, deadline: deadline) }
      giveUp(pending)
      return .refused(share, refusal(share, need: 1))
    }
    return nil
  }

  /// The share, its subject found anew if it was dropped while the request waited.
  private func current(_ pending: PendingAdmission, _ index: Int) -> AppliedShare? {
    if let subject = pending.shares[index].subject, bucket.here({ $0.isCurrent(subject) }) {
      return pending.shares[index]
    }
    let number = pending.shares[index].limit.number
    guard let fresh = applied(to: pending.request).first(where: { $0.limit.number == number }) else { return nil }
    pending.shares[index] = fresh
    return fresh
  }

  private func mayBegin(_ pending: PendingAdmission, _ share: AppliedShare, _ subject: SubjectRef) -> Bool {
    let output = pending.output(share)
    guard output > 0 else { return true }
    let prompt = pending.prompt(share)
    let horizon = pending.horizonMilliseconds
    return bucket.here { $0.looksAhead(subject, prompt: prompt, output: output, horizonMilliseconds: horizon) }
  }

  private func draw(_ pending: PendingAdmission, _ subject: SubjectRef, _ need: Int) -> Bool {
    let waitsHere = pending.wait?.subject == subject
    if bucket.here({ $0.draw(subject, need, isRetry: waitsHere, isRunning: false) }) { return true }
    return pending.isLastTry && bucket.here { $0.drawWithoutStore(subject, need) }
  }

  /// A limit has nothing: how long to wait for it.
  private func halt(
    _ pending: PendingAdmission, _ share: AppliedShare, _ subject: SubjectRef, _ need: Int
  ) -> Progress {
    let standing = bucket.here { $0.standing(subject) }
    var deadline = pending.beganAt + share.limit.rule.waitMilliseconds
    if standing.isWaitingForStore {
      let answer = storage.answerMilliseconds
      deadline = max(deadline, min(now + answer, pending.beganAt + Self.answersMax * answer))
    }
    // A quota does not grow while one waits.
    let isSpent = share.endsAt != nil && !standing.isWaitingForStore
    let comesTooLate = (standing.refusedUntil ?? .min) > deadline
    guard now < deadline, !pending.isLastTry, !isSpent, !comesTooLate else {
      giveUp(pending)
      return .refused(share, refusal(share, need: need))
    }
    return .units(share, need: need, deadline: deadline)
  }

  private func grant(_ pending: PendingAdmission, _ drawn: [(subject: SubjectRef, amount: Int)]) -> Progress {
    var clamp = OutputClamp()
    var tightest: AppliedShare?
    for (share, draw) in zip(pending.shares, drawn) where share.endsAt != nil {
      let standing = bucket.here { $0.standing(draw.subject) }
      let before = clamp
      clamp.bound(
        left: standing.left + draw.amount, prompt: pending.prompt(share),
        thousandthsPerToken: share.perThousand * pending.request.choices)
      if clamp != before { tightest = share }
    }
    var clamped: Int?
    switch clamp.answer(maxTokens: pending.request.maxTokens) {
    case .keep: break
    case .clamp(let most): clamped = most
    case .refuse:
      for (subject, amount) in drawn { bucket.here { $0.giveBack(subject, amount) } }
      giveUp(pending)
      if let tightest { return .refused(tightest, refusal(tightest, need: pending.draw(tightest))) }
    }
    pending.isOver = true
    var shares: ContiguousArray<LimitGrant.Share> = []
    for (share, draw) in zip(pending.shares, drawn) {
      let perThousand = share.perThousand
      let prompt = pending.prompt(share)
      let output = pending.output(share)
      bucket.here { $0.began(draw.subject, output: output) }
      shares.append(
        LimitGrant.Share(
          applied: share, charged: draw.amount, prompt: prompt,
          allowance: Allowance(
            draw.amount - prompt, lowAt: LimitGrant.units(LimitGrant.outputLow, perThousand)),
          reserved: output, perThousand: perThousand))
    }
    return .admitted(
      LimitGrant(
        desk: self, model: pending.request.model, promptTokens: pending.request.promptTokens, shares: shares,
        slots: pending.slots, clampedMaxTokens: clamped, beganAt: now))
  }

  private func giveUp(_ pending: PendingAdmission) {
    pending.isOver = true
    for slot in pending.slots { slots.release(slot) }
    pending.slots = []
  }

  private func deny(_ share: AppliedShare) {
    let number = share.limit.number
    // The plan may be another by now.
    if gauge.indices.contains(number), gauge[number].name == share.limit.name { gauge[number].denied += 1 }
  }

  func noteCut(_ number: Int) { if gauge.indices.contains(number) { gauge[number].cut += 1 } }

  // MARK: Waiting

  private func begin(
    _ pending: PendingAdmission, _ progress: Progress, _ waiter: any LimitWaiter
  ) -> LimitAdmission {
    let wait = makeWait(.admission(pending), waiter)
    pending.wait = wait
    if let (share, refusal) = settle(wait, pending, progress) {
      close(wait)
      deny(share)
      return .refused(refusal)
    }
    return .waiting(wait.id)
  }

  func makeWait(_ kind: LimitWait.Kind, _ waiter: any LimitWaiter) -> LimitWait {
    nextWait += 1
    let wait = LimitWait(LimitWaitID(number: nextWait), kind, waiter, self)
    waits[nextWait] = wait
    return wait
  }

  /// Puts the wait where it belongs; a refusal when there is no place for it.
  private func settle(
    _ wait: LimitWait, _ pending: PendingAdmission, _ progress: Progress
  ) -> (AppliedShare, LimitRefusal)? {
    switch progress {
    case .admitted, .refused: return nil
    case .asked:
      leaveQueues(wait)
      arm(wait, now + Self.answersMax * storage.answerMilliseconds)
    case .slot(let share, let deadline):
      leaveUnits(wait)
      if wait.slotID != share.id { leaveSlot(wait) }
      let rule = share.limit.rule
      wait.slotID = share.id
      guard
        slots.join(
          share.id, limit: share.amount, rule.absence, nodesAssumed: rule.nodesAssumed, waiter: wait.id.number)
      else {
        giveUp(pending)
        return (share, refusal(share, need: 1))
      }
      arm(wait, deadline)
    case .units(let share, let need, let deadline):
      leaveSlot(wait)
      arm(wait, deadline)
      guard wait.subject != share.subject, let subject = share.subject else { return nil }
      leaveUnits(wait)
      wait.subject = subject
      let id = wait.id.number
      guard bucket.here({ $0.join(subject, id: id, isRunning: false, need: need, deadline: deadline) }) else {
        wait.subject = nil
        giveUp(pending)
        return (share, refusal(share, need: need))
      }
    }
    return nil
  }

  private func resume(_ wait: LimitWait, _ pending: PendingAdmission) {
    guard !wait.isOver else { return }
    let progress = advance(pending)
    switch progress {
    case .admitted(let grant): finish(wait, .admitted(grant))
    case .refused(let share, let refusal):
      deny(share)
      finish(wait, .refused(refusal))
    case .units, .slot, .asked:
      guard let (share, refusal) = settle(wait, pending, progress) else { return }
      deny(share)
      finish(wait, .refused(refusal))
    }
  }

  private func slotTold(_ pending: PendingAdmission, _ slot: HeldSlot?) {
    guard !pending.isOver, let wait = pending.wait, !wait.isOver else {
      if let slot { slots.release(slot) }
      return
    }
    if let slot { pending.slots.append(slot) } else { pending.slotWasRefused = true }
    resume(wait, pending)
  }

  func expired(_ wait: LimitWait) {
    guard !wait.isOver else { return }
    switch wait.kind {
    case .admission(let pending):
      pending.isLastTry = true
      resume(wait, pending)
      // Only a slot that was asked for in this last try can be left.
      guard !wait.isOver, pending.slots.count < pending.slotShares.count else { return }
      let share = pending.slotShares[pending.slots.count]
      giveUp(pending)
      deny(share)
      finish(wait, .refused(refusal(share, need: 1)))
    case .stream(let share, let need):
      wait.grant?.waitFailed()
      finish(wait, .refused(refusal(share, need: need)))
    }
  }

  func finish(_ wait: LimitWait, _ result: LimitWaitResult) {
    close(wait)
    // Who is told may ask for something at once; whoever is at work here is to have ended.
    reactor.atEndOfTurn { wait.tell(result) }
  }

  func close(_ wait: LimitWait) {
    wait.isOver = true
    waits[wait.id.number] = nil
    leaveQueues(wait)
    if let timer = wait.timer { reactor.cancelTimer(timer) }
    wait.timer = nil
  }

  func arm(_ wait: LimitWait, _ deadline: Int) {
    if let timer = wait.timer { reactor.cancelTimer(timer) }
    let due = MonotonicTime(nanoseconds: UInt64(clamping: max(0, deadline)) * 1_000_000)
    wait.timer = reactor.startTimer(at: due, wait)
  }

  private func leaveQueues(_ wait: LimitWait) {
    leaveUnits(wait)
    leaveSlot(wait)
  }

  private func leaveUnits(_ wait: LimitWait) {
    guard let subject = wait.subject else { return }
    wait.subject = nil
    let id = wait.id.number
    bucket.here { $0.leaveQueue(subject, id: id) }
  }

  private func leaveSlot(_ wait: LimitWait) {
    guard let slotID = wait.slotID else { return }
    wait.slotID = nil
    slots.leave(slotID, waiter: wait.id.number)
  }
}

extension LimitDesk: BucketOwner {
  /// Serves who waits, in order, until the first that cannot be.
  func unitsMayHaveCome(_ subject: SubjectRef) {
    var previous: UInt64?
    while let id = bucket.here({ $0.firstWaiting(subject) }), id != previous {
      previous = id
      guard let wait = waits[id] else {
        bucket.here { $0.leaveQueue(subject, id: id) }
        continue
      }
      switch wait.kind {
      case .admission(let pending): resume(wait, pending)
      case .stream(let share, let need): refill(wait, share, need)
      }
    }
  }
}

extension LimitDesk: SlotBookOwner {
  func slotMayBeFree(_ waiter: UInt64) {
    guard let wait = waits[waiter], case .admission(let pending) = wait.kind else { return }
    resume(wait, pending)
  }
}
