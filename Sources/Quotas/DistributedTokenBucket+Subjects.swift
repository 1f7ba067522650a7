internal import RateLimiting

/// The table of subjects, which is bounded: what tells them apart is often a stranger's to choose.
///
/// Beyond its bound a newcomer takes the place of a subject that is idle: of some that are looked at, the one that is idle longest. One that owes something, that has streams
/// or that waits never goes; so nothing is forgiven. Where none can go, the newcomer shares a bucket with all others like it.
extension DistributedTokenBucket {
  /// Subjects that a new one has looked at to drop those that have expired, at most.
  private static let sweptMax = 4
  /// Subjects that are looked at to find one that makes room, at most.
  private static let candidatesMax = 64
  /// In place of a limit's number: it counts for none, and makes no room.
  private static let shared: Int16 = -1
  /// A subject of which nothing was ever drawn was made for a question, or for a request that another limit refused.
  private static let unusedSeconds: UInt8 = 2

  /// The place of a subject, made if there is none; one that is there takes the new terms. Nil if there is no room for one more.
  func subject(_ id: String, terms number: Int32, _ bounds: (of: String, most: Int, inAll: Int)) -> SubjectRef? {
    if let known = known(id, number) { return known }
    sweep()
    let limit = counts.number(of: bounds.of)
    let isFull = counts[limit] >= bounds.most
    if isFull || places.count >= bounds.inAll {
      guard makeRoom(of: isFull ? limit : nil) else { return nil }
    }
    // A quota's bucket outlives the subject here, to its period's end.
    if shortTerms[Int(number)].isQuota, !storage.hasRoom(for: id, most: bounds.most) { return nil }
    return make(id, number, limit)
  }

  /// The same for the bucket of those for whom there is no room, which is made in any case.
  func sharedSubject(_ id: String, terms number: Int32) -> SubjectRef {
    known(id, number) ?? make(id, number, Self.shared)
  }

  private func known(_ id: String, _ number: Int32) -> SubjectRef? {
    guard let index = places.find(id, { subjects.pointer($0).pointee.id == id }) else { return nil }
    let place = Int32(index)
    if subjects[index].terms != number {
      let old = terms[Int(subjects[index].terms)].bucket
      subjects[index].ledger.burstChanged(from: old, to: terms[Int(number)].bucket)
      subjects[index].terms = number
    }
    kept.append(place)
    return SubjectRef(place: place, generation: subjects[index].generation)
  }

  private func make(_ id: String, _ number: Int32, _ limit: Int16) -> SubjectRef {
    let place = free.popLast() ?? Int32(subjects.count)
    let generation = Int(place) == subjects.count ? 0 : subjects[Int(place)].generation
    var subject = Subject(id: id, generation: generation, terms: number)
    subject.limit = limit
    subject.madeAt = seconds
    if Int(place) == subjects.count { subjects.append(subject) } else { subjects[Int(place)] = subject }
    places.insert(id, at: Int(place))
    counts[limit] += 1
    kept.append(place)
    return SubjectRef(place: place, generation: generation)
  }

  private var seconds: UInt8 { UInt8(truncatingIfNeeded: now / 1000) }

  // MARK: Who goes

  /// Drops some that have expired: what they have seen of the store says nothing any more.
  private func sweep() {
    let now = now
    for _ in 0..<min(Self.sweptMax, subjects.count) {
      sweepAt = sweepAt + 1 < subjects.count ? sweepAt + 1 : 0
      let subject = subjects.pointer(sweepAt)
      guard isIdle(subject), subject.pointee.ledger.isEmpty else { continue }
      let usedAt = subject.pointee.ledger.lastUsedAt
      let expiry = terms[Int(subject.pointee.terms)].bucket.expiryMilliseconds(
        level: subject.pointee.ledger.seen.level)
      if usedAt == .min || usedAt + expiry <= now { drop(sweepAt) }
    }
  }

  /// Drops the one of some that is idle longest, of that limit if one is named.
  private func makeRoom(of limit: Int16?) -> Bool {
    var best: (place: Int, usedAt: Int)?
    for _ in 0..<min(Self.candidatesMax, subjects.count) {
      sweepAt = sweepAt + 1 < subjects.count ? sweepAt + 1 : 0
      let subject = subjects.pointer(sweepAt)
      guard subject.pointee.limit != Self.shared, limit == nil || subject.pointee.limit == limit, isIdle(subject),
        !kept.contains(Int32(sweepAt)),
        subject.pointee.ledger.balance >= 0, !subject.pointee.ledger.isAsking, !subject.pointee.ledger.hasFailed
      else { continue }
      // While the store is away, what is held could not be given back.
      guard subject.pointee.ledger.isEmpty || storage.condition == .present else { continue }
      let usedAt = subject.pointee.ledger.lastUsedAt
      if usedAt < best?.usedAt ?? .max { best = (sweepAt, usedAt) }
    }
    guard let best else { return false }
    giveBackAll(best.place)
    drop(best.place)
    counts.dropped &+= 1
    return true
  }

  /// Whether nobody uses it or waits for it.
  private func isIdle(_ subject: UnsafeMutablePointer<Subject>) -> Bool {
    guard !subject.pointee.id.isEmpty, subject.pointee.active < 0, !subject.pointee.isToBeNoted else { return false }
    return subject.pointee.ledger.lastUsedAt != .min || seconds &- subject.pointee.madeAt >= Self.unusedSeconds
  }

  private func drop(_ index: Int) {
    let subject = subjects.pointer(index)
    places.remove(subject.pointee.id, at: index)
    counts[subject.pointee.limit] -= 1
    subject.pointee.id = ""
    subject.pointee.ledger = LeaseLedger()
    subject.pointee.generation &+= 1
    free.append(Int32(index))
  }
}
