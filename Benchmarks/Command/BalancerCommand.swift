import ArgumentParser
import CLinux
import Foundation

/// The balancer process: serves until it is ended, and prints the port that it listens on.
struct BalancerCommand: ParsableCommand {
  static let configuration = CommandConfiguration(commandName: "balancer", shouldDisplay: false)

  @Option(help: "Ports of the loopback address, in turn.") var target: [UInt16]

  func run() throws {
    sluice_ignore_sigpipe()
    try Balancer(targets: target).run { FileHandle.standardOutput.write(Data("\($0)\n".utf8)) }
  }
}
