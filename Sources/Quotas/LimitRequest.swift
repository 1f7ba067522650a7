public import RateLimiting

/// What a request wants of the limits.
public struct LimitRequest: Sendable {
  /// Tells consumer, key, model, upstream and all else that limits are by.
  public var facts: any SubjectFacts & Sendable
  /// The model that is to serve it: prices and learned answers are by this.
  public var model: String
  /// Tokens of the prompt, as far as they are known.
  public var promptTokens: Int
  /// Tokens that one answer is expected to have; nil: as learned of the model.
  public var expectedOutput: Int?
  /// The caller's bound on one answer.
  public var maxTokens: Int?
  /// Answers asked for.
  public var choices: Int
  /// Whether another candidate could take it: then a limit whose `onExceeded` is `fallback` does not have it wait.
  public var hasAlternative: Bool
  /// Whether the answer comes as one document: nothing of it is spent while it runs, all of it at the end. What it may cost is to be reserved meanwhile.
  public var isOnePiece: Bool
  /// The most that one answer of the model can have; nil: not known.
  public var outputMax: Int?
  /// Pictures that it is to make.
  public var images: Int

  /// Whether it may cost anything of what limits count but its place among the requests: it is refused then where nothing is left, whatever it turns out to cost.
  var mayCost: Bool { promptTokens > 0 || expectedOutput != 0 || images > 0 }

  /// A request.
  public init(
    facts: any SubjectFacts & Sendable, model: String, promptTokens: Int, expectedOutput: Int? = nil,
    maxTokens: Int? = nil, choices: Int = 1, hasAlternative: Bool = false, isOnePiece: Bool = false,
    outputMax: Int? = nil, images: Int = 0
  ) {
    self.images = min(max(0, images), 1024)
    self.hasAlternative = hasAlternative
    self.isOnePiece = isOnePiece
    self.outputMax = outputMax.map { min(max(1, $0), 1 << 32) }
    self.facts = facts
    self.model = model
    self.promptTokens = min(max(0, promptTokens), 1 << 32)
    self.expectedOutput = expectedOutput.map { min(max(0, $0), 1 << 32) }
    self.maxTokens = maxTokens.map { min(max(0, $0), 1 << 32) }
    self.choices = min(max(1, choices), 1024)
  }
}

/// A wait's name on one desk.
public struct LimitWaitID: Sendable, Hashable { let number: UInt64 }

/// What the desk says at once.
public enum LimitAdmission {
  /// Begin.
  case admitted(LimitGrant)
  /// The waiter is told how it ends, in a later call.
  case waiting(LimitWaitID)
  /// Not now.
  case refused(LimitRefusal)
}

/// How a wait has ended.
public enum LimitWaitResult {
  /// The request may begin.
  case admitted(LimitGrant)
  /// The request may not begin, or the stream not go on.
  case refused(LimitRefusal)
  /// The stream may go on.
  case more
}

/// Who waits. Kept alive by the desk until told, or until the wait is cancelled.
public protocol LimitWaiter: AnyObject {
  /// The wait is over. Called on the reactor; never from inside the call that began the wait.
  func limitWaitEnded(_ id: LimitWaitID, _ result: LimitWaitResult)
}

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
