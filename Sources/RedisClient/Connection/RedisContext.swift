internal import Reactor
internal import Transport

/// What the connections of one client share. Confined to the client's reactor.
final class RedisContext {
  let reactor: Reactor
  let resolver: Resolver
  let settings: RedisSettings
  private var tlsContexts: [String: TLSClientContext] = [:]

  /// TLS contexts are kept for so many hosts.
  static let tlsContextsMax = 1_024

  init(reactor: Reactor, resolver: Resolver, settings: RedisSettings) {
    self.reactor = reactor
    self.resolver = resolver
    self.settings = settings
  }

  /// How connections to `host` are secured; nil for plain TCP. Kept, so that files are read once and session tickets serve again.
  func tls(for host: String) throws(TransportError) -> TLSClientContext? {
    guard let options = settings.tls else { return nil }
    if let known = tlsContexts[host] { return known }
    let isLiteral = SocketAddress(literal: host, port: 0) != nil
    // Redis speaks no ALPN; a name that the server does not know could end the handshake.
    let context = try TLSClientContext(host: host, isAddressLiteral: isLiteral, options: options, protocols: [])
    if tlsContexts.count >= Self.tlsContextsMax { tlsContexts = [:] }
    tlsContexts[host] = context
    return context
  }
}
