internal import GatewayConfiguration
internal import Reactor
internal import Transport

/// What a pool needs to connect to one endpoint.
struct EndpointTarget: Sendable {
  let settings: EndpointSettings
  let tls: TLSClientContext?

  init(_ settings: EndpointSettings, _ tls: UpstreamTLSSettings) throws(TransportError) {
    self.settings = settings
    guard settings.url.isTLS else {
      self.tls = nil
      return
    }
    let host = settings.url.host
    self.tls = try TLSClientContext(
      host: host, isAddressLiteral: SocketAddress(literal: host, port: 0) != nil,
      options: .init(
        authorityFile: tls.caFile, certificateFile: tls.certificateFile, keyFile: tls.keyFile,
        serverName: tls.serverName, verifiesPeer: tls.verify))
  }
}
