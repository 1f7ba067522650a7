internal import Reactor

/// What a pool's state asks its actor to do, in this order. Ids only.
enum PoolAction: Equatable {
  /// Connect a session to this endpoint and name it so.
  case connect(SlotID, endpoint: Int)
  /// Close this session; the state has forgotten it.
  case close(SlotID)
  /// Hand the session to who waits.
  case grant(LeaseID, SlotID)
  /// Tell who waits that there will be none.
  case fail(LeaseID, LeaseFailure)
  /// A permit belongs to that shard now: tell it.
  case handPermit(to: Int)
  /// Tell the supervisor.
  case report(PoolReport)
}

/// What a pool tells its supervisor.
enum PoolReport: Equatable, Sendable {
  /// An endpoint's connect failed and a new delay has begun there.
  case connectFailed(endpoint: Int)
  /// A session died idle; replace it after a while.
  ///
  /// - Parameter isFault: it was young and had not served anybody. An old or used one may go: servers close what is idle for long.
  case diedIdle(endpoint: Int, isFault: Bool)
  /// An endpoint that had been held back accepts again.
  case recovered(endpoint: Int)
  /// Requests wait here, and all permits are elsewhere.
  case starving
}
