internal import COpenSSL
internal import RateLimiting

/// Which limits are for a request.
extension LimitDesk {
  /// The limits that are for the request, as they were found before, or anew when a period has ended.
  func limits(of request: LimitRequest) -> LimitSet {
    var hash: UInt = 0
    var index = 0
    for part in plan.orderedParts {
      hash = recent.note(request.facts.value(of: part), at: index, after: hash)
      index += 1
    }
    hash = recent.note(request.model, at: index, after: hash)
    let known = recent.find(hash)
    if let known, isCurrent(known) { return known }
    let set = limitsByText(of: request)
    recent.keep(set, values, isNew: known != nil)
    return set
  }

  /// Whether none of its periods has ended.
  @inline(__always)
  private func isCurrent(_ set: LimitSet) -> Bool { set.endsAt == .max || unixTime() < set.endsAt }

  /// The same by what the values say; these are kept.
  private func limitsByText(of request: LimitRequest) -> LimitSet {
    let count = plan.orderedParts.count
    // Written in place: emptying and filling cost as much as the look-up.
    if values.count != count + 1 { values = ContiguousArray(repeating: nil, count: count + 1) }
    var hash: UInt64?
    for index in 0..<count {
      let value = request.facts.value(of: plan.orderedParts[index])
      hash = sets.hash(value, after: hash)
      values[index] = value
    }
    // Prices and lengths of answers are by the model that serves, whatever tells subjects apart.
    let whole = sets.hash(request.model, after: hash)
    values[count] = request.model
    if let known = sets.find(whole, values), isCurrent(known) { return known }
    return resolve(request, whole)
  }

  /// The same, found anew: a subject has been dropped.
  func limitsAnew(of request: LimitRequest) -> LimitSet {
    recent.removeAll()
    return resolve(request, limitsByText(of: request).hash)
  }

  /// For the values that have just been looked up.
  private func resolve(_ request: LimitRequest, _ hash: UInt64) -> LimitSet {
    let unixTime = unixTime()
    bucket.here { $0.kept.removeAll(keepingCapacity: true) }
    let applied = plan.limits.compactMap { resolve($0, request, unixTime) }
    // Who shares a subject for want of room may have its own when there is room again.
    let validUntil = applied.contains(where: \.isShared) ? unixTime + Self.sharedSeconds : .max
    let set = LimitSet(
      hash: hash, values: values, model: place(ofModel: request.model), applied, validUntil: validUntil)
    sets.keep(set)
    return set
  }

  private func resolve(_ limit: LimitPlan.Limit, _ request: LimitRequest, _ unixTime: Int) -> AppliedShare? {
    guard let applied = limit.rule.applied(to: request.facts, digest: Self.digest) else { return nil }
    guard !limit.isConcurrency else {
      let isShared = !slots.hasRoom(for: applied.id, most: limit.rule.subjectsMax)
      if isShared { noteShared(limit) }
      return AppliedShare(
        limit: limit, subject: nil, id: isShared ? applied.sharedID : applied.id, amount: applied.amount, endsAt: nil,
        cost: .free, isShared: isShared)
    }
    let (terms, suffix, endsAt) = limit.rule.terms(amount: applied.amount, unixTime: unixTime)
    var id = applied.id + suffix
    let bounds = (of: limit.name, most: limit.rule.subjectsMax, inAll: plan.subjectsMax)
    let own = bucket.here { $0.subject(id, terms: $0.register(terms), bounds) }
    if own == nil {
      noteShared(limit)
      id = applied.sharedID + suffix
    }
    let subject = own ?? bucket.here { $0.sharedSubject(id, terms: $0.register(terms)) }
    return AppliedShare(
      limit: limit, subject: subject, id: id, amount: applied.amount, endsAt: endsAt,
      cost: plan.cost(limit, model: request.model), isShared: own == nil,
      reservedMost: OutputReserve.most(terms.bucket))
  }

