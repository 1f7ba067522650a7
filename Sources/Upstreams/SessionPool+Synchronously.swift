public import Reactor
public import Transport

/// The byte path's two doors into the actor, entered from the pool's own reactor, where the byte path already is, without suspending.
///
/// Debug builds ask the runtime (`assumeIsolated`), which traps on another thread. Release builds do not: the question was measured at 70 to 150 ns
/// and two allocations, twice a request. What makes it sound is checked in debug by every test: an exchange, its connection, its session
/// and this pool never leave the thread of one reactor. A function without captures and one with an isolated parameter have the same
/// form at run time, so the cast changes what the compiler knows, not what is called.
extension SessionPool {
  /// `lease(_:for:now:)`, at once.
  @inline(__always)
  public nonisolated func leaseNow(
    _ wish: LeaseWish, for waiter: any LeaseWaiter, now: MonotonicTime
  ) -> LeaseAnswer {
    #if DEBUG
      return assumeIsolated { $0.lease(wish, for: waiter, now: now) }
    #else
      let lease: (isolated SessionPool, LeaseWish, any LeaseWaiter, MonotonicTime) -> LeaseAnswer = {
        $0.lease($1, for: $2, now: $3)
      }
      typealias Plain = (SessionPool, LeaseWish, any LeaseWaiter, MonotonicTime) -> LeaseAnswer
      return unsafeBitCast(lease, to: Plain.self)(self, wish, waiter, now)
    #endif
  }

  /// `giveBack(_:)`, at once.
  @inline(__always)
  public nonisolated func giveBackNow(_ session: UpstreamSession) {
    #if DEBUG
      assumeIsolated { $0.giveBack(session) }
    #else
      let giveBack: (isolated SessionPool, UpstreamSession) -> Void = { $0.giveBack($1) }
      unsafeBitCast(giveBack, to: ((SessionPool, UpstreamSession) -> Void).self)(self, session)
    #endif
  }
}
