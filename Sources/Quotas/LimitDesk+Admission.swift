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
    let set = limits(of: request)
    if let share = set.unpriced {
      deny(share)
      return .refused(refusalWithoutPrice(share))
    }
    let expectation = set.model < 0 ? OutputExpectation() : expectations[set.model]
    let need = need(request, expectation)
    let held = spareSlots(set)
    guard held.count == set.slotShares.count else {
      let pending = PendingAdmission(request, need, set, beganAt: now)
      pending.slots = held
      return conclude(pending, advance(pending), waiter)
    }
    let (grant, beginning) = begin(set, need)
    if case .begun(let clamped) = beginning {
      grant.begin(clampedMaxTokens: clamped, slots: held)
      return .admitted(grant)
    }
    let pending = PendingAdmission(request, need, set, beganAt: now)
    pending.slots = held
    return conclude(pending, judge(pending, grant, beginning), waiter)
  }

  @inline(__always)
  private func need(_ request: LimitRequest, _ expectation: OutputExpectation) -> RequestNeed {
    let least = request.mayCost ? 1 : 0
    guard request.isOnePiece else {
      let single = min(
        request.expectedOutput ?? expectation.expected(maxTokens: request.maxTokens), request.maxTokens ?? .max)
      return RequestNeed(
        promptTokens: request.promptTokens, expected: single * request.choices,
        horizonMilliseconds: expectation.milliseconds, maxTokens: request.maxTokens, choices: request.choices,
        outputMax: request.outputMax, images: request.images, least: least)
    }
    let single =
      request.expectedOutput
      ?? OutputReserve.onePiece(maxTokens: request.maxTokens, outputMax: request.outputMax, expectation)
    return RequestNeed(
      promptTokens: request.promptTokens, expected: single * request.choices,
      horizonMilliseconds: expectation.milliseconds(for: single), maxTokens: request.maxTokens,
      choices: request.choices, isOnePiece: true, outputMax: request.outputMax, images: request.images, least: least)
  }

  /// Slots that are there already, up to the first limit that has none.
  @inline(__always)
  private func spareSlots(_ set: LimitSet) -> SlotList {
    var held = SlotList()
    for place in 0..<set.slotShares.count {
      guard let slot = slots.acquireSpare(set.slotShares[place]) else { break }
      held.append(slot)
    }
    return held
  }

  private func conclude(
    _ pending: PendingAdmission, _ progress: Progress, _ waiter: (any LimitWaiter)?
  ) -> LimitAdmission {
    switch progress {
    case .admitted(let grant): return .admitted(grant)
    case .refused(let share, let refusal):
      deny(share)
      return .refused(refusal)
    case .units(let share, _, _), .slot(let share, _):
      guard let waiter else {
        giveUp(pending)
        deny(share)
        return .refused(refusal(share, need: units(progress)))
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

  private func units(_ progress: Progress) -> Int {
    if case .units(_, let need, _) = progress { need } else { 1 }
  }

  private func advance(_ pending: PendingAdmission) -> Progress {
    if let stop = takeSlots(pending) { return stop }
    let waitsAt = pending.wait?.subject
    let (grant, beginning) = begin(pending.set, pending.need, waitsAt: waitsAt, isLastTry: pending.isLastTry)
    return judge(pending, grant, beginning)
  }

  private func begin(
    _ set: LimitSet, _ need: RequestNeed, waitsAt: SubjectRef? = nil, isLastTry: Bool = false
  ) -> (LimitGrant, DistributedTokenBucket.Beginning) {
    let grant = LimitGrant(desk: self, set: set, promptTokens: need.promptTokens, beganAt: now)
    return (
      grant, bucket.here((grant, need, waitsAt, isLastTry)) { $0.begin($1.0, $1.1, waitsAt: $1.2, isLastTry: $1.3) }
    )
  }

  /// What comes of it that all limits have given, or one has not.
  private func judge(
    _ pending: PendingAdmission, _ grant: LimitGrant, _ beginning: DistributedTokenBucket.Beginning
  ) -> Progress {
    switch beginning {
    case .begun(let clamped):
      pending.isOver = true
      grant.begin(clampedMaxTokens: clamped, slots: pending.slots)
      return .admitted(grant)
    case .halted(let place, let need): return halt(pending, pending.set.shares[place], need)
    case .tooLarge(let place, let units):
      giveUp(pending)
      let share = pending.set.shares[place]
      return .refused(share, refusalOfPrompt(share, units: units))
    case .stale:
      pending.set = limitsAnew(of: pending.request)
      return advance(pending)
    }
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
      let deadline = pending.beganAt + pending.request.waitMilliseconds(rule)
      if now < deadline, !pending.isLastTry { return .slot(share, deadline: deadline) }
      giveUp(pending)
      return .refused(share, refusal(share, need: 1))
    }
    return nil
  }

  /// A limit has nothing: how long to wait for it.
  private func halt(_ pending: PendingAdmission, _ share: AppliedShare, _ need: Int) -> Progress {
    guard let subject = share.subject else { return .asked }
    let standing = bucket.here { $0.standing(subject) }
    // Who is new waits behind all others.
    let isNew = pending.wait?.subject != subject
    let comesAt = bucket.here((subject, need, isNew)) { $0.comesAt($1.0, $1.1, afterOthers: $1.2, isRunning: false) }
    let answersBy = pending.beganAt + Self.answersMax * storage.answerMilliseconds + standing.terms.pauseMilliseconds
    let deadline = max(
      pending.beganAt + pending.request.waitMilliseconds(share.limit.rule),
      min(answerDeadline(share, standing, comesAt), answersBy))
    let comesTooLate = max(standing.refusedUntil ?? .min, comesAt ?? .min) > deadline
    guard now < deadline, !pending.isLastTry, !comesTooLate else {
      giveUp(pending)
      return .refused(share, refusal(share, need: need))
    }
    return .units(share, need: need, deadline: deadline)
  }

  private func giveUp(_ pending: PendingAdmission) {
    pending.isOver = true
    pending.slots.forEach { slots.release($0) }
    pending.slots = SlotList()
  }

  private func deny(_ share: AppliedShare) {
    let number = share.limit.number
    // The plan may be another by now.
    if gauge.indices.contains(number), gauge[number].name == share.limit.name { gauge[number].denied += 1 }
  }

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
}

extension LimitDesk: LimitWaitOwner {
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
      wait.grant?.waitEnded()
      finish(wait, .refused(refusal(share, need: need, beyond: need - 1)))
    }
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

extension LimitRequest {
  /// How long it waits for that limit.
  func waitMilliseconds(_ rule: LimitRule) -> Int {
    hasAlternative && rule.exceeded == .fallback ? 0 : rule.waitMilliseconds
  }
}
