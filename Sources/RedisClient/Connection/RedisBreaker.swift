public import Reactor

/// Refuses commands while a server has shown that it cannot answer them: closed, open for a time, then one probe.
///
/// A value without a clock. Only a probe's outcome, or a new connection's welcome, closes it again: commands that were under way when it opened
/// say nothing new.
public struct RedisBreaker: Equatable, Sendable {
  /// When it opens and for how long.
  public struct Settings: Equatable, Sendable {
    /// Failures one after the other that open it.
    public var failuresMax = 3
    /// How long it stays open before it probes.
    public var openFor = Duration.seconds(1)
    /// How long a probe may take. Near the deadlines of real commands: a server that answers later is of no use to them.
    public var probeTimeout = Duration.milliseconds(100)

    /// The defaults.
    public init() {}
  }

  /// What it does with commands.
  public enum State: Equatable, Sendable {
    /// Lets them pass; so many have failed in a row.
    case closed(failures: Int)
    /// Refuses them until then.
    case open(until: MonotonicTime)
    /// Refuses them until the probe under way has ended.
    case probing
  }

  /// What an event changed.
  public enum Change: Equatable, Sendable {
    /// Nothing that others need to know.
    case none
    /// It refuses from now on.
    case opened(until: MonotonicTime)
    /// It lets pass from now on.
    case closed
  }

  /// What it does now.
  public private(set) var state = State.closed(failures: 0)
  private let settings: Settings

  /// A closed breaker.
  public init(_ settings: Settings) { self.settings = settings }

  /// Whether a command may pass.
  public var admits: Bool {
    if case .closed = state { true } else { false }
  }

  /// A command was answered in time.
  public mutating func succeeded() {
    if case .closed = state { state = .closed(failures: 0) }
  }

  /// A command, or an attempt to connect, failed for the server's fault.
  public mutating func failed(at now: MonotonicTime) -> Change {
    guard case .closed(let failures) = state else { return .none }
    guard failures &+ 1 >= settings.failuresMax else {
      state = .closed(failures: failures &+ 1)
      return .none
    }
    return open(at: now)
  }

  /// Whether it is time to probe; from then on `.probing`.
  public mutating func probeDue(at now: MonotonicTime) -> Bool {
    guard case .open(let until) = state, now >= until else { return false }
    state = .probing
    return true
  }

  /// The probe has ended.
  public mutating func probeEnded(succeeded: Bool, at now: MonotonicTime) -> Change {
    guard case .probing = state else { return .none }
    guard succeeded else { return open(at: now) }
    state = .closed(failures: 0)
    return .closed
  }

  /// A new connection was made and the server has answered on it.
  public mutating func connected() -> Change {
    let wasClosed = admits
    if !wasClosed { state = .closed(failures: 0) }
    return wasClosed ? .none : .closed
  }

  private mutating func open(at now: MonotonicTime) -> Change {
    let until = now + settings.openFor
    state = .open(until: until)
    return .opened(until: until)
  }
}
