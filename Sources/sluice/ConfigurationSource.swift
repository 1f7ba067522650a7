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

  /// Reads, checks and resolves it.
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
    return try GatewaySettings.parse(
      try Self.read(file), fileName: file, variables: Self.variable,
      hashKey: { KeyHash.sha256(Array($0.utf8)) }, knowsTimeZone: Gateway.knowsTimeZone)
  }

  private static func read(_ file: String) throws -> String {
    let descriptor = open(file, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw SourceError("\(file): cannot be opened: \(String(cString: strerror(errno))).") }
    defer { close(descriptor) }
    var bytes: [UInt8] = []
    var piece = [UInt8](repeating: 0, count: 65_536)
    while true {
      let count = Glibc.read(descriptor, &piece, piece.count)
      if count < 0 && errno == EINTR { continue }
      guard count >= 0 else { throw SourceError("\(file): cannot be read: \(String(cString: strerror(errno))).") }
      if count == 0 { break }
      bytes += piece[..<count]
      guard bytes.count <= fileBytesMax else { throw SourceError("\(file): larger than \(fileBytesMax) bytes.") }
    }
    guard let text = String(validating: bytes, as: UTF8.self) else { throw SourceError("\(file): not valid UTF-8.") }
    return text
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
