import ArgumentParser
import GatewayConfiguration

/// `sluice reference`
struct ReferenceCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "reference", abstract: "Print the reference of the configuration.",
    subcommands: [Markdown.self, Schema.self])

  /// `sluice reference markdown`
  struct Markdown: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "As a page.")
    func run() { print(ConfigurationReference.markdown, terminator: "") }
  }

  /// `sluice reference schema`
  struct Schema: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "As a JSON schema, for editors.")
    func run() { print(ConfigurationSchema.json, terminator: "") }
  }
}
