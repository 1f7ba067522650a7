public import Reactor

/// Where a session connects to: addresses to try in order, and TLS if any.
public struct UpstreamTarget: Sendable {
  /// Tried in order until one accepts.
  public let addresses: [SocketAddress]
  /// TLS over the connection; nil for plain TCP.
  public let tls: TLSClientContext?

  /// Makes a target; `addresses` may not be empty.
  public init(addresses: [SocketAddress], tls: TLSClientContext?) {
    self.addresses = addresses
    self.tls = tls
  }
}
