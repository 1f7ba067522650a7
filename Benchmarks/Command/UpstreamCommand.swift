import ArgumentParser
import CLinux
import Foundation
import Reactor

/// The upstream process: serves until it is ended, and prints the port that it listens on.
struct UpstreamCommand: ParsableCommand {
  static let configuration = CommandConfiguration(commandName: "upstream", shouldDisplay: false)

  @Option(help: "The port to listen on; 0 takes a free one.") var port: UInt16 = 0
  @Option(help: "Events of a stream that carry text.") var textEvents: Int
  @Option(help: "Milliseconds between two events; 0 sends as fast as the others allow.") var gapMilliseconds: Int

  func run() throws {
    sluice_ignore_sigpipe()
    let reactor = Reactor(index: 0)
    let answers = UpstreamAnswers(textEvents: textEvents)
    guard let address = SocketAddress(literal: "127.0.0.1", port: port) else { throw BenchmarkError("no loopback") }
    let server = UpstreamServer(reactor, answers, gap: .milliseconds(gapMilliseconds))
    let listening = try server.listen(on: address)
    FileHandle.standardOutput.write(Data("\(listening.port)\n".utf8))
    reactor.run()
  }
}
