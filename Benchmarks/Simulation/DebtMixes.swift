extension SimulationScenario {
  /// Clients whose single requests are large against the limit: what they were given too much has to be held against what they ask next. Each client has one
  /// request at a time, so that over the whole run no more may pass than the rate gives and one request of each.
  public static var debtMixes: [SimulationScenario] {
    [
      mix("huge prompts, 1 node", limit: 10_000, nodes: 1, clients: 8) { $0.prompts = 3000...9900 },
      mix("prompts that never fit, 1 node", limit: 10_000, nodes: 1, clients: 8) { $0.prompts = 150_000...200_000 },
      mix("4 clients with huge prompts, 4 nodes", limit: 100_000, nodes: 4, clients: 4) {
        $0.prompts = 60_000...99_000
      },
      mix("answers of 20,000 in one piece, 4 nodes", limit: 10_000, nodes: 4, clients: 8) {
        ($0.answers, $0.outputMean, $0.unitsPerSecond) = (.onePiece, 20_000, 4000)
      },
      mix("the same with max_tokens, 4 nodes", limit: 10_000, nodes: 4, clients: 8) {
        ($0.answers, $0.outputMean, $0.unitsPerSecond) = (.onePiece, 20_000, 4000)
        $0.maxTokensFactor = 1.5
      },
      mix("events of 5,000, 4 nodes", limit: 10_000, nodes: 4, clients: 8) {
        ($0.answers, $0.outputMean, $0.unitsPerSecond) = (.events(units: 5000), 10_000, 1000)
      },
      mix("30 clients with slow answers in one piece, 4 nodes", limit: 10_000, nodes: 4, clients: 30) {
        ($0.answers, $0.outputMean, $0.unitsPerSecond) = (.onePiece, 400, 20)
      },
    ]
  }

  /// Clients that ask again as soon as they have their answer, far from the limit's end.
  public static var leaseTrap: [SimulationScenario] {
    [1, 4].map { nodes in
      mix(
        "64 clients in a closed loop, \(nodes == 1 ? "1 node" : "\(nodes) nodes")", limit: 1_000_000_000_000,
        nodes: nodes, clients: 64
      ) {
        ($0.prompts, $0.outputMean, $0.unitsPerSecond, $0.stepMilliseconds) = (10...10, 5, 5000, 20)
        $0.milliseconds = 10_000
      }
    }
  }

  /// One client that asks again at once, whatever node it comes to, on a limit that is small against its requests. Half of it is what comes at once, as the gateway gives if
  /// nobody says otherwise; the other half is the rate.
  public static var smallLimits: [SimulationScenario] {
    let answers: [(String, Answers)] = [("", .streamed), (", answers in one piece", .onePiece)]
    return answers.flatMap { name, answers in
      [1, 4].map { nodes in
        mix(
          "1,000 tokens a minute, 1 client, \(nodes == 1 ? "1 node" : "\(nodes) nodes")\(name)", limit: 1000,
          nodes: nodes, clients: 1
        ) {
          ($0.prompts, $0.outputMean, $0.answers, $0.burstSeconds) = (20...60, 60, answers, 30)
        }
      }
    }
  }

  private static func mix(
    _ name: String, limit: Int, nodes: Int, clients: Int, _ change: (inout SimulationScenario) -> Void
  ) -> SimulationScenario {
    var scenario = SimulationScenario()
    (scenario.name, scenario.limit, scenario.nodes, scenario.clients) = (name, limit, nodes, clients)
    (scenario.milliseconds, scenario.stepMilliseconds) = (3_600_000, 100)
    change(&scenario)
    return scenario
  }
}
