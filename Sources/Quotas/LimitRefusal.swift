public import RateLimiting

/// Why a request may not begin or a stream not go on, in words' parts.
public struct LimitRefusal: Sendable, Hashable {
  /// How it is told to the client.
  public enum Code: String, Sendable {
    /// It comes back by itself, soon.
    case rateLimitExceeded = "rate_limit_exceeded"
    /// Not before the period ends.
    case insufficientQuota = "insufficient_quota"
  }

  /// What is counted.
  public enum Unit: Sendable, Hashable {
    case tokens
    case requests
    case concurrency
    /// Amounts are millionths of the unit of this currency.
    case money(currency: String)
  }

  /// The limit's name.
  public var limit: String { parts.limit }
  /// What tells its subjects apart: `consumer`, `consumer and model`; `all requests` when they share one.
  public var subjectClass: String { parts.subjectClass }
  /// What is counted.
  public var unit: Unit { parts.unit }
  /// Used of it, as far as this node knows.
  public var used: Int { parts.used }
  /// The limit's amount.
  public var allowed: Int { parts.allowed }
  /// Milliseconds until it is whole again; for concurrency 0.
  public var resetMilliseconds: Int { parts.resetMilliseconds }
  /// Milliseconds until what was asked for may be had; for concurrency a guess.
  public var retryAfterMilliseconds: Int { parts.retryAfterMilliseconds }
  /// Whether it comes back by itself.
  public var code: Code { parts.code }
  /// What the limit's configuration says is to happen.
  public var exceeded: LimitExceeded { parts.exceeded }

  /// Why there is nothing.
  public var cause: Cause { parts.cause }

  /// Why a limit gives nothing.
  public enum Cause: Sendable, Hashable {
    /// It is used up.
    case used
    /// The store does not answer, and what this node may give out by itself is used up, or is nothing.
    case storeAway
    /// It counts money, and the model has no price in its currency.
    case noPrice
    /// The prompt alone is more than the whole limit: so many of what it counts. It never fits.
    case promptTooLarge(Int)
  }

  /// Behind a reference: an answer to each event may hold a refusal, and nearly none does.
  private let parts: Parts

  private final class Parts: Sendable {
    let limit: String
    let subjectClass: String
    let unit: Unit
    let used: Int
    let allowed: Int
    let resetMilliseconds: Int
    let retryAfterMilliseconds: Int
    let code: Code
    let exceeded: LimitExceeded
    let cause: Cause

    init(
      _ limit: String, _ subjectClass: String, _ unit: Unit, used: Int, allowed: Int, resetMilliseconds: Int,
      retryAfterMilliseconds: Int, _ code: Code, _ exceeded: LimitExceeded, _ cause: Cause
    ) {
      self.cause = cause
      self.limit = limit
      self.subjectClass = subjectClass
      self.unit = unit
      self.used = used
      self.allowed = allowed
      self.resetMilliseconds = resetMilliseconds
      self.retryAfterMilliseconds = retryAfterMilliseconds
      self.code = code
      self.exceeded = exceeded
    }
  }

  init(
    limit: String, subjectClass: String, unit: Unit, used: Int, allowed: Int, resetMilliseconds: Int,
    retryAfterMilliseconds: Int, code: Code, exceeded: LimitExceeded, cause: Cause = .used
  ) {
    parts = Parts(
      limit, subjectClass, unit, used: used, allowed: allowed, resetMilliseconds: resetMilliseconds,
      retryAfterMilliseconds: retryAfterMilliseconds, code, exceeded, cause)
  }

  /// By all parts.
  public static func == (one: Self, other: Self) -> Bool {
    one.limit == other.limit && one.subjectClass == other.subjectClass && one.unit == other.unit
      && one.used == other.used && one.allowed == other.allowed && one.resetMilliseconds == other.resetMilliseconds
      && one.retryAfterMilliseconds == other.retryAfterMilliseconds && one.code == other.code
      && one.exceeded == other.exceeded && one.cause == other.cause
  }

  /// By what tells refusals apart best.
  public func hash(into hasher: inout Hasher) {
    hasher.combine(limit)
    hasher.combine(used)
    hasher.combine(code)
  }
}
