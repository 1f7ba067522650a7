internal import COpenSSL
internal import RateLimiting

/// Which limits are for a request.
extension LimitDesk {
  func applied(to request: LimitRequest) -> [AppliedShare] {
    var shares: [AppliedShare] = []
    shares.reserveCapacity(plan.limits.count)
    let unixTime = unixTime()
    for limit in plan.limits {
      if let share = applied(limit, request, unixTime) { shares.append(share) }
    }
    return shares
  }

  private func applied(_ limit: LimitPlan.Limit, _ request: LimitRequest, _ unixTime: Int) -> AppliedShare? {
    let number = limit.number
    if unixTime >= appliedCaches[number].endsAt || appliedCaches[number].known.count >= Self.resolvedMax {
      appliedCaches[number] = AppliedCache()
    }
    var values = limit.parts.map { request.facts.value(of: $0) }
    // Prices are by the model that serves, whatever the subject.
    if case .money = limit.rule.quantity { values.append(request.model) }
    if let known = appliedCaches[number].known[values] {
      guard let known else { return nil }
      guard let subject = known.subject else { return known }
      if bucket.here({ $0.isCurrent(subject) }) { return known }
    }
    let share = resolve(limit, request, unixTime)
    appliedCaches[number].known[values] = .some(share)
    if let endsAt = share?.endsAt { appliedCaches[number].endsAt = endsAt }
    return share
  }

  private func resolve(_ limit: LimitPlan.Limit, _ request: LimitRequest, _ unixTime: Int) -> AppliedShare? {
    guard let applied = limit.rule.applied(to: request.facts, digest: Self.digest) else { return nil }
    guard !limit.isConcurrency else {
      return AppliedShare(limit: limit, subject: nil, id: applied.id, amount: applied.amount, endsAt: nil, cost: .free)
    }
    let (terms, suffix, endsAt) = limit.rule.terms(amount: applied.amount, unixTime: unixTime)
    let id = applied.id + suffix
    let subject = bucket.here { $0.subject(id, terms: $0.register(terms)) }
    return AppliedShare(
      limit: limit, subject: subject, id: id, amount: applied.amount, endsAt: endsAt,
      cost: plan.cost(limit, model: request.model))
  }

  /// SHA-256 in hexadecimal digits, half of it.
  private static func digest(_ text: String) -> String {
    var hash = [UInt8](repeating: 0, count: 32)
    let bytes = Array(text.utf8)
    _ = SHA256(bytes, bytes.count, &hash)
    let digits = Array("0123456789abcdef".utf8)
    return String(decoding: hash.prefix(16).flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
  }

  // MARK: How they stand

  func views(_ shares: [AppliedShare]) -> LimitViews {
    var views = LimitViews()
    let unixTime = unixTime()
    for share in shares {
      guard let subject = share.subject, bucket.here({ $0.isCurrent(subject) }) else { continue }
      if case .money = share.limit.rule.quantity { continue }
      let standing = bucket.here { $0.standing(subject) }
      let view = LimitView(
        name: share.limit.name, limit: share.amount, remaining: standing.remaining / share.limit.unitScale,
        resetMilliseconds: standing.resetMilliseconds(endsAt: share.endsAt, unixTime: unixTime))
      views.add(view, isRequests: share.limit.isRequests)
    }
    return views
  }

  /// A refusal by that limit.
  func refusal(_ share: AppliedShare, need: Int) -> LimitRefusal {
    let unixTime = unixTime()
    guard let subject = share.subject else {
      return LimitRefusal(
        limit: share.limit.name, subjectClass: share.limit.subjectClass, unit: .concurrency, used: share.amount,
        allowed: share.amount, resetMilliseconds: 0, retryAfterMilliseconds: 1000, code: .rateLimitExceeded,
        exceeded: share.limit.rule.exceeded)
    }
    let standing = bucket.here { $0.standing(subject) }
    let scale = share.limit.unitScale
    return LimitRefusal(
      limit: share.limit.name, subjectClass: share.limit.subjectClass, unit: share.limit.unit,
      used: standing.used(of: share.amount * scale) / scale, allowed: share.amount,
      resetMilliseconds: standing.resetMilliseconds(endsAt: share.endsAt, unixTime: unixTime),
      retryAfterMilliseconds: standing.retryMilliseconds(for: need, endsAt: share.endsAt, unixTime: unixTime),
      code: share.endsAt == nil ? .rateLimitExceeded : .insufficientQuota, exceeded: share.limit.rule.exceeded)
  }
}
