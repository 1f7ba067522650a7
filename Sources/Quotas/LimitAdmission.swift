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