  /// A subject has no room of its own: it is counted, and told once a limit.
  private func noteShared(_ limit: LimitPlan.Limit) {
    guard gauge.indices.contains(limit.number) else { return }
    gauge[limit.number].shared &+= 1
    if gauge[limit.number].shared == 1 { onEvent(.subjectsFull(limit: limit.name, most: limit.rule.subjectsMax)) }
  }

  /// So long a subject that shares another's bucket keeps to it.
  private static let sharedSeconds = 10

  /// SHA-256 in hexadecimal digits, half of it.
  private static func digest(_ text: String) -> String {
    var hash = [UInt8](repeating: 0, count: 32)
    let bytes = Array(text.utf8)
    _ = SHA256(bytes, bytes.count, &hash)
    let digits = Array("0123456789abcdef".utf8)
    return String(decoding: hash.prefix(16).flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
  }

  // MARK: How they stand

  /// How the limits of such a request stand, for the headers of a refusal.
  public func views(_ request: LimitRequest) -> LimitViews { views(limits(of: request)) }

  func views(_ set: LimitSet) -> LimitViews {
    bucket.here((set, unixTime())) { $0.views($1.0, unixTime: $1.1) }
  }

  /// A refusal by that limit.
  ///
  /// - Parameter beyond: units that have passed and are not drawn yet.
  func refusal(_ share: AppliedShare, need: Int, beyond: Int = 0) -> LimitRefusal {
    let unixTime = unixTime()
    let isAway = storage.condition == .away
    guard let subject = share.subject else {
      return LimitRefusal(
        limit: share.limit.name, subjectClass: share.limit.subjectClass, unit: .concurrency, used: share.amount,
        allowed: share.amount, resetMilliseconds: 0, retryAfterMilliseconds: 1000, code: .rateLimitExceeded,
        exceeded: share.limit.rule.exceeded, cause: isAway ? .storeAway : .used)
    }
    let standing = bucket.here { $0.standing(subject) }
    let scale = share.limit.unitScale
    let retry = standing.retryMilliseconds(for: need, endsAt: share.endsAt, unixTime: unixTime)
    return LimitRefusal(
      limit: share.limit.name, subjectClass: share.limit.subjectClass, unit: share.limit.unit,
      used: (standing.used(of: share.amount * scale) + max(0, beyond)) / scale, allowed: share.amount,
      resetMilliseconds: standing.resetMilliseconds(endsAt: share.endsAt, unixTime: unixTime),
      retryAfterMilliseconds: isAway ? Self.retryWhileAway : retry,
      code: share.endsAt == nil || isAway ? .rateLimitExceeded : .insufficientQuota,
      exceeded: share.limit.rule.exceeded, cause: isAway ? .storeAway : .used)
  }

  /// A refusal for a model of which it is not known what it costs.
  func refusalWithoutPrice(_ share: AppliedShare) -> LimitRefusal {
    let usual = refusal(share, need: 1)
    return LimitRefusal(
      limit: usual.limit, subjectClass: usual.subjectClass, unit: usual.unit, used: usual.used, allowed: usual.allowed,
      resetMilliseconds: usual.resetMilliseconds, retryAfterMilliseconds: usual.retryAfterMilliseconds,
      code: usual.code, exceeded: usual.exceeded, cause: .noPrice)
  }

  /// A refusal for a prompt that is larger than the whole limit: it never comes to fit.
  func refusalOfPrompt(_ share: AppliedShare, units: Int) -> LimitRefusal {
    let usual = refusal(share, need: 1)
    return LimitRefusal(
      limit: usual.limit, subjectClass: usual.subjectClass, unit: usual.unit, used: usual.used, allowed: usual.allowed,
      resetMilliseconds: usual.resetMilliseconds, retryAfterMilliseconds: BucketTerms.waitMillisecondsMax,
      code: .rateLimitExceeded, exceeded: usual.exceeded, cause: .promptTooLarge(units / share.limit.unitScale))
  }

  /// A store that does not answer is asked again each second.
  private static let retryWhileAway = 1000
}
