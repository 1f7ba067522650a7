import GatewayConfiguration
import Reactor
import TestKit
import Testing
import Transport

@testable import Upstreams

/// Reactors, a server's reactor and one supervised upstream; ends with the test's body.
struct House {
  let reactors: [Reactor]
  let serverReactor: Reactor
  let supervisor: UpstreamSupervisor

  struct Away: Error {}

  /// - Parameter urls: the endpoints; each has the weight 1.
  static func with(
    reactors count: Int = 1, urls: (Reactor) throws -> [String], resolver: Resolver = Resolver(),
    _ change: (inout UpstreamSettings) -> Void = { _ in }, _ body: (House) async throws -> Void
  ) async throws {
    let group = ReactorGroup.started(count: count + 1)
    let reactors = Array(group.reactors.prefix(count))
    do {
      let settings = try settings(urls(group.reactors[count]), change)
      let supervisor = try UpstreamSupervisor(
        settings: settings, reactors: reactors, contexts: reactors.map { UpstreamContext(reactor: $0) },
        resolver: resolver)
      let running = reactors[0].startTask { await supervisor.run() }
      let house = House(reactors: reactors, serverReactor: group.reactors[count], supervisor: supervisor)
      try await body(house)
      await supervisor.shutDown()
      await running.value
    } catch {
      group.shutDown()
      throw error
    }
    group.shutDown()
  }

  static func settings(_ urls: [String], _ change: (inout UpstreamSettings) -> Void) throws -> UpstreamSettings {
    let endpoints = try urls.map { EndpointSettings(url: try #require(UpstreamURL($0))) }
    var settings = UpstreamSettings(
      name: "test", provider: try #require(ProviderPreset.all.first), endpoints: endpoints)
    change(&settings)
    return settings
  }

  func pool(_ index: Int = 0) -> SessionPool { supervisor.pool(on: index) }
  func gauges() async -> PoolGauges { await supervisor.gauges().pool }
}

/// Waits until `condition` holds, at most five seconds; says whether it came to hold.
func eventually(_ condition: () async -> Bool) async -> Bool {
  let clock = ContinuousClock()
  let end = clock.now + .seconds(5) * testPatience
  while clock.now < end {
    if await condition() { return true }
    try? await Task.sleep(for: .milliseconds(5))
  }
  return await condition()
}
