public import RateLimiting

/// What a limit is doing, as it is shown.
public enum LimitState: String, Sendable, Hashable {
  /// The store answers.
  case present
  /// It does not, and each node gives out its part.
  case local
  /// It does not, and everything passes.
  case open
  /// It does not, and nothing new passes.
  case closed
}

/// One limit's figures on one reactor, since it was configured.
public struct LimitGauge: Sendable, Hashable {
  /// Its name.
  public let name: String
  /// What it is doing.
  public internal(set) var state: LimitState
  /// Requests that it refused.
  public internal(set) var denied = 0
  /// Streams that it cut.
  public internal(set) var cut = 0
  /// Requests whose subject had no room of its own and shares one with others.
  public internal(set) var shared = 0
}

/// The figures of one reactor's desk.
public struct LimitGauges: Sendable, Hashable {
  /// By limit, in the configuration's order.
  public let limits: [LimitGauge]
  /// Whether the store answers.
  public let store: StoreCondition
  /// Requests sent to the store so far, those for slots not counted.
  public let asks: Int
  /// The same in the last whole second.
  public let asksPerSecond: Int
  /// Subjects that are known.
  public let subjects: Int
  /// Subjects that made room for others so far.
  public let dropped: Int
  /// Slots that are held.
  public let slots: Int
  /// Requests and streams that wait.
  public let waiting: Int
}

/// What is worth a line in the log, once per change.
public enum LimitEvent: Sendable, Hashable {
  /// The store has gone, or come back.
  case store(StoreCondition)
  /// A limit does something else now.
  case limit(name: String, LimitState)
  /// A limit knows as many subjects as it may: newcomers share one. Told once.
  case subjectsFull(limit: String, most: Int)
}
