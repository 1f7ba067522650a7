internal import RateLimiting

/// Units go out and come back.
extension DistributedTokenBucket {
  /// Takes so many units, all or none, and has the store asked if there are too few; a store that answers at once has then been asked already.
  ///
  /// - Parameters:
  ///   - isRetry: it waits in the queue, and is the first there.
  ///   - isRunning: a stream that runs.
  func draw(_ subject: SubjectRef, _ amount: Int, isRetry: Bool, isRunning: Bool) -> Bool {
    draw(subject, amount, isRetry: isRetry, isRunning: isRunning, now, storage.condition)
  }

  /// The short way where all is in hand and nobody waits, else the long one.
  @inline(__always)
  func draw(
    _ subject: SubjectRef, _ amount: Int, isRetry: Bool, isRunning: Bool, _ now: Int, _ condition: StoreCondition
  ) -> Bool {
    let known = subjects.pointer(Int(subject.place))
    guard condition == .present, !hasQueue(known), known.pointee.ledger.drawInHand(amount, now: now)
    else { return drawSlowly(subject, amount, isRetry: isRetry, isRunning: isRunning, now, condition) }
    if !isAtRest(known, now, condition) { pump(subject.place, now, condition) }
    return true
  }

  @inline(never)
  private func drawSlowly(
    _ subject: SubjectRef, _ amount: Int, isRetry: Bool, isRunning: Bool, _ now: Int, _ condition: StoreCondition
  ) -> Bool {
    let index = Int(subject.place)
    let number = Int(subjects[index].active)
    if !isRetry, number >= 0, active[number].queue.mustWait(isRunning: isRunning) { return false }
    let terms = Int(subjects[index].terms)
    if subjects[index].ledger.draw(amount, self.terms[terms], now: now, condition) {
      pump(subject.place, now, condition)
      return true
    }
    pump(subject.place, wanted: amount, isRunning: isRunning, now, condition)
    guard subjects[index].ledger.draw(amount, self.terms[terms], now: now, storage.condition) else { return false }
    pump(subject.place)
    return true
  }

  /// The same as if the store were away: its last answer has not come in time, and who waited for it can wait no longer.
  func drawWithoutStore(_ subject: SubjectRef, _ amount: Int) -> Bool {
    let index = Int(subject.place)
    guard subjects[index].ledger.hasFailed || storage.condition == .away else { return false }
    return subjects[index].ledger.draw(amount, terms[Int(subjects[index].terms)], now: now, .away)
  }

  /// Takes what there is for a stream that runs, a fair part of it, and has more fetched.
  func drawSome(_ subject: SubjectRef, _ amount: Int, _ now: Int, _ condition: StoreCondition) -> Int {
    let index = Int(subject.place)
    let terms = Int(subjects[index].terms)
    let number = Int(subjects[index].active)
    // Who waits goes before who has something left.
    if number >= 0, active[number].queue.mustWait(isRunning: true) { return 0 }
    let sharers = number < 0 ? 1 : max(1, active[number].lookAhead.running)
    let part = subjects[index].ledger.drawSome(amount, sharers: sharers, self.terms[terms], now: now, condition)
    pump(subject.place, wanted: part == 0 ? 1 : 0, isRunning: true, now, condition)
    guard part == 0 else { return part }
    let later = subjects[index].ledger.drawSome(
      amount, sharers: sharers, self.terms[terms], now: now, storage.condition)
    if later > 0 { pump(subject.place) }
    return later
  }

  /// What was drawn for nothing.
  func giveBack(_ subject: SubjectRef, _ amount: Int) {
    guard isCurrent(subject) else { return }
    subjects[Int(subject.place)].ledger.giveBack(amount)
    noteHeldSoon(Int(subject.place))
    serveSoon(subject)
  }

  /// What came without having been drawn (above 0), or was drawn too much.
  func charge(_ subject: SubjectRef, _ amount: Int) {
    let index = Int(subject.place)
    if amount >= 0 {
      subjects[index].ledger.charge(amount, now: now)
    } else {
      subjects[index].ledger.giveBack(-amount)
      serveSoon(subject)
    }
    pump(subject.place)
  }

  /// Has a subject of which the store has not told yet asked ahead, so that several limits are asked at once.
  func askAhead(_ subject: SubjectRef, _ need: Int) {
    guard subjects[Int(subject.place)].ledger.seen.version == 0, storage.answerMilliseconds > 0 else { return }
    pump(subject.place, wanted: need)
  }

  /// Who waits here is served by the timer: the caller is in the middle of something.
  func serveSoon(_ subject: SubjectRef) {
    if hasQueue(subjects.pointer(Int(subject.place))) { arm(subject.place, now, now) }
  }

