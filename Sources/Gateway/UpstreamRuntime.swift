internal import GatewayConfiguration
internal import HTTPWire
internal import Lifecycle
internal import Reactor
internal import Synchronization
internal import Upstreams

/// An upstream's supervisor with its pools, for as long as any configuration at work knows it: the last request of the last configuration
/// that does lets go of it, and its sessions close.
final class RunningUpstream: Sendable {
  let supervisor: UpstreamSupervisor
  /// By reactor index.
  let pools: [SessionPool]
  private let reactor: Reactor
  private let isShutDown = Atomic<Bool>(false)

  init(supervisor: UpstreamSupervisor, pools: [SessionPool], reactor: Reactor) {
    self.supervisor = supervisor
    self.pools = pools
    self.reactor = reactor
  }

  /// Ends it together with the gateway: the reactors will be gone when the last configuration is.
  func shutDown() async {
    isShutDown.store(true, ordering: .relaxed)
    await supervisor.shutDown()
  }

  deinit {
    guard !isShutDown.load(ordering: .relaxed) else { return }
    let supervisor = supervisor
    reactor.startTask { await supervisor.shutDown() }
  }
}

/// An upstream as requests use it: its pools, and the parts of a request head that are the same for every request, ready for the wire.
final class UpstreamRuntime: Sendable {
  /// The upstream's name in the configuration.
  let name: String
  let settings: UpstreamSettings
  let running: RunningUpstream
  /// By reactor index.
  let pools: [SessionPool]

  /// The field that names the upstream to clients; empty for a name that cannot stand in a field.
  let nameLine: [UInt8]
  /// Per endpoint: what stands before the path that the client asked for, without its `/v1`.
  let pathPrefixes: [[UInt8]]
  /// Per endpoint: the end of the request line, host and the fields that the configuration adds.
  let headParts: [[UInt8]]
  /// Per key: the credential's field line. One empty line for an upstream without keys.
  let credentialLines: [[UInt8]]
  /// The secrets among them, to keep them out of what is sent down.
  let secrets: [[UInt8]]
  /// Its time-outs as attempts use them.
  let times: AttemptTimes

  init(settings: UpstreamSettings, running: RunningUpstream) {
    name = settings.name
    self.settings = settings
    self.running = running
    pools = running.pools
    var line = OutputBytes()
    try? line.appendField("x-sluice-upstream", value: Array(settings.name.utf8))
    nameLine = line.array
    pathPrefixes = settings.endpoints.map { Array($0.url.pathPrefix.utf8) }
    headParts = settings.endpoints.map { endpoint in
      var part = Array(" HTTP/1.1\r\nhost: \(endpoint.url.authority)\r\naccept-encoding: identity\r\n".utf8)
      for header in settings.headers { part += Array("\(header.name): \(header.value.reveal())\r\n".utf8) }
      return part
    }
    let keys = settings.authentication == .none ? [] : settings.apiKeys
    let lines = keys.map { key in
      switch settings.authentication {
      case .bearer: Array("authorization: Bearer \(key.reveal())\r\n".utf8)
      case .xAPIKey: Array("x-api-key: \(key.reveal())\r\n".utf8)
      case .apiKey: Array("api-key: \(key.reveal())\r\n".utf8)
      case .none: [UInt8]()
      }
    }
    credentialLines = lines.isEmpty ? [[]] : lines
    secrets = keys.map { Array($0.reveal().utf8) }.filter { $0.count >= 8 }
    let timeouts = settings.timeouts
    times = AttemptTimes(
      answer: Span(timeouts.answer), firstToken: Span(timeouts.firstToken), betweenTokens: Span(timeouts.betweenTokens),
      total: Span(timeouts.total), isStream: false, showsLife: false)
  }
}
