import Gateway
import GatewayConfiguration
import Glibc

/// Where the configuration comes from: a file, or the providers' usual environment variables.
struct ConfigurationSource: Sendable {
  /// The file; nil means the environment.
  let file: String?

  /// The largest file that is read.
  static let fileBytesMax = 4 << 20

  /// Finds the source: the given file, `$SLUICE_CONFIG`, `./sluice.yaml`, `/etc/sluice/sluice.yaml`, else the environment.
  init(given: String?) {
    if let given {
      file = given
    } else if let named = Self.variable("SLUICE_CONFIG") {
      file = named
    } else {
      file = ["sluice.yaml", "/etc/sluice/sluice.yaml"].first { access($0, F_OK) == 0 }
    }
  }

  /// Reads, checks and resolves it. May wait for its file, for a bounded time.
  ///
  /// - Throws: words for the operator.
  func load() throws -> GatewaySettings {
    guard let file else {
      guard let settings = try GatewaySettings.fromEnvironment(Self.variable) else {
        throw SourceError(
          """
          There is no configuration. Give one of:
            sluice serve --config FILE            a file (also $SLUICE_CONFIG, ./sluice.yaml, /etc/sluice/sluice.yaml)
            OPENAI_API_KEY=... sluice serve       a provider's usual variable (DEEPSEEK_API_KEY, DASHSCOPE_API_KEY, ...)
            sluice demo                           a built-in simulator in place of a provider
          """)
      }
      return settings
    }
    let settings = try GatewaySettings.parse(
      try Self.read(file), fileName: file, variables: Self.variable,
      hashKey: { KeyHash.sha256(Array($0.utf8)) }, knowsTimeZone: Gateway.knowsTimeZone)
    try Self.checkFiles(of: settings)
    return settings
  }

  private static func read(_ file: String) throws -> String {
    let bytes = try BoundedFile.read(file, bytesMax: fileBytesMax)
    guard let text = String(validating: bytes, as: UTF8.self) else { throw SourceError("\(file): not valid UTF-8.") }
    return text
  }

  /// Looks at the files that the settings name and a library opens: one that cannot be opened without waiting is refused here.
  private static func checkFiles(of settings: GatewaySettings) throws {
    for upstream in settings.upstreams { try checkFiles(of: upstream.tls, "upstreams.\(upstream.name).tls") }
    if let redis = settings.redis { try checkFiles(of: redis.tls, "redis.tls") }
  }

  private static func checkFiles(of tls: UpstreamTLSSettings, _ path: String) throws {
    for (key, file) in [
      ("caFile", tls.caFile), ("certificateFile", tls.certificateFile), ("keyFile", tls.keyFile),
    ] {
      guard let file else { continue }
      do throws(SourceError) { try BoundedFile.checkIsRegular(file) } catch {
        throw SourceError("\(path).\(key): \(error)")
      }
    }
  }

  /// An environment variable.
  @Sendable static func variable(_ name: String) -> String? {
    getenv(name).map { String(cString: $0) }
  }
}

/// Words for the operator.
struct SourceError: Error, CustomStringConvertible {
  let description: String
  init(_ description: String) { self.description = description }
}
