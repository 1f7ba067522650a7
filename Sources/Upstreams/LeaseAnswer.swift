public import Transport

/// What a pool says at once to the wish for a session.
public enum LeaseAnswer: Sendable {
  /// Here it is, idle and connected: begin in this turn, give it back afterwards.
  case session(UpstreamSession)
  /// The waiter is told later, exactly once, unless it cancels.
  case waiting(LeaseID)
  /// There will be none.
  case refused(LeaseFailure)
}

/// Names one wait for a session. Never used twice by a pool; later waits have greater numbers.
public struct LeaseID: Hashable, Sendable {
  /// The wait's number within its pool.
  public let number: UInt64

  init(number: UInt64) { self.number = number }
}

/// Who waits for a session. Called on the pool's reactor, never from inside its own `lease`, but perhaps from inside another request's
/// `giveBack` or `discard`. Exactly one of the two is called, once, and none after `cancel`.
public protocol LeaseWaiter: AnyObject, Sendable {
  /// The session is leased to this waiter: begin in this turn, or give it back.
  func leaseGranted(_ session: UpstreamSession, id: LeaseID)
  /// There will be no session.
  func leaseFailed(_ failure: LeaseFailure, id: LeaseID)
}
