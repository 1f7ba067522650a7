import Foundation
@testable import Gateway
import GatewayConfiguration
import Lifecycle
import Testing

@Suite("docs/failure-modes.md")
struct FailureModesTests {
  private static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent()
  private static let page = root.appending(path: "docs/failure-modes.md")

  /// What stands between the two comments of that name must be what is printed.
  private func expectPrinted(_ name: String, _ table: String) throws {
    var text = try String(contentsOf: Self.page, encoding: .utf8)
    let begin = try #require(text.range(of: "<!-- printed: \(name) -->\n"))
    let end = try #require(text.range(of: "<!-- end: \(name) -->", range: begin.upperBound..<text.endIndex))
    let place = begin.upperBound..<end.lowerBound
    if ProcessInfo.processInfo.environment["SLUICE_WRITE_DOCS"] == "1" {
      text.replaceSubrange(place, with: table)
      try Data(text.utf8).write(to: Self.page)
    } else {
      #expect(
        text[place] == table,
        "run `SLUICE_WRITE_DOCS=1 swift test --filter FailureModesTests` and commit docs/failure-modes.md")
    }
  }

  private func words(_ reaction: FaultTable.Reaction) -> String {
    var steps: [String] = []
    if reaction.contains(.sameEndpoint) { steps.append("the same endpoint over a new connection") }
    if reaction.contains(.otherEndpoint) { steps.append("another endpoint") }
    if reaction.contains(.nextCandidate) { steps.append("the next candidate") }
    return steps.isEmpty ? "nothing" : steps.joined(separator: ", ")
  }

  @Test("the tables are those of the code")
  func tables() throws {
    var classes = "| class | what it is | what is tried, in this order |\n|---|---|---|\n"
    for fault in FaultClass.allCases {
      let name = try #require(FaultName(rawValue: "\(fault)"))
      classes += "| `\(fault)` | \(name.sentence) | \(words(FaultTable.usual[fault])) |\n"
    }
    try expectPrinted("classes", classes)

    var statuses = "| status | for a model | elsewhere | the client gets, for a model |\n|---|---|---|---|\n"
    for status in [400, 401, 402, 403, 404, 407, 408, 410, 413, 422, 424, 425, 429, 499, 500, 502, 503, 504, 529] {
      let kind = FaultClass(status: status, namesModel: true)
      let error = GatewayError.refusedGateway(status: status, words: nil, upstream: "x")
      let told =
        ErrorAnswer.isPassedOn(kind, status: status) ? "\(status), passed on" : "\(error.status) `\(error.code)`"
      statuses += "| \(status) | `\(kind)` | `\(FaultClass(status: status, namesModel: false))` | \(told) |\n"
    }
    try expectPrinted("statuses", statuses)
  }

  @Test("every class has its row in each table that tells of it")
  func rows() throws {
    let text = try String(contentsOf: Self.page, encoding: .utf8)
    for fault in FaultClass.allCases {
      let count = text.components(separatedBy: "\n| `\(fault)` |").count - 1
      #expect(count == 2, "`\(fault)` is told of in \(count) tables")
    }
    for delivered in Delivered.allCases { #expect(text.contains("| `\(delivered)` |"), "\(delivered)") }
  }

  @Test("every test that it names exists")
  func tests() throws {
    let text = try String(contentsOf: Self.page, encoding: .utf8)
    let links = text.matches(of: /\[(\w+)\.(\w+)\]\(\.\.\/([^)]+\.(?:swift|py))\)/)
    #expect(links.count > 20)
    for link in links {
      let file = try String(contentsOf: Self.root.appending(path: String(link.output.3)), encoding: .utf8)
      #expect(
        file.contains("func \(link.output.2)(") || file.contains("def \(link.output.2)("), "\(link.output.0)")
    }
  }
}

@Suite("docs/architecture.md")
struct ArchitecturePageTests {
  @Test("names every stage of a request's machine, in order")
  func stages() throws {
    let page = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().appending(path: "docs/architecture.md")
    let text = try String(contentsOf: page, encoding: .utf8)
    let places = try ExchangeMachine.Stage.allCases.map { stage in
      try #require(text.range(of: "\n| `\(stage)` |"), "\(stage)").lowerBound
    }
    #expect(places == places.sorted())
  }
}
