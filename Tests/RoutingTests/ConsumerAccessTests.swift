import GatewayConfiguration
import Routing
import Testing

@Suite("What a consumer may use")
struct ConsumerAccessTests {
  private static let keys = ["a", "b", "c", "d"].map { "sha256:" + String(repeating: $0, count: 64) }

  private static let text =
    RouteTableTests.text + """

      consumers:
        research: { keys: ["\(keys[0])"], models: [deepseek-r1, qwq-32b] }
        everyone: { keys: ["\(keys[1])"] }
        prefixed: { keys: ["\(keys[2])"], models: ["gpt-*", "qwq/*"] }
        narrow: { keys: ["\(keys[3])"], models: [gpt-4.1-nano, best, qwq/Qwen3] }
      """
  private let table: RouteTable
  private let research = 0
  private let everyone = 1
  private let prefixed = 2
  private let narrow = 3

  init() throws { table = try RouteTableTests.table(Self.text) }

  private func mayUse(_ consumer: Int?, _ name: String) throws -> Bool {
    table.mayUse(consumer, try #require(table.resolve(name)))
  }

  @Test("a list admits its names, their aliases and its prefixes; without a list everything is admitted")
  func mayUse() throws {
    #expect(try mayUse(research, "deepseek-r1"))
    #expect(try mayUse(research, "r1"))
    #expect(try !mayUse(research, "gpt-4o"))
    #expect(try !mayUse(research, "deepseek/deepseek-reasoner"), "no way around the list by upstream")
    #expect(try mayUse(everyone, "deepseek/deepseek-reasoner"))
    #expect(try mayUse(nil, "o3"))
    #expect(try mayUse(prefixed, "gpt-4o"))
    #expect(try mayUse(prefixed, "gpt-9"))
    #expect(try mayUse(prefixed, "qwq/anything"))
    #expect(try !mayUse(prefixed, "qwq-32b"))
    #expect(try mayUse(narrow, "gpt-4.1-nano"))
    #expect(try !mayUse(narrow, "gpt-4.1"))
    #expect(try mayUse(narrow, "best"))
    #expect(try !mayUse(narrow, "gpt-4o"), "an alias in the list admits the alias alone")
    #expect(try !mayUse(99, "gpt-4o"), "a consumer that does not exist may use nothing")
  }

  @Test("fallbacks to models that the consumer may not use are left out")
  func candidates() throws {
    let route = try #require(table.resolve("deepseek-r1"))
    #expect(table.candidates(of: route, for: everyone) == route.candidates)
    #expect(table.candidates(of: route, for: nil) == route.candidates)
    #expect(table.candidates(of: route, for: research).map(\.upstreamIndex) == [0, 1])
    let alias = try #require(table.resolve("best"))
    #expect(table.candidates(of: alias, for: narrow).map(\.upstreamIndex) == [2, 3])
  }

  @Test("the list of models shows what may be asked for by name")
  func visible() {
    #expect(table.visibleModels(to: research).map(\.id) == ["deepseek-r1", "qwq-32b", "r1", "deepseek/r1"])
    #expect(
      table.visibleModels(to: nil).map(\.id) == ["deepseek-r1", "qwq-32b", "gpt-4o", "r1", "deepseek/r1", "best"])
    #expect(table.visibleModels(to: prefixed).map(\.id) == ["gpt-4o", "best"])
    let narrow = table.visibleModels(to: narrow)
    #expect(narrow.map(\.id) == ["best", "gpt-4.1-nano", "qwq/Qwen3"])
    #expect(narrow.map(\.ownedBy) == ["sluice", "sluice", "qwq"])
    #expect(table.visibleModels(to: 99).isEmpty)
  }

  @Test("near names are only those the consumer may use")
  func nearest() {
    #expect(table.nearestNames(to: "deepseek-r2", for: nil) == ["deepseek-r1", "deepseek/r1"])
    #expect(table.nearestNames(to: "gpt-40", for: nil) == ["gpt-4o"])
    #expect(table.nearestNames(to: "gpt-40", for: research).isEmpty)
  }
}
