extension GatewaySettings {
  /// Settings for a start without a file: an upstream for each provider whose usual variables are set, reached as
  /// `provider/model`. Nil when none is set.
  ///
  /// - `OPENAI_API_KEY`, `DEEPSEEK_API_KEY`, `DASHSCOPE_API_KEY` and so on (see ``ProviderPreset/keyVariables``) make the hosted
  ///   services; `VLLM_BASE_URL`, `OLLAMA_BASE_URL` and so on make the ones on your own machines, and move the hosted ones. A base
  ///   URL without a path gets the provider's usual one, because many of these variables are customarily set without `/v1`.
  /// - `PORT` sets the port, `SLUICE_LISTEN` the whole address, `LOG_LEVEL` the level of the log.
  ///
  /// Requests need no key, since there are no consumers to own one. Therefore the gateway listens on 127.0.0.1: this is the start on
  /// a laptop, and on an open port everybody who finds it would spend the keys of whoever started it.
  public static func fromEnvironment(
    _ variables: @escaping (String) -> String?
  ) throws(InvalidConfiguration) -> GatewaySettings? {
    var reader = EnvironmentReader(variables: variables)
    let settings = reader.settings()
    guard reader.problems.isEmpty else { throw InvalidConfiguration(problems: reader.problems) }
    return settings.upstreams.isEmpty ? nil : settings
  }
}

/// Reads the variables and collects what is wrong with them; their values are never shown.
private struct EnvironmentReader {
  let variables: (String) -> String?
  var problems: [ConfigurationProblem] = []

  mutating func settings() -> GatewaySettings {
    var settings = GatewaySettings()
    settings.anonymous = true
    settings.server.listen = [listen()]
    if let level = value("LOG_LEVEL") {
      if let level = LogLevel(rawValue: level.lowercased()) {
        settings.log.level = level
      } else {
        report("LOG_LEVEL", "not a level", "Give one of " + LogLevel.allCases.map(\.rawValue).joined(separator: ", "))
      }
    }
    for preset in ProviderPreset.all {
      if let upstream = upstream(preset) { settings.upstreams.append(upstream) }
    }
    return settings
  }

  private mutating func listen() -> ListenAddress {
    var address = ListenAddress(host: "127.0.0.1", port: 8080)
    if let text = value("SLUICE_LISTEN") {
      guard let given = ListenAddress(text) else {
        report("SLUICE_LISTEN", "not host:port", "For example 0.0.0.0:8080")
        return address
      }
      return given
    }
    if let text = value("PORT") {
      guard let port = UInt16(text) else {
        report("PORT", "not a port", "Give 0 to 65535")
        return address
      }
      address.port = Int(port)
    }
    return address
  }

  private mutating func upstream(_ preset: ProviderPreset) -> UpstreamSettings? {
    let keyVariable = preset.keyVariables.first { value($0) != nil }
    let urlVariable = preset.baseURLVariable.flatMap { value($0) == nil ? nil : $0 }
    let isHosted = preset.baseURL?.hasPrefix("https:") == true
    guard urlVariable != nil || (keyVariable != nil && isHosted) else { return nil }
    var upstream = UpstreamSettings(name: preset.name, provider: preset)
    if let urlVariable {
      guard let url = baseURL(urlVariable, preset) else { return nil }
      upstream.endpoints = [EndpointSettings(url: url)]
    }
    if let keyVariable, let key = value(keyVariable) {
      guard key.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else {
        report(keyVariable, "the value has a space or a character that no header may carry", "Is a line end in it?")
        return nil
      }
      upstream.apiKeys = [Secret(key)]
    }
    return upstream
  }

  private mutating func baseURL(_ variable: String, _ preset: ProviderPreset) -> UpstreamURL? {
    guard let text = value(variable), let url = UpstreamURL(text) else {
      report(variable, "not a base URL", "Write http:// or https://, a host, perhaps a port and a path such as /v1")
      return nil
    }
    guard url.pathPrefix.isEmpty else { return url }
    let usualPath =
      preset.baseURL.flatMap(UpstreamURL.init)?.pathPrefix ?? (preset.name == "azure" ? "/openai/v1" : "/v1")
    return UpstreamURL(url.description + usualPath)
  }

  /// An empty variable counts as unset, as everywhere.
  private func value(_ name: String) -> String? { variables(name).flatMap { $0.isEmpty ? nil : $0 } }

  private mutating func report(_ variable: String, _ message: String, _ mend: String) {
    problems.append(
      ConfigurationProblem(file: "environment", line: 1, column: 1, path: variable, message: message, mend: mend))
  }
}
