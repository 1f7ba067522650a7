/// One limit: what is counted, how much of it, in what time, for whom, and what happens at its end. Limits know nothing of each other;
/// a request must be within all that are for it.
public struct LimitSettings: Sendable, Equatable {
  /// Tokens or requests of an amount, at most.
  public static let countMax = 1_000_000_000_000
  /// Streams at once, at most.
  public static let concurrencyMax = 1_000_000
  /// Money of a budget, at most: a thousand million of the currency's units, in millionths.
  public static let budgetMicrosMax = 1_000_000_000 * 1_000_000
  /// Windows that slide: with shorter ones the store would be asked for every request, and longer ones are quotas.
  public static let windowRange: ClosedRange<Duration> = .seconds(1) ... .seconds(31 * 86_400)
  /// How long a request may wait, at most.
  public static let waitMax: Duration = .seconds(60)
  /// Limits of a configuration: each is looked at for every request.
  public static let limitsMax = 256
  /// Subjects of a limit that may be kept apart, at most.
  public static let subjectsMax = 10_000_000
  /// Rules of a limit, and patterns of a condition.
  public static let rulesMax = 256

  /// The name in the file, used in keys, messages and metrics.
  public var name: String
  /// What is counted.
  public var quantity: LimitQuantity
  /// In what time; nil for concurrency.
  public var window: LimitPeriod?
  /// Which requests it is for.
  public var match: LimitMatch
  /// The amounts, never empty: those of `rules` in file order, then the limit's own, if it has one, whose match is empty. Of those that
  /// match a request the most specific applies (see ``LimitPattern``; several conditions add up), of equally specific ones the first;
  /// where none matches, the limit is not for the request.
  public var amounts: [LimitAmount]
  /// Each combination of these has the amount for itself; empty: all share one.
  public var each: [LimitSubject]
  /// What a window that slides may give at once, in the units of the amounts; nil leaves it to the limiter. Nil for calendar periods and
  /// concurrency.
  public var burst: Int?
  /// What happens at its end.
  public var onExceeded: LimitExceededPolicy
  /// How long a request may wait for room before it begins, and a stream for more: in all, or with ``LimitExceededPolicy/wait`` each time; 0 to ``waitMax``.
  public var wait: Duration
  /// What happens while the store does not answer.
  public var whenStoreIsAway: StoreAwayMode
  /// Subjects that each event loop keeps apart at once; beyond it newcomers share one.
  public var maxSubjects = 100_000

  /// A limit from its parts.
  public init(
    name: String, quantity: LimitQuantity, window: LimitPeriod?, match: LimitMatch = LimitMatch(),
    amounts: [LimitAmount], each: [LimitSubject] = [], burst: Int? = nil,
    onExceeded: LimitExceededPolicy = .truncate, wait: Duration = .seconds(1), whenStoreIsAway: StoreAwayMode = .local
  ) {
    self.name = name
    self.quantity = quantity
    self.window = window
    self.match = match
    self.amounts = amounts
    self.each = each
    self.burst = burst
    self.onExceeded = onExceeded
    self.wait = wait
    self.whenStoreIsAway = whenStoreIsAway
  }
}

/// An amount and those of the limit's requests that it is for.
public struct LimitAmount: Sendable, Equatable {
  /// Conditions that hold besides those of ``LimitSettings/match``; none for the limit's own amount.
  public var match: LimitMatch
  /// Tokens, requests or streams, from 1; money in millionths of the currency's unit.
  public var units: Int

  /// An amount from its parts.
  public init(match: LimitMatch = LimitMatch(), units: Int) {
    self.match = match
    self.units = units
  }
}

/// What a limit counts.
public enum LimitQuantity: Sendable, Equatable {
  /// Tokens, each class with its weight.
  case tokens(LimitWeights)
  /// Requests, counted as they begin.
  case requests
  /// Requests that run at once.
  case concurrency
  /// Money by the models' prices, in millionths of the unit of the currency with this ISO code.
  case budget(currency: String)
}

/// How much a token of each class counts, in thousandths: 1,000 is once. Each is 0 to ``thousandthsMax``.
public struct LimitWeights: Sendable, Equatable {
  /// A thousand times.
  public static let thousandthsMax = 1_000_000

  /// Prompt tokens that no cache served.
  public var input = 1000
  /// Prompt tokens read from a cache.
  public var cached = 1000
  /// Prompt tokens written to a cache.
  public var cacheWrite = 1000
  /// Output tokens but those of reasoning.
  public var output = 1000
  /// Output tokens of reasoning.
  public var reasoning = 1000

  /// Each token once: `tokens`.
  public init() {}

  /// Prompts only: `inputTokens`.
  public static var ofInput: LimitWeights {
    var weights = LimitWeights()
    (weights.output, weights.reasoning) = (0, 0)
    return weights
  }

  /// Answers only: `outputTokens`.
  public static var ofOutput: LimitWeights {
    var weights = LimitWeights()
    (weights.input, weights.cached, weights.cacheWrite) = (0, 0, 0)
    return weights
  }
}

/// In what time an amount may be used.
public enum LimitPeriod: Sendable, Equatable {
  /// In any stretch of this length; what is used comes back little by little.
  case sliding(Duration)
  /// From the first to the last moment of a period in a time zone, an IANA name such as `Europe/Berlin`; then all of it is back.
  case calendar(LimitCalendarUnit, timeZone: String)
}

/// A period of the calendar.
public enum LimitCalendarUnit: String, Sendable, CaseIterable {
  /// Midnight to midnight.
  case day
  /// Monday to Sunday (ISO 8601).
  case week
  /// First to last.
  case month
}

/// What happens where a limit ends. Before the answer has begun, 429 stands for both `truncate` and `error`.
public enum LimitExceededPolicy: String, Sendable, CaseIterable {
  /// The next candidate is tried.
  case fallback
  /// A stream ends with finish_reason "length".
  case truncate
  /// A stream ends with an error.
  case error
  /// A stream waits for more, as long as ``LimitSettings/wait``, and then ends as with `truncate`.
  case wait
}

/// What a limit does while the store does not answer.
public enum StoreAwayMode: String, Sendable, CaseIterable {
  /// This gateway keeps its share of the limit by itself.
  case local
  /// Everything passes and is counted later.
  case open
  /// Nothing new passes.
  case closed
}
