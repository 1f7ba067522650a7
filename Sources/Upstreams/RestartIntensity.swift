internal import Reactor

/// Counts how often an endpoint's sessions had to be replaced, and says when to stop trying for a while: as the supervisors of Erlang/OTP do
/// (restart intensity: more than `restartsMax` within `window` escalates).
struct RestartIntensity: Equatable {
  /// More restarts than these within the window mark the endpoint down.
  static let restartsMax = 4
  /// The window.
  static let window = Duration.seconds(10)

  /// Faults that follow within this time are of the same moment, as when a server ends and all its sessions with it.
  static let moment = Duration.milliseconds(50)

  private var recent: [MonotonicTime] = []

  enum Answer: Equatable {
    /// Replace the session after this time.
    case restart(after: Duration)
    /// Too many: leave the endpoint alone.
    case escalate
  }

  /// A session failed at `now`. The first is replaced after 100 ms, each further one within the window after twice as long.
  mutating func failed(_ now: MonotonicTime) -> Answer {
    recent.removeAll { $0 + Self.window < now }
    if let last = recent.last, now < last + Self.moment { return .restart(after: delay) }
    guard recent.count < Self.restartsMax else {
      recent.removeAll()
      return .escalate
    }
    recent.append(now)
    return .restart(after: delay)
  }

  private var delay: Duration { .milliseconds(100 << max(0, recent.count - 1)) }

  /// The endpoint works again.
  mutating func recovered() { recent.removeAll() }
}
