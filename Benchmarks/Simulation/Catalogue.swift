extension SimulationScenario {
  /// The scenarios of docs/limits.md, by heading.
  public static var catalogue: [(heading: String, scenarios: [SimulationScenario])] {
    [
      ("100,000 tokens a minute, 8 nodes, 10 minutes", schemes(limit: 100_000, minutes: 10)),
      ("1,000,000 tokens a minute, 8 nodes, 3 minutes", schemes(limit: 1_000_000, minutes: 3)),
      ("Variations: 100,000 tokens a minute, 8 nodes, 3 × demand, 10 minutes", variations),
      ("A small limit: 10,000 tokens a minute, 1 node, 10 minutes", small),
      ("A small limit: one client that asks again at once, an hour", smallLimits),
      ("Many nodes: 3 × demand, 3 minutes", manyNodes),
      ("Large requests: clients that ask again at once, an hour", debtMixes),
      ("Closed loop: 10^12 tokens a minute, 10 seconds", leaseTrap),
      ("Faults: 100,000 tokens a minute, 8 nodes, 3 × demand, 10 minutes", faulty),
    ]
  }

  private static func schemes(limit: Int, minutes: Int) -> [SimulationScenario] {
    Scheme.allCases.reversed().flatMap { scheme in
      [0.8, 3, 10].map { demand in
        variation("\(scheme.rawValue), \(demand) ×") {
          ($0.scheme, $0.demand, $0.limit, $0.milliseconds) = (scheme, demand, limit, minutes * 60_000)
        }
      }
    }
  }

  private static var variations: [SimulationScenario] {
    [
      variation("burst of 10 s") { $0.burstSeconds = 10 },
      variation("burst of 3 s") { $0.burstSeconds = 3 },
      variation("answers of 2,500 on average") { $0.outputMean = 2500 },
      variation("prompts guessed wrong by up to 20 %") { $0.promptError = 0.2 },
      variation("prompts guessed too low by half") { $0.promptBias = 0.5 },
      variation("no look-ahead") { $0.looksAhead = false },
      variation("no look-ahead, 1,000,000 a minute") { ($0.looksAhead, $0.limit) = (false, 1_000_000) },
    ]
  }

  /// A twelfth of the limit at once, and an answer's tokens, as the gateway gives if nobody says otherwise.
  private static var small: [SimulationScenario] {
    [0.5, 3].flatMap { demand in
      [(833, 5.0), (1024, 6.144)].map { burst, seconds in
        variation("burst of \(burst), \(demand) ×") {
          ($0.nodes, $0.limit, $0.demand, $0.burstSeconds) = (1, 10_000, demand, seconds)
        }
      }
    }
  }

  private static var manyNodes: [SimulationScenario] {
    [32, 100, 1000].flatMap { nodes in
      [100_000, 10_000_000].map { limit in
        variation("\(nodes) nodes, \(limit) a minute") {
          ($0.nodes, $0.limit, $0.milliseconds) = (nodes, limit, 180_000)
        }
      }
    }
  }

  private static var faulty: [SimulationScenario] {
    let faults: [(String, [Fault])] = [
      ("store down 2 minutes of 10", [.storeDown(from: 60_000, until: 180_000)]),
      ("store takes 500 ms, 2 minutes", [.storeSlow(from: 60_000, until: 180_000, milliseconds: 500)]),
      ("store restarts empty each minute", (1...9).map { .storeEmptied(at: $0 * 60_000) }),
      ("a replica 3 s behind takes over each minute", (1...9).map { .storeRolledBack(at: $0 * 60_000, by: 3000) }),
      (
        "store's clock an hour ahead, and back",
        [.clockJumps(at: 100_000, by: 3_600_000), .clockJumps(at: 200_000, by: -3_600_000)]
      ),
      ("a node crashes each minute", (1...9).map { .nodeCrashes(at: $0 * 60_000, node: $0 % 8) }),
      ("1 node of 8 cut off for 2 minutes", [.partition(from: 60_000, until: 180_000, nodes: 1)]),
      ("4 nodes of 8 cut off for 2 minutes", [.partition(from: 60_000, until: 180_000, nodes: 4)]),
    ]
    var scenarios = faults.map { name, faults in variation(name) { $0.faults = faults } }
    scenarios.append(
      variation("fixed window, store restarts empty each minute") {
        ($0.scheme, $0.faults) = (.fixedWindow, (1...9).map { .storeEmptied(at: $0 * 60_000) })
      })
    scenarios.append(
      variation("store restarts empty each minute, 2 nodes, burst 12 s") {
        ($0.nodes, $0.burstSeconds, $0.faults) = (2, 12, (1...9).map { .storeEmptied(at: $0 * 60_000) })
      })
    scenarios.append(
      variation("broken on purpose: snapshots ignored, store empty each minute, 2 nodes, burst 12 s") {
        ($0.breakage, $0.faults) = (.snapshotIgnored, (1...9).map { .storeEmptied(at: $0 * 60_000) })
        ($0.nodes, $0.burstSeconds) = (2, 12)
      })
    scenarios.append(
      variation("broken on purpose: debts dropped, prompts too low by half") {
        ($0.breakage, $0.promptBias) = (.debtDropped, 0.5)
      })
    return scenarios
  }

  private static func variation(_ name: String, _ change: (inout SimulationScenario) -> Void) -> SimulationScenario {
    var scenario = SimulationScenario()
    scenario.name = name
    change(&scenario)
    return scenario
  }
}
