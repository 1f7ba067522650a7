internal import RateLimiting

/// How a limit stands, for the headers `x-ratelimit-*`: what this node knows, never more than one lease behind, without asking the store.
public struct LimitView: Sendable, Hashable {
  /// The limit's amount.
  public let limit: Int
  /// What is left: the whole amount of a limit that is idle, 0 of one that has nothing; with ``LimitRefusal/used`` it makes the amount. Exact for quotas and for
  /// requests. Of tokens in a sliding window only the burst can be had at once, and this tells how full that is, as a part of the amount.
  public let remaining: Int
  /// Milliseconds until it is whole again.
  public let resetMilliseconds: Int
}

/// The tightest limits of a request by what they count.
public struct LimitViews: Sendable, Hashable {
  /// Of requests.
  public var requests: LimitView?
  /// Of tokens.
  public var tokens: LimitView?

  /// Keeps the tighter one.
  mutating func add(_ view: LimitView, isRequests: Bool) {
    let known = isRequests ? requests : tokens
    if let known, known.remaining <= view.remaining { return }
    if isRequests { requests = view } else { tokens = view }
  }
}

extension DistributedTokenBucket {
  /// How the limits of a set stand: nothing is allocated, for the headers of every answer tell it.
  func views(_ set: LimitSet, unixTime: Int) -> LimitViews {
    var views = LimitViews()
    for place in set.terms.indices {
      let terms = set.terms[place]
      guard terms.kind != .money, isCurrent(terms.subject) else { continue }
      let index = Int(terms.subject.place)
      let bucket = self.terms[Int(subjects[index].terms)].bucket
      let remaining = shown(index, bucket, isCalendar: terms.isCalendar, unixTime: unixTime)
      let used = bucket.used(of: terms.amount * terms.scale, remaining: remaining)
      let view = LimitView(
        limit: terms.amount, remaining: terms.amount - (terms.scale == 1 ? used : used / terms.scale),
        resetMilliseconds: terms.isCalendar
          ? max(0, set.endsAt(place) - unixTime) * 1000 : bucket.resetMilliseconds(remaining: remaining))
      views.add(view, isRequests: terms.kind == .requests)
    }
    return views
  }
}

extension BucketStanding {
  /// Milliseconds until it is whole again.
  func resetMilliseconds(endsAt: Int?, unixTime: Int) -> Int {
    if let endsAt { return max(0, endsAt - unixTime) * 1000 }
    return terms.bucket.resetMilliseconds(remaining: remaining)
  }

  /// Milliseconds until so many units may be had.
  func retryMilliseconds(for need: Int, endsAt: Int?, unixTime: Int) -> Int {
    if let endsAt { return max(0, endsAt - unixTime) * 1000 }
    let bucket = terms.bucket
    let need = min(max(1, need), terms.drawMax(.present)) + terms.keptForRunning
    return max(1, bucket.rate.milliseconds(for: need - level, max: BucketTerms.waitMillisecondsMax) ?? 0)
  }

  /// What is used of an amount.
  func used(of amount: Int) -> Int { terms.bucket.used(of: amount, remaining: remaining) }
}

extension BucketTerms {
  /// Milliseconds until a bucket that refills is whole again.
  func resetMilliseconds(remaining: Int) -> Int {
    guard remaining < burst else { return 0 }
    return rate.milliseconds(for: burst - remaining, max: Self.waitMillisecondsMax) ?? 0
  }

  /// What is used of an amount: of a sliding window as much as its bucket is empty.
  func used(of amount: Int, remaining: Int) -> Int {
    let burst = max(1, burst)
    guard amount > burst else { return max(0, amount - remaining) }
    let share = Double(min(max(0, remaining), burst)) / Double(burst)
    return max(0, amount - Int((share * Double(amount)).rounded()))
  }
}
