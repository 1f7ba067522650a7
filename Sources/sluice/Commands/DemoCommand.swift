import ArgumentParser
import Gateway
import GatewayConfiguration
import Glibc
import Logging
import ScriptedUpstream

/// `sluice demo`
struct DemoCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "demo", abstract: "Run the gateway before a built-in simulator: no key, no provider, no file.")

  @Option(name: .shortAndLong, help: "The port to listen on.")
  var port: Int = 8080

  @Option(help: "The pause between two pieces of the simulated answers, in milliseconds.")
  var gap: Int = 30

  func run() async throws {
    let signals = try ProcessSignals()
    ProcessLimits.raiseDescriptorLimit()
    var simulator = ScriptedUpstreamSettings()
    simulator.defaultScript.gap = .milliseconds(max(0, gap))
    let server: ScriptedUpstreamServer
    do throws(ScriptedUpstreamServer.StartError) {
      server = try ScriptedUpstreamServer(simulator)
    } catch {
      Complaint.print("\(error)")
      throw ExitCode(1)
    }
    let settings = try Self.settings(simulatorPort: server.port, port: port, models: simulator.modelNames)
    let logger = ServeCommand.logger(settings.log)
    let port = port
    var service = GatewayService(
      source: ConfigurationSource(given: nil), settings: settings, logger: logger, signals: signals)
    service.started = { _ in
      print(Self.words(port: port))
      // Not a terminal's line buffer, perhaps: a script that waits for these words must get them.
      fflush(nil)
    }
    try await ServeCommand.serve(service)
    server.stop()
  }

  private static func settings(simulatorPort: UInt16, port: Int, models: [String]) throws -> GatewaySettings {
    let entries = models.map { "  \($0): { serve: simulator }" }.joined(separator: "\n")
    let text = """
      server: { listen: "127.0.0.1:\(port)" }
      admin: { listen: "127.0.0.1:0" }
      log: { format: text }
      anonymous: true
      upstreams:
        simulator:
          provider: openai-compatible
          baseURL: http://127.0.0.1:\(simulatorPort)/v1
      models:
      \(entries)
      """
    return try GatewaySettings.parse(text, fileName: "demo", variables: { _ in nil }, hashKey: { _ in [] })
  }

  private static func words(port: Int) -> String {
    """

    Sluice runs at http://127.0.0.1:\(port)/v1 before a simulator. Try:

      curl http://127.0.0.1:\(port)/v1/models
      curl -N http://127.0.0.1:\(port)/v1/chat/completions -H 'content-type: application/json' \\
        -d '{"model":"deepseek-r1","stream":true,"messages":[{"role":"user","content":"Hello"}]}'

    """
  }
}
