internal import RateLimiting

/// Units go out and come back.
extension DistributedTokenBucket {
  /// Takes so many units, all or none, and has the store asked if there are too few; a store that answers at once has then been asked already.
  ///
  /// - Parameters:
  ///   - isRetry: it waits in the queue, and is the first there.
  ///   - isRunning: a stream that runs.
  func draw(_ subject: SubjectRef, _ amount: Int, isRetry: Bool, isRunning: Bool) -> Bool {
    let index = Int(subject.place)
    if !isRetry, active[subject.place]?.queue.mustWait(isRunning: isRunning) == true { return false }
    let terms = terms[Int(subjects[index].terms)]
    if subjects[index].ledger.draw(amount, isRetry: isRetry, terms, now: now, storage.condition) {
      pump(subject.place)
      return true
    }
    pump(subject.place, wanted: amount, isRunning: isRunning)
    guard subjects[index].ledger.draw(amount, isRetry: true, terms, now: now, storage.condition) else { return false }
    pump(subject.place)
    return true
  }

  /// The same as if the store were away: its last answer has not come in time, and who waited for it can wait no longer.
  func drawWithoutStore(_ subject: SubjectRef, _ amount: Int) -> Bool {
    let index = Int(subject.place)
    guard subjects[index].ledger.hasFailed || storage.condition == .away else { return false }
    return subjects[index].ledger.draw(
      amount, isRetry: true, terms[Int(subjects[index].terms)], now: now, .away)
  }

  /// Takes what there is for a stream that runs, a fair part of it, and has more fetched.
  func drawSome(_ subject: SubjectRef, _ amount: Int) -> Int {
    let index = Int(subject.place)
    let terms = terms[Int(subjects[index].terms)]
    // Who waits goes before who has something left.
    guard active[subject.place]?.queue.mustWait(isRunning: true) != true else { return 0 }
    let sharers = max(1, active[subject.place]?.lookAhead.running ?? 1)
    let part = subjects[index].ledger.drawSome(amount, sharers: sharers, terms, now: now, storage.condition)
    pump(subject.place, wanted: part == 0 ? 1 : 0, isRunning: true)
    guard part == 0 else { return part }
    let later = subjects[index].ledger.drawSome(amount, sharers: sharers, terms, now: now, storage.condition)
    if later > 0 { pump(subject.place) }
    return later
  }

  /// What was drawn for nothing.
  func giveBack(_ subject: SubjectRef, _ amount: Int) {
    guard isCurrent(subject) else { return }
    subjects[Int(subject.place)].ledger.giveBack(amount)
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
  private func serveSoon(_ subject: SubjectRef) {
    if active[subject.place]?.queue.isEmpty == false { arm(subject.place, now) }
  }

  /// The truth is known.
  func settle(_ subject: SubjectRef, charged: Int, truth: Int) {
    let index = Int(subject.place)
    subjects[index].ledger.settle(charged: charged, true: truth)
    serveSoon(subject)
    pump(subject.place)
  }

  // MARK: Who runs and who waits

  /// Whether a request may begin, by what streams here expect.
  func looksAhead(_ subject: SubjectRef, prompt: Int, output: Int, horizonMilliseconds: Int) -> Bool {
    guard let lookAhead = active[subject.place]?.lookAhead else { return true }
    let subject = subjects[Int(subject.place)]
    return lookAhead.admits(
      prompt: prompt, output: output, horizonMilliseconds: horizonMilliseconds, subject.ledger,
      terms[Int(subject.terms)], now: now)
  }

  func began(_ subject: SubjectRef, output: Int) {
    active[subject.place, default: Active()].lookAhead.began(output: output)
  }

  func came(_ subject: SubjectRef, _ output: Int) { active[subject.place]?.lookAhead.came(output) }

  func ended(_ subject: SubjectRef, rest: Int, wasCut: Bool) {
    active[subject.place]?.lookAhead.ended(rest: rest, wasCut: wasCut)
    dropActive(subject)
  }

  func join(_ subject: SubjectRef, id: UInt64, isRunning: Bool, need: Int, deadline: Int) -> Bool {
    let joined = active[subject.place, default: Active()].queue.append(
      id: id, isRunning: isRunning, need: need, deadline: deadline)
    if joined { pump(subject.place) }
    return joined
  }

  func leaveQueue(_ subject: SubjectRef, id: UInt64) {
    _ = active[subject.place]?.queue.remove(id)
    dropActive(subject)
  }

  func firstWaiting(_ subject: SubjectRef) -> UInt64? { active[subject.place]?.queue.first?.id }

  private func dropActive(_ subject: SubjectRef) {
    if active[subject.place]?.isIdle == true { active[subject.place] = nil }
  }

  // MARK: How it stands

  func standing(_ subject: SubjectRef) -> BucketStanding {
    let subject = subjects[Int(subject.place)]
    let terms = terms[Int(subject.terms)]
    let isKnown = subject.ledger.seen.version > 0
    let ledger = subject.ledger
    let left = (isKnown ? ledger.seen.level : terms.bucket.initial) + ledger.balance + ledger.unsettled
    return BucketStanding(
      terms: terms, left: min(terms.bucket.burst, left),
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
