/// Runs scenarios: M nodes, demand and faults on a virtual clock, over the machines that the gateway runs. The same seed gives the same run.
public enum Simulation {
  /// Runs one.
  public static func run(_ scenario: SimulationScenario, seed: UInt64) -> SimulationResult {
    switch scenario.scheme {
    case .lease:
      var simulation = LeaseSimulation(scenario, seed: seed)
      return simulation.run()
    case .fixedWindow, .reserve:
      var simulation = CounterSimulation(scenario, seed: seed)
      return simulation.run()
    }
  }
}
