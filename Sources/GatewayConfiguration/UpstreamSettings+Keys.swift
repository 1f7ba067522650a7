/// An upstream as far as it has been read; what the file leaves open comes from the provider's preset.
struct UpstreamDraft: Sendable {
  /// The keys with defaults of their own; name, provider and endpoints are filled in at the end.
  var settings = UpstreamSettings(name: "", provider: .openAICompatible)
  var provider: ProviderPreset?
  var baseURL: UpstreamURL?
  var endpoints: [EndpointSettings]?
  var authentication: AuthenticationStyle?
  var usage: Bool?
  var headers: [HeaderSetting] = []

  static let section = ConfigurationSection<UpstreamDraft>(fields: [
    .value(
      "provider", \.provider, .provider, default: Self(), required: true,
      "What kind of service it is; gives the base URL, the key's header and what may be asked of it."),
    .value(
      "baseURL", \.baseURL, .optional(.url), default: Self(),
      "Where it answers, `/v1` included; left out, the provider's own. Not together with `endpoints`."),
    .endpoints,
    .value(
      "apiKeys", \.settings.apiKeys, .list(of: .secret), default: Self(),
      "Keys sent to it, used in turn; write variables: `[\"${OPENAI_API_KEY}\"]`."),
    .value(
      "authentication", \.authentication, .optional(.choice), default: Self(),
      "The header that carries the key; left out, the provider's own."),
    .headers,
    .value(
      "usage", \.usage, .optional(.boolean), default: Self(),
      "Whether `stream_options.include_usage` may be sent; left out, what is known of the provider."),
    .value("balance", \.settings.balance, .choice, default: Self(), "How one of several endpoints is chosen."),
    .section("pool", \.settings.pool, PoolSettings.section, "How many sessions are kept, over the whole process."),
    .section("timeouts", \.settings.timeouts, UpstreamTimeouts.section, "How long it may take."),
    .section("tls", \.settings.tls, UpstreamTLSSettings.section, "TLS, for `https` URLs."),
    .value(
      "dnsRefresh", \.settings.dnsRefresh, .duration(.seconds(1) ... .seconds(86_400)), default: Self(),
      "How long a DNS answer is used."),
  ])

  /// The upstream with its preset filled in; nil when something is missing, which is then reported.
  func settings(name: String, _ path: String, _ reading: inout ConfigurationReading) -> UpstreamSettings? {
    guard let provider else {
      reading.report(
        at: path, "`provider` is missing", "Name the service, or write `provider: openai-compatible` with a baseURL")
      return nil
    }
    guard baseURL == nil || endpoints == nil else {
      reading.report(at: "\(path).baseURL", "`baseURL` and `endpoints` are both given", "Keep one of them")
      return nil
    }
    var upstream = UpstreamSettings(name: name, provider: provider)
    if let baseURL { upstream.endpoints = [EndpointSettings(url: baseURL)] }
    if let endpoints { upstream.endpoints = endpoints }
    guard !upstream.endpoints.isEmpty else {
      reading.report(
        at: path, "no address", "\(provider.name) has no usual one: give `baseURL` or `endpoints`")
      return nil
    }
    upstream.apiKeys = settings.apiKeys
    upstream.authentication = authentication ?? provider.authentication
    upstream.asksForUsage = usage ?? provider.acceptsIncludeUsage
    upstream.headers =
      provider.headers.filter { preset in !headers.contains { $0.name.lowercased() == preset.name.lowercased() } }
      + headers
    upstream.balance = settings.balance
    upstream.pool = settings.pool
    upstream.timeouts = settings.timeouts
    upstream.tls = settings.tls
    upstream.dnsRefresh = settings.dnsRefresh
    return upstream
  }
}

private struct EndpointDraft: Sendable {
  var url: UpstreamURL?
  var weight = 1

  static let section = ConfigurationSection<EndpointDraft>(
    fields: [
      .value("url", \.url, .optional(.url), default: Self(), required: true, "The base URL, `/v1` included."),
      .value(
        "weight", \.weight, .integer(1...1000), default: Self(), "Its share against the other endpoints."),
    ],
    readShort: { node, path, draft, reading in
      guard case .text = node.content else { return false }
      draft.url = ConfigurationValueType.url.read(node, path, &reading)
      return true
    })
}

extension ConfigurationField where Root == UpstreamDraft {
  /// Endpoints of one upstream.
  static var endpointsMax: Int { 256 }

  fileprivate static var endpoints: Self {
    let section = EndpointDraft.section
    let key = ConfigurationKey(
      path: "endpoints", kind: .sections(elementsOrText: true), defaultText: nil, isRequired: false, reload: .live,
      sentence: "Several addresses of the same service; an entry may be just the URL. Not together with `baseURL`.")
    return ConfigurationField(name: "endpoints", keys: [key] + section.keys(below: "endpoints[]")) {
      node, path, root, reading in
      let before = reading.problems.count
      let endpoints = readSections(node, path, section, draft: EndpointDraft(), &reading) { draft, path, reading in
        guard let url = draft.url else {
          reading.report(at: path, "`url` is missing", "Write {url: http://host:port/v1}")
          return nil as EndpointSettings?
        }
        return EndpointSettings(url: url, weight: draft.weight)
      }
      guard reading.problems.count == before else { return }
      guard (1...endpointsMax).contains(endpoints.count) else {
        reading.report(node.position, path, "\(endpoints.count) endpoints", "Give 1 to \(endpointsMax)")
        return
      }
      root.endpoints = endpoints
    } changes: { _, _ in
      []
    }
  }

