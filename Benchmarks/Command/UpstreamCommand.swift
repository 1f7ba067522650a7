import ArgumentParser
import CBenchmarks
import Foundation
import Glibc
import ScriptedUpstream

/// The upstream process: serves until it is ended, and prints the port that it listens on.
struct UpstreamCommand: ParsableCommand {
  static let configuration = CommandConfiguration(commandName: "upstream", shouldDisplay: false)

  @Option(help: "What it answers, in the simulator's language.") var script: String

  func run() throws {
    var settings = ScriptedUpstreamSettings()
    settings.defaultScript = try Script(parsing: script)
    // It only counts requests: remembering each would cost more than answering it.
    settings.requestsKeptMax = 0
    bench_stamp_sends()
    let server = try ScriptedUpstreamServer(settings)
    FileHandle.standardOutput.write(Data("\(server.port)\n".utf8))
    while true { pause() }
  }
}
