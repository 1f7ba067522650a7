/// The promise in figures: tokens delivered in any window T ≤ burst + rate · T + held + error, over all nodes together.
public struct LimitBound: Sendable, Hashable {
  /// The refill.
  public var rate: LeaseRate
  /// The bucket's size.
  public var burst: Int
  /// Credit that nodes and their streams hold when the window opens: at most nodes × lease + streams × allowance.
  public var held: Int
  /// What is delivered before it is counted at the store: streams × one event, prompts counted too low; and what a fault costs once.
  public var error: Int

  /// A bound.
  public init(rate: LeaseRate, burst: Int, held: Int, error: Int) {
    self.rate = rate
    self.burst = burst
    self.held = held
    self.error = error
  }

  /// The bound for so many nodes with leases by these terms.
  ///
  /// - Parameters:
  ///   - needMost: the most that one request needs at once, with its prompt.
  ///   - allowance: what a stream holds ahead, at most.
  ///   - streams: streams that run at once, over all nodes.
  ///   - eventMax: units in one event, at most.
  ///   - unforeseen: units that came without having been drawn, such as prompts counted too low.
  public init(
    _ terms: LeaseTerms, nodes: Int, needMost: Int, allowance: Int, streams: Int, eventMax: Int, unforeseen: Int = 0
  ) {
    self.init(
      rate: terms.bucket.rate, burst: terms.bucket.burst,
      held: nodes * (terms.leaseMost + terms.leaseLeast + needMost) + streams * allowance,
      error: streams * eventMax + unforeseen)
  }

  /// Tokens in any window of so many milliseconds.
  public func tokens(inMilliseconds window: Int) -> Int { rate.units(inMilliseconds: window) + allowed }

  /// What may come beyond the rate, in any window however short.
  public var allowed: Int { burst + held + error }

  /// The rate for "never more than `limit` in any `window`", leaving room for the burst and what nodes strand: (limit - burst - nodes · least) / window.
  /// The mean use is then 1 - burst / limit.
  public static func rate(
    limit: Int, windowMilliseconds: Int, burst: Int, nodes: Int, least: Int
  ) -> LeaseRate {
    LeaseRate(limit - burst - nodes * least, perMilliseconds: windowMilliseconds)
  }
}