  // MARK: Who runs and who waits

  func join(_ subject: SubjectRef, id: UInt64, isRunning: Bool, need: Int, deadline: Int) -> Bool {
    let number = activate(Int(subject.place))
    let joined = active[number].queue.append(id: id, isRunning: isRunning, need: need, deadline: deadline)
    if joined { pump(subject.place) }
    return joined
  }

  func leaveQueue(_ subject: SubjectRef, id: UInt64) {
    let number = Int(subjects[Int(subject.place)].active)
    guard number >= 0 else { return }
    _ = active[number].queue.remove(id)
    if active[number].isIdle(now: now) { deactivate(Int(subject.place)) }
  }

  func firstWaiting(_ subject: SubjectRef) -> UInt64? { firstInQueue(Int(subject.place))?.id }

  // MARK: How it stands

  /// What the store had when it last told, and what is in hand; below zero in debt.
  func left(_ index: Int) -> Int {
    let subject = subjects.pointer(index)
    let terms = shortTerms.pointer(Int(subject.pointee.terms))
    return subject.pointee.ledger.left(burst: terms.pointee.burst, initial: terms.pointee.initial)
  }

  /// More has been drawn for a request that runs.
  func noteUnspent(_ subject: SubjectRef, _ amount: Int) {
    let number = Int(subjects.pointer(Int(subject.place)).pointee.active)
    if number >= 0 { active.pointer(number).pointee.unspent &+= amount }
  }

  /// What is left for whoever comes: as ``left(_:)``, but what a bucket has grown since the store told counts, and what running requests have drawn and not spent. Of a
  /// quota that the process itself keeps, what all its reactors hold; while a quota is in use it never rises.
  func shown(_ index: Int, _ terms: BucketTerms, isCalendar: Bool, unixTime: Int) -> Int {
    let subject = subjects.pointer(index)
    let number = Int(subject.pointee.active)
    let unspent = number < 0 ? 0 : active.pointer(number).pointee.unspent
    let seen = subject.pointee.ledger.seen
    var level = seen.version > 0 ? seen.level : terms.initial
    if terms.rate.isNone {
      if seen.version > 0, subject.pointee.ledger.nodesKnown > 1 {
        level = storage.levelNow(subject.pointee.id, without: node) ?? level
      }
    } else if seen.version > 0, level < terms.burst {
      let elapsed = min(max(0, unixTime &* 1000 &- seen.time), LeaseRate.periodMillisecondsMax)
      level = min(terms.burst, level + terms.rate.units(inMilliseconds: elapsed))
    }
    let sum = min(terms.burst, level + subject.pointee.ledger.balance + subject.pointee.ledger.unsettled + unspent)
    guard isCalendar, number >= 0 else { return max(0, sum) }
    let shown = min(max(0, sum), active.pointer(number).pointee.shownLeast)
    active.pointer(number).pointee.shownLeast = shown
    return shown
  }

  /// When so many units may be had at the earliest; nil if that is not known.
  ///
  /// - Parameter afterOthers: all that wait already are served before.
  func comesAt(_ subject: SubjectRef, _ need: Int, afterOthers: Bool, isRunning: Bool) -> Int? {
    let index = Int(subject.place)
    let number = Int(subjects[index].active)
    let before = !afterOthers || number < 0 ? 0 : active[number].queue.needInAll
    return subjects[index].ledger.comesAt(
      need, after: before, isRunning: isRunning, terms[Int(subjects[index].terms)], now: now, storage.condition)
  }

  func standing(_ subject: SubjectRef) -> BucketStanding {
    let place = subject.place
    let subject = subjects[Int(place)]
    let terms = terms[Int(subject.terms)]
    let ledger = subject.ledger
    let isKnown = ledger.seen.version > 0
    return BucketStanding(
      terms: terms, left: left(Int(place)),
      level: ledger.seen.level + min(0, ledger.balance) + min(0, ledger.unsettled),
      // What was refused before says nothing of what is being asked.
      refusedUntil: ledger.isAsking ? nil : ledger.refusedUntil(now: now), isKnown: isKnown,
      isWaitingForStore: ledger.isAsking)
  }
}

/// What the node knows of a bucket.
struct BucketStanding: Sendable {
  let terms: LeaseTerms
  /// What the store had when it last told, and what is in hand; below zero in debt.
  let left: Int
  /// What the store had, less what is owed.
  let level: Int
  let refusedUntil: Int?
  let isKnown: Bool
  let isWaitingForStore: Bool

  /// What could be had now.
  var remaining: Int { max(0, left) }
}