  /// Fields that the gateway itself sets, so that no configuration can contradict the message it frames.
  private static var ownHeaders: Set<String> {
    [
      "host", "content-length", "transfer-encoding", "connection", "keep-alive", "te", "trailer", "upgrade", "expect",
      "proxy-connection", "proxy-authorization",
    ]
  }

  fileprivate static var headers: Self {
    let key = ConfigurationKey(
      path: "headers", kind: .secretsByName, defaultText: nil, isRequired: false, reload: .live,
      sentence: "Header fields set on every request to it; values may hold variables and are never printed.")
    return ConfigurationField(name: "headers", keys: [key]) { node, path, root, reading in
      guard case .mapping(let entries) = node.content else {
        reading.report(node.position, path, "expected header names with values, found \(node.kindInWords)")
        return
      }
      for entry in entries {
        let path = "\(path).\(entry.key.prefix(64))"
        guard !entry.key.isEmpty, entry.key.utf8.allSatisfy(ASCII.isToken) else {
          reading.report(entry.position, path, "not a header name", "Use letters, digits and `-`")
          continue
        }
        guard !ownHeaders.contains(entry.key.lowercased()) else {
          reading.report(entry.position, path, "the gateway sets this field itself", "Take it out")
          continue
        }
        guard !root.headers.contains(where: { $0.name.lowercased() == entry.key.lowercased() }) else {
          reading.report(entry.position, path, "the field stands twice", "Keep one; letter case does not count")
          continue
        }
        guard let value = reading.text(entry.value, path, expected: "a text") else { continue }
        guard value.text.utf8.allSatisfy({ (0x20...0x7E).contains($0) }), value.text.first != " ",
          value.text.last != " "
        else {
          reading.report(
            entry.value.position, path, "the value has characters that a header may not carry, or a space at an end",
            "Use visible ASCII characters")
          continue
        }
        root.headers.append(HeaderSetting(name: entry.key, value: Secret(value.text)))
      }
    } changes: { _, _ in
      []
    }
  }
}

extension PoolSettings {
  static let section = ConfigurationSection<PoolSettings>(fields: [
    .value(
      "maxSessions", \.maxSessions, .integer(1...1_000_000), default: Self(), "Sessions at once, busy and idle."),
    .value("minIdle", \.minIdle, .integer(0...100_000), default: Self(), "Idle sessions kept ready."),
    .value(
      "maxQueue", \.maxQueue, .integer(0...1_000_000), default: Self(), "Requests that may wait for a session."),
    .value(
      "queueTimeout", \.queueTimeout, .duration(.zero ... .seconds(600)), default: Self(),
      "How long a request may wait for a session."),
    .value(
      "idleTimeout", \.idleTimeout, .duration(.milliseconds(100) ... .seconds(86_400)), default: Self(),
      "How long a session may be idle before it is closed."),
    .value(
      "maxRequestsPerSession", \.maxRequestsPerSession, .integer(0...1_000_000_000), default: Self(),
      "Requests after which a session is closed; 0 means without end."),
  ])
}

extension UpstreamTimeouts {
  static let section = ConfigurationSection<UpstreamTimeouts>(fields: [
    .value(
      "connect", \.connect, .duration(.milliseconds(10) ... .seconds(300)), default: Self(),
      "To accept a connection, TLS included."),
    .value(
      "firstToken", \.firstToken, .duration(.milliseconds(10) ... .seconds(3600)), default: Self(),
      "From the request sent to the first content of a stream; of an answer in one piece, from its head to its first byte."
    ),
    .value(
      "betweenTokens", \.betweenTokens, .duration(.milliseconds(10) ... .seconds(3600)), default: Self(),
      "Between two pieces of content; comments and empty deltas do not count."),
    .value(
      "answer", \.answer, .duration(.milliseconds(10) ... .seconds(86_400)), default: Self(),
      "From the request sent to the first byte of an answer that is not streamed: nothing shows before it that the upstream is at work."
    ),
    .value(
      "total", \.total, .duration(.milliseconds(10) ... .seconds(86_400)), default: Self(), "For the whole answer."),
  ])
}

extension UpstreamTLSSettings {
  static let section = ConfigurationSection<UpstreamTLSSettings>(fields: [
    .value(
      "caFile", \.caFile, .optionalText, default: Self(),
      "PEM file with the authorities to trust instead of the system's."),
    .value(
      "certificateFile", \.certificateFile, .optionalText, default: Self(), "PEM file with the certificate to show."),
    .value("keyFile", \.keyFile, .optionalText, default: Self(), "PEM file with that certificate's key."),
    .value(
      "serverName", \.serverName, .optionalText, default: Self(),
      "The name sent and checked, when it is not the URL's host."),
    .value(
      "verify", \.verify, .boolean, default: Self(), "False accepts any certificate: for tests on one machine only."),
  ])
}
