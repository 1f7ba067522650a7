internal import Reactor
internal import Transport

/// Brings the calls of sessions and timers, made on the reactor's thread, into the pool's isolation.
///
/// A class of its own, because an actor's isolated methods cannot fulfil the protocols' synchronous requirements. It does not keep the pool alive.
final class SessionPoolBridge: UpstreamSessionOwner, TimerHandler {
  private weak let pool: SessionPool?

  init(_ pool: SessionPool) { self.pool = pool }

  func sessionConnected(_ session: UpstreamSession) {
    pool?.assumeIsolated { $0.sessionConnected(session) }
  }

  func sessionConnectFailed(_ session: UpstreamSession, _ error: TransportError) {
    pool?.assumeIsolated { $0.sessionConnectFailed(session, error) }
  }

  func sessionDiedIdle(_ session: UpstreamSession) {
    pool?.assumeIsolated { $0.sessionDiedIdle(session) }
  }

  func timerFired(token: UInt32) {
    pool?.assumeIsolated { $0.timerFired() }
  }
}
