import Lifecycle

/// What must occur, and what has not.
extension ExchangeCoverage {
  /// The stages in which the world can bring an event about. Others follow from a step in the same instant.
  private static let possible: [EventKind: [ExchangeMachine.Stage]] = [
    .answered: [.receiving], .routed: [.receiving], .began: [.admitting, .leasing],
    .admitted: [.admitting, .ended], .admissionWaits: [.admitting], .admissionRefused: [.admitting, .ended],
    .leased: [.leasing, .ended], .leaseWaits: [.leasing], .sent: [.sending], .answerBegan: [.asking],
    .delivered: [.relaying], .progressed: [.relaying], .upstreamEnded: [.relaying], .completed: [.relaying],
    .failed: [.admitting, .leasing, .sending, .asking, .relaying], .limitReached: [.relaying],
    .limitGivesMore: [.relaying, .ended], .limitWaits: [.relaying], .limitRefuses: [.relaying, .ended],
    .clientSlow: [.asking, .relaying], .clientReady: [.asking, .relaying, .ended],
    .clientLeft: [.receiving, .admitting, .leasing, .asking, .relaying, .ended],
    .mustEnd: [.receiving, .admitting, .leasing, .asking, .relaying, .ended],
    .time: [.receiving, .admitting, .leasing, .asking, .relaying, .ended],
  ]

  private static let steps: [ExchangeAction.Step] = [
    .nothing, .admit, .lease(.any), .lease(.fresh), .lease(.otherEndpoint), .send, .askForMore, .goOn, .resume, .hold,
    .showLife, .timedOut(.answer), .timedOut(.firstToken), .timedOut(.betweenTokens), .timedOut(.total),
    .close(.document), .close(.refused), .close(.whole), .close(.fault), .close(.truncated), .close(.abandoned),
    .close(.shutDown),
  ]

  /// What has not occurred although it must.
  public var gaps: [String] {
    var gaps: [String] = []
    for event in EventKind.allCases {
      for stage in Self.possible[event] ?? [] where count(event, stage) == 0 {
        gaps.append("\(event) while \(stage)")
      }
    }
    for fault in FaultClass.allCases {
      for point in FaultPoint.allCases where count(fault, at: point) == 0 { gaps.append("\(fault) \(point)") }
      for part in Delivered.allCases where count(fault, behind: part) == 0 { gaps.append("\(fault) behind \(part)") }
    }
    for step in Self.steps where count(step) == 0 { gaps.append(step.words) }
    for possession in [Possessions.leaseWait, .session, .limitWait, .grant] where count(lettingGo: possession) == 0 {
      gaps.append("letting go of \(possession)")
    }
    for stage in Self.stages where stage != .sending && reloads[Int(stage.rawValue)] == 0 {
      gaps.append("a new configuration while \(stage)")
    }
    return gaps
  }

  /// The tables, as Markdown.
  public var description: String {
    var text = table("event", Self.stages.map { "\($0)" }, EventKind.allCases.map { "\($0)" }) { row, column in
      events[row * Self.stages.count + column]
    }
    text += "\n"
    text += table("fault", FaultPoint.allCases.map { "\($0)" }, FaultClass.allCases.map { "\($0)" }) { row, column in
      faultPoints[row * FaultPoint.allCases.count + column]
    }
    text += "\n"
    text += table("fault", Self.parts.map { "\($0)" }, FaultClass.allCases.map { "\($0)" }) { row, column in
      faultParts[row * Self.parts.count + column]
    }
    text += "\n"
    let steps = Self.steps
    text += table("step", ["times"], steps.map(\.words)) { row, _ in count(steps[row]) }
    return text
  }

  private func table(
    _ name: String, _ columns: [String], _ rows: [String], _ count: (_ row: Int, _ column: Int) -> Int
  ) -> String {
    var text = "| \(name) | \(columns.joined(separator: " | ")) |\n"
    text += "|---|\(String(repeating: "---|", count: columns.count))\n"
    for (row, title) in rows.enumerated() {
      let counts = columns.indices.map { count(row, $0) == 0 ? "–" : "\(count(row, $0))" }
      text += "| \(title) | \(counts.joined(separator: " | ")) |\n"
    }
    return text
  }
}
