internal import Glibc
internal import Reactor

/// Why a connection to an upstream could not be made or broke.
public enum TransportError: Error, Equatable, Sendable, CustomStringConvertible {
  /// The host has no address; the resolver's words.
  case nameNotResolved(String)
  /// Every address refused or failed; the last one's errno.
  case connectFailed(Int32)
  /// This process or machine has no more of what a connection takes (descriptors, ports, memory, watches); errno. Says nothing of the upstream.
  case exhausted(Int32)
  /// No connection within the connect time-out.
  case connectTimedOut
  /// TLS: certificate, host name or protocol; OpenSSL's words.
  case tlsFailed(String)
  /// The connection broke; errno.
  case broken(Int32)
  /// The peer closed before the answer's end.
  case closedEarly
  /// The peer's bytes are not HTTP/1.1; the parser's words.
  case protocolViolation(String)

  /// What happened, without addresses or secrets: fit for a log and for the client.
  public var description: String {
    switch self {
    case .nameNotResolved(let reason): "the host name could not be resolved (\(reason))"
    case .connectFailed(let code): "the connection was refused or failed (\(Self.words(code)))"
    case .exhausted(let code): "this gateway can open no further connection (\(Self.words(code)))"
    case .connectTimedOut: "no connection within the connect timeout"
    case .tlsFailed(let reason): "TLS failed (\(reason))"
    case .broken(let code): "the connection broke (\(Self.words(code)))"
    case .closedEarly: "the connection was closed before the answer's end"
    case .protocolViolation(let reason): "the answer is not valid HTTP/1.1 (\(reason))"
    }
  }

  /// A connection that could not be begun: whose fault `code` tells it is.
  package static func connecting(_ code: Int32) -> TransportError {
    // Of connect(2) the latter two mean that every local port to that address is taken.
    SystemCallError.isExhaustion(code) || code == EADDRNOTAVAIL || code == EAGAIN
      ? .exhausted(code) : .connectFailed(code)
  }

  private static func words(_ code: Int32) -> String { SystemCallError.words(code) }
}
