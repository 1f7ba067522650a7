/// One request before several limits: all must admit. They are asked in order; what was drawn goes back when a later one refuses, and when one can be
/// waited for, all are asked anew afterwards, so that nothing is held while waiting. Holds numbers of limits, nothing else.
public struct AdmissionAttempt: Sendable, Hashable {
  /// What the owner does next.
  public enum Step: Sendable, Hashable {
    /// Draw so many units from this limit, then ``drawn()`` or ``refused(waitMilliseconds:now:)``.
    case draw(limit: Int, amount: Int)
    /// Give back what these hold, and wait for the last one to have units (in its queue), until the deadline; then ``retry(now:)``.
    case wait(limit: Int, amount: Int, giveBack: [Draw], deadline: Int)
    /// Give back what these hold; the limit refuses, and may admit after so many milliseconds (nil: not before its period ends).
    case refuse(limit: Int, giveBack: [Draw], retryMilliseconds: Int?)
    /// All have admitted.
    case admit([Draw])
  }

  /// Units of a limit.
  public struct Draw: Sendable, Hashable {
    /// The limit's place among those that apply.
    public let limit: Int
    /// Units.
    public let amount: Int

    /// Units of a limit.
    public init(limit: Int, amount: Int) {
      self.limit = limit
      self.amount = amount
    }
  }

  private let draws: [Draw]
  private let deadline: Int
  private var next = 0

  /// An attempt.
  ///
  /// - Parameters:
  ///   - draws: what is to be drawn from each limit that applies; those that are likeliest to refuse first.
  ///   - deadline: until when it may wait, in the node's monotonic milliseconds; in the past: not at all.
  public init(_ draws: [Draw], deadline: Int) {
    self.draws = draws
    self.deadline = deadline
  }

  /// The first step.
  public mutating func begin() -> Step {
    next = 0
    return current
  }

  /// The limit has given.
  public mutating func drawn() -> Step {
    next = min(next + 1, draws.count)
    return current
  }

  /// The limit has not given, and will have to after so many milliseconds at the earliest (nil: not before its period ends).
  public mutating func refused(waitMilliseconds: Int?, now: Int) -> Step {
    guard draws.indices.contains(next) else { return current }
    let held = Array(draws[..<next])
    let limit = draws[next]
    next = 0
    guard let waitMilliseconds, now < deadline, waitMilliseconds <= deadline - now else {
      return .refuse(limit: limit.limit, giveBack: held, retryMilliseconds: waitMilliseconds)
    }
    return .wait(limit: limit.limit, amount: limit.amount, giveBack: held, deadline: deadline)
  }

  /// The limit that was waited for has units: all anew.
  public mutating func retry(now: Int) -> Step { begin() }

  private var current: Step {
    draws.indices.contains(next) ? .draw(limit: draws[next].limit, amount: draws[next].amount) : .admit(draws)
  }
}
