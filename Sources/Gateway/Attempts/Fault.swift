internal import Lifecycle
internal import Transport
internal import Upstreams

/// What went wrong with an attempt: of which class it is, and how it is told if nobody else is left.
///
/// An object: faults are rare, and what may hold one stays small and is copied for nothing.
final class Fault: Sendable {
  let kind: FaultClass
  /// The words for the client.
  let error: GatewayError
  /// For the record, when the error's code does not say it.
  let reason: String?
  /// The upstream's own document goes to the client as it is.
  let isPassedOn: Bool

  init(kind: FaultClass, error: GatewayError, reason: String? = nil, isPassedOn: Bool = false) {
    self.kind = kind
    self.error = error
    self.reason = reason
    self.isPassedOn = isPassedOn
  }

  /// What the record says of it.
  var words: String { reason ?? "\(error.code)" }

  /// The process ends.
  static let shuttingDown = Fault(kind: .notNow, error: .shuttingDown)

  /// There is no session.
  static func lease(_ failure: LeaseFailure, upstream: String) -> Fault {
    Fault(kind: .noSession, error: .lease(failure, upstream: upstream))
  }

  /// The connection failed.
  ///
  /// - Parameter isStale: a kept one, before the first byte of the answer.
  static func connection(_ error: TransportError, isStale: Bool, upstream: String) -> Fault {
    Fault(kind: isStale ? .stale : .network, error: .transport(error, upstream: upstream))
  }

  /// A time is over.
  static func late(_ timeout: ExchangeAction.Timeout, upstream: String) -> Fault {
    let error: GatewayError =
      switch timeout {
      case .answer: .answerTimeout(upstream: upstream)
      case .firstToken: .firstTokenTimeout(upstream: upstream)
      case .betweenTokens: .betweenTokensTimeout(upstream: upstream)
      case .total: .totalTimeout(upstream: upstream)
      }
    return Fault(kind: .timeout, error: error)
  }

  /// The answer ended before its end.
  static func incomplete(upstream: String) -> Fault {
    Fault(kind: .incomplete, error: .incomplete(upstream: upstream))
  }

  /// An event is larger than any may be.
  static func eventTooLarge(upstream: String) -> Fault {
    Fault(kind: .malformed, error: .eventTooLarge(upstream: upstream))
  }

  /// A success that is none.
  ///
  /// - Parameters:
  ///   - what: what came instead.
  ///   - words: what the upstream says of it.
  static func noAnswer(_ what: String, words: String?, upstream: String) -> Fault {
    Fault(kind: .malformed, error: .invalidAnswer(what, words: words, upstream: upstream), reason: what)
  }

  /// An error in place of the first event, or inside the stream.
  static func errorEvent(words: String?, upstream: String) -> Fault {
    Fault(kind: .upstream, error: .errorEvent(words: words, upstream: upstream), reason: "error event")
  }
}
