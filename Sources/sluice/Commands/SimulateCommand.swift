import ArgumentParser
import ScriptedUpstream

/// `sluice simulate`: the simulator alone, for tests in other processes.
struct SimulateCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "simulate", abstract: "Run the simulated upstream alone.", shouldDisplay: false)

  @Option(name: .shortAndLong, help: "The port to listen on; 0 lets the system choose.")
  var port: UInt16 = 9000

  @Option(help: "How answers are given where the request does not say, such as 'events=20 gap=10ms'.")
  var script: String?

  func run() async throws {
    ProcessLimits.raiseDescriptorLimit()
    var settings = ScriptedUpstreamSettings()
    settings.port = port
    if let script { settings.defaultScript = try Script(parsing: script) }
    let server = try ScriptedUpstreamServer(settings)
    print("simulator listens on 127.0.0.1:\(server.port)")
    while !Task.isCancelled { try await Task.sleep(for: .seconds(3600)) }
  }
}
