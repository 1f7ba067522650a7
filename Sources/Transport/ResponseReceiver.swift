public import HTTPWire

/// Who waits for an upstream's answer. Called on the reactor's thread, in order: at most one head, pieces of body, then exactly one of
/// "the last piece" and "failed"; nothing after that, and nothing after `UpstreamSession.abandon`.
public protocol ResponseReceiver: AnyObject {
  /// The answer's head is complete (interim heads are swallowed). `bytes` is valid during the call only.
  func responseHead(
    _ head: ResponseHead, _ fields: [HeaderField], _ bytes: RawSpan, from session: UpstreamSession)

  /// A piece of the body, framing removed, lies in `buffer` at `payload`. The receiver may overwrite the `Reactor.headRoom` bytes in front of
  /// the first piece and `Reactor.tailRoom` bytes behind it, and the payload itself: it is sent on from where it lies. Valid during the call only.
  ///
  /// - Parameter isLast: the answer is complete. The session is free before this is called and may be given back.
  func responseBody(
    _ buffer: UnsafeMutableRawBufferPointer, _ payload: Range<Int>, isLast: Bool, from session: UpstreamSession)

  /// The answer will not be completed. The session is closed.
  func responseFailed(_ error: TransportError, from session: UpstreamSession)
}

/// Who owns an upstream's sessions: its pool.
public protocol UpstreamSessionOwner: AnyObject {
  /// The session is connected, TLS included, and idle.
  func sessionConnected(_ session: UpstreamSession)
  /// The session could not be connected; it is closed.
  func sessionConnectFailed(_ session: UpstreamSession, _ error: TransportError)
  /// An idle session has closed or sent bytes that nobody asked for; it is closed.
  func sessionDiedIdle(_ session: UpstreamSession)
}
