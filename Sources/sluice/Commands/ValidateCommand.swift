import ArgumentParser
import GatewayConfiguration

/// `sluice validate`
struct ValidateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "validate", abstract: "Check a configuration and say everything that is wrong with it.")

  @OptionGroup var options: ConfigurationOptions
  @Argument(help: "The configuration file, as with --config.")
  var file: String?

  func run() throws {
    let source = ConfigurationSource(given: file ?? options.config)
    let settings = try source.loadOrExit()
    print(
      "\(source.file ?? "The environment") is valid: \(settings.upstreams.count) upstreams, \(settings.models.count) models, \(settings.consumers.count) consumers."
    )
    for note in settings.limits.flatMap(\.notes) { print("Note: \(note)") }
  }
}
