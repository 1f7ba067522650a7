public import Transport

/// How a session's use ended when it does not come back to be used again.
public enum SessionOutcome: Sendable, Equatable {
  /// The gateway gave up on the answer: the client left, or a limit cut it. Says nothing of the upstream's health.
  case abandoned
  /// The answer was complete and the connection ended with it.
  case closed
  /// A kept session was gone before the first byte of the answer; the request is tried again on a fresh one.
  case stale
  /// The upstream did not say anything in the time that it had.
  case timedOut
  /// The connection broke, or what came was not an answer.
  case failed(TransportError)

  /// Whether it counts against the endpoint.
  var isFault: Bool {
    switch self {
    case .abandoned, .closed, .stale: false
    case .timedOut, .failed: true
    }
  }
}
