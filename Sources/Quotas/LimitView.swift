internal import RateLimiting

/// How a limit stands, for the headers `x-ratelimit-*`: what this node knows, never more than one lease behind, without asking the store.
public struct LimitView: Sendable, Hashable {
  /// The limit's name.
  public let name: String
  /// Its amount.
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

extension BucketStanding {
  /// Milliseconds until it is whole again.
  func resetMilliseconds(endsAt: Int?, unixTime: Int) -> Int {
    if let endsAt { return max(0, endsAt - unixTime) * 1000 }
    let bucket = terms.bucket
    return bucket.rate.milliseconds(for: bucket.burst - remaining, max: BucketTerms.waitMillisecondsMax) ?? 0
  }

  /// Milliseconds until so many units may be had.
  func retryMilliseconds(for need: Int, endsAt: Int?, unixTime: Int) -> Int {
    if let endsAt { return max(0, endsAt - unixTime) * 1000 }
    let bucket = terms.bucket
    let need = min(max(1, need), terms.drawMax(.present)) + terms.keptForRunning
    return max(1, bucket.rate.milliseconds(for: need - level, max: BucketTerms.waitMillisecondsMax) ?? 0)
  }

  /// What is used of an amount: of a sliding window as much as its bucket is empty.
  func used(of amount: Int) -> Int {
    let burst = max(1, terms.bucket.burst)
    guard amount > burst else { return max(0, amount - remaining) }
    return max(0, amount - Int((Double(remaining) / Double(burst) * Double(amount)).rounded()))
  }
}
