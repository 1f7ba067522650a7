import ArgumentParser
import Foundation

/// The load process: does what the plan says and prints what it found.
struct LoadCommand: ParsableCommand {
  static let configuration = CommandConfiguration(commandName: "load", shouldDisplay: false)

  @Option(help: "The plan, as JSON.") var plan: String

  func run() throws {
    let plan = try JSONDecoder().decode(LoadPlan.self, from: Data(self.plan.utf8))
    let result = try LoadGenerator(plan).run()
    FileHandle.standardOutput.write(try JSONEncoder().encode(result))
  }
}
