import ArgumentParser
import Gateway
import GatewayConfiguration
import Glibc
import Logging
import Reactor

/// `sluice serve`
struct ServeCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(commandName: "serve", abstract: "Run the gateway.")

  @OptionGroup var options: ConfigurationOptions
  @OptionGroup var data: DataOptions

  func run() async throws {
    // Before all that may hang, such as reading the configuration.
    let signals = try ProcessSignals()
    let source = ConfigurationSource(given: options.config)
    let watcher = source.file.map { file in
      Result { () throws(SystemCallError) in try FileWatcher(file: file) }
    }
    let settings = try source.loadOrExit()
    let logger = Self.logger(settings.log)
    let service = GatewayService(
      source: source, settings: settings, logger: logger, signals: signals, watcher: watcher, store: data.store)
    try await Self.serve(service)
  }

  static func logger(_ settings: LogSettings) -> Logger {
    Logger(label: "sluice") { label in
      LineLogHandler(
        label: label, format: settings.format, level: Logger.Level(rawValue: settings.level.rawValue) ?? .info)
    }
  }

  static func serve(_ service: GatewayService) async throws {
    do {
      try await service.run()
    } catch {
      Complaint.print("\(error)")
      throw ExitCode(1)
    }
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
