import ArgumentParser
import Gateway
import GatewayConfiguration
import Glibc
import Logging
import ServiceLifecycle
import UnixSignals

/// `sluice serve`
struct ServeCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(commandName: "serve", abstract: "Run the gateway.")

  @OptionGroup var options: ConfigurationOptions
  @OptionGroup var data: DataOptions

  func run() async throws {
    let source = ConfigurationSource(given: options.config)
    let settings = try source.loadOrExit()
    let logger = Self.logger(settings.log)
    let service = GatewayService(source: source, settings: settings, logger: logger, store: data.store)
    try await Self.serve(service, settings, logger)
  }

  static func logger(_ settings: LogSettings) -> Logger {
    Logger(label: "sluice") { label in
      LineLogHandler(
        label: label, format: settings.format, level: Logger.Level(rawValue: settings.level.rawValue) ?? .info)
    }
  }

  static func serve(_ service: GatewayService, _ settings: GatewaySettings, _ logger: Logger) async throws {
    var configuration = ServiceGroupConfiguration(
      services: [.init(service: service)], gracefulShutdownSignals: [.sigterm, .sigint], logger: quiet(logger))
    // The drain deadline is the service's own; this is the belt to those braces.
    configuration.maximumGracefulShutdownDuration = settings.server.drain + .seconds(10)
    do {
      try await ServiceGroup(configuration: configuration).run()
    } catch {
      Complaint.print("\(error)")
      throw ExitCode(1)
    }
  }

  /// The service group tells each of its steps; its warnings are enough.
  private static func quiet(_ logger: Logger) -> Logger {
    var quiet = logger
    quiet.logLevel = max(logger.logLevel, .warning)
    return quiet
  }
}

/// The option that all commands with a configuration share.
struct ConfigurationOptions: ParsableArguments {
  @Option(
    name: [.short, .long],
    help: """
      The configuration file. Default: $SLUICE_CONFIG, ./sluice.yaml, /etc/sluice/sluice.yaml, else the environment.
      """)
  var config: String?
}

extension ConfigurationSource {
  /// Loads, or prints what is wrong and ends with status 2.
  func loadOrExit() throws -> GatewaySettings {
    do {
      return try load()
    } catch {
      Complaint.print("\(error)")
      throw ExitCode(2)
    }
  }
}

/// Words on standard error.
enum Complaint {
  static func print(_ words: String) {
    var line = words.hasSuffix("\n") ? words : words + "\n"
    line.withUTF8 { bytes in _ = write(STDERR_FILENO, bytes.baseAddress, bytes.count) }
  }
}
