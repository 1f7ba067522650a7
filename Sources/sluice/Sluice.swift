import ArgumentParser

/// The command line.
@main
struct Sluice: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "sluice",
    abstract: "An AI gateway: one OpenAI-compatible endpoint before many models.",
    subcommands: [
      ServeCommand.self, ValidateCommand.self, DemoCommand.self, KeysCommand.self, StatusCommand.self,
      ReloadCommand.self, VocabularyCommand.self, CountCommand.self, ReferenceCommand.self, VersionCommand.self,
      SimulateCommand.self,
    ])
}
