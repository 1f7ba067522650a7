import ArgumentParser
import Dispatch
import Glibc
import Reactor

/// Where the process begins.
@main
enum Program {
  /// The library below Swift's tasks ends the process by a trap when it can watch no descriptors. So that is tried before the first task, and told in words.
  static func main() {
    do throws(SystemCallError) {
      _ = try Reactor(index: 0)
    } catch {
      Complaint.print("\(error).")
      exit(EXIT_FAILURE)
    }
    Task { @MainActor in
      await Sluice.main()
      exit(EXIT_SUCCESS)
    }
    dispatchMain()
  }
}

/// The command line.
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
