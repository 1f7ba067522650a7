/// One upstream: where it is, how it is spoken to, and how many sessions are kept to it.
public struct UpstreamSettings: Sendable, Equatable {
  /// Its name in the file.
  public var name: String
  /// What kind of service it is.
  public var provider: ProviderPreset
  /// Where it answers; never empty.
  public var endpoints: [EndpointSettings]
  /// Keys to send; empty for a service that wants none. Several are used in turn.
  public var apiKeys: [Secret] = []
  /// The header that carries the key.
  public var authentication: AuthenticationStyle
  /// How an endpoint is chosen.
  public var balance: Balance = .roundRobin
  /// How many sessions are kept.
  public var pool = PoolSettings()
  /// How long the upstream may take.
  public var timeouts = UpstreamTimeouts()
  /// TLS; used by endpoints with an `https` URL.
  public var tls = UpstreamTLSSettings()
  /// How long a DNS answer is used.
  public var dnsRefresh: Duration = .seconds(30)
  /// True when `stream_options.include_usage` may be sent to it.
  public var asksForUsage: Bool
  /// Header fields set on every request to it: the preset's own, then those of the file.
  public var headers: [HeaderSetting] = []

  /// An upstream with the preset's way of speaking and every other default. A preset without a base URL needs `endpoints`.
  public init(name: String, provider: ProviderPreset, endpoints: [EndpointSettings]? = nil) {
    self.name = name
    self.provider = provider
    self.endpoints = endpoints ?? provider.baseURL.flatMap(UpstreamURL.init).map { [EndpointSettings(url: $0)] } ?? []
    authentication = provider.authentication
    asksForUsage = provider.acceptsIncludeUsage
    headers = provider.headers
  }
}

/// One address of an upstream.
public struct EndpointSettings: Sendable, Equatable {
  /// The base URL, `/v1` included where the service has one.
  public var url: UpstreamURL
  /// Its share against the other endpoints.
  public var weight: Int

  /// An endpoint with its share.
  public init(url: UpstreamURL, weight: Int = 1) {
    self.url = url
    self.weight = weight
  }
}

/// The header that carries an upstream's key.
public enum AuthenticationStyle: String, Sendable, CaseIterable {
  /// `Authorization: Bearer KEY`.
  case bearer
  /// `x-api-key: KEY`.
  case xAPIKey = "x-api-key"
  /// `api-key: KEY`.
  case apiKey = "api-key"
  /// No key is sent.
  case none
}

/// How one of an upstream's endpoints is chosen.
public enum Balance: String, Sendable, CaseIterable {
  /// In turn, by weight, interleaved evenly.
  case roundRobin
  /// By chance, by weight.
  case random
  /// The one with the fewest running requests for its weight.
  case leastRequests
}

/// A header field set on every request to an upstream. Its value may be a secret and is therefore never printed.
public struct HeaderSetting: Sendable, Equatable {
  /// The field name as written.
  public var name: String
  /// The field value, checked: visible characters, spaces and tabs only.
  public var value: Secret

  /// A field from its parts.
  public init(name: String, value: Secret) {
    self.name = name
    self.value = value
  }
}

/// How many sessions are kept to an upstream, and who waits for one. All counts are for the whole process.
public struct PoolSettings: Sendable, Equatable {
  /// Sessions at once, busy and idle.
  public var maxSessions = 16_384
  /// Idle sessions kept ready.
  public var minIdle = 0
  /// Requests that may wait for a session.
  public var maxQueue = 512
  /// How long a request may wait for a session.
  public var queueTimeout: Duration = .seconds(2)
  /// How long a session may be idle before it is closed.
  public var idleTimeout: Duration = .seconds(60)
  /// Requests after which a session is closed; 0 means without end.
  public var maxRequestsPerSession = 0

  /// The defaults.
  public init() {}
}

/// How long an upstream may take.
public struct UpstreamTimeouts: Sendable, Equatable {
  /// To accept a connection, TLS included.
  public var connect: Duration = .seconds(2)
  /// From the request sent to the first content.
  public var firstToken: Duration = .seconds(60)
  /// Between two pieces of content; comments and empty deltas do not count.
  public var betweenTokens: Duration = .seconds(30)
  /// From the request sent to the first byte of an answer in one piece: nothing shows before it that the upstream is at work.
  public var answer: Duration = .seconds(300)
  /// For the whole answer.
  public var total: Duration = .seconds(600)

  /// The defaults.
  public init() {}
}

/// TLS towards an upstream.
public struct UpstreamTLSSettings: Sendable, Equatable {
  /// PEM file with the authorities to trust instead of the system's.
  public var caFile: String?
  /// PEM file with the certificate shown to the upstream.
  public var certificateFile: String?
  /// PEM file with that certificate's key.
  public var keyFile: String?
  /// The name sent and checked, when it is not the URL's host.
  public var serverName: String?
  /// False accepts any certificate: for tests on one machine only.
  public var verify = true

  /// The defaults.
  public init() {}
}
