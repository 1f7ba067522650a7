public import Transport

/// Why a request gets no session.
public enum LeaseFailure: Error, Equatable, Sendable, CustomStringConvertible {
  /// As many requests wait as may.
  case queueFull(maxQueue: Int)
  /// No session came free within the queue timeout.
  case queueTimeout(Duration)
  /// Every endpoint that could be tried refused or did not answer; the last cause.
  case connectFailed(TransportError)
  /// Every endpoint has failed a short while ago and is not tried before `retryAfter` has passed; the last cause, if one is known.
  case noEndpointAvailable(retryAfter: Duration, cause: TransportError?)
  /// The upstream has left the configuration, or the process is ending.
  case upstreamRemoved

  /// What happened, without addresses or secrets: fit for a log and for the client.
  public var description: String {
    switch self {
    case .queueFull(let maxQueue): "\(maxQueue) requests already wait for a session to the upstream"
    case .queueTimeout(let duration): "no session to the upstream came free within \(duration)"
    case .connectFailed(let error): "no session to the upstream: \(error)"
    case .noEndpointAvailable(let retryAfter, let cause):
      "no endpoint of the upstream is available; the next try is in \(retryAfter)"
        + (cause.map { " (last failure: \($0))" } ?? "")
    case .upstreamRemoved: "the upstream was removed from the configuration"
    }
  }
}
