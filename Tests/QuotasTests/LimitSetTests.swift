import RateLimiting
import TestKit
import Testing

@testable import Quotas

@Suite struct LimitSetTests {
  private func set(_ table: LimitSetTable, _ values: ContiguousArray<String?>) -> LimitSet {
    LimitSet(hash: hash(table, values), values: values, model: 0, [])
  }

  private func hash(_ table: LimitSetTable, _ values: ContiguousArray<String?>) -> UInt64 {
    var hash: UInt64?
    for value in values { hash = table.hash(value, after: hash) }
    return hash ?? 0
  }

  @Test("a set is found by its values, whole and in their order, also where only the middle of a long one differs")
  func found() {
    var table = LimitSetTable()
    let long = String(repeating: "x", count: 100)
    let values: [ContiguousArray<String?>] = [
      ["a", "b"], ["b", "a"], ["ab", nil], [nil, "ab"], [nil, nil], ["", nil], ["é", "ü"], [long + "1" + long],
      [long + "2" + long], ["12345678"], ["123456789"],
    ]
    for values in values { table.keep(set(table, values)) }
    for values in values {
      #expect(table.find(hash(table, values), values)?.values == values)
    }
    #expect(table.find(hash(table, ["c"]), ["c"]) == nil)
    table.removeAll()
    #expect(table.find(hash(table, values[0]), values[0]) == nil)
  }

  @Test("the table is bounded: the newest of each row stay, and a set of known values replaces the old one")
  func bounded() {
    var table = LimitSetTable()
    let count = 3 * LimitSetTable.rowCount * LimitSetTable.ways
    for number in 0..<count { table.keep(set(table, ["consumer-\(number)"])) }
    let kept = (0..<count).filter { table.find(hash(table, ["consumer-\($0)"]), ["consumer-\($0)"]) != nil }
    #expect(kept.count <= LimitSetTable.rowCount * LimitSetTable.ways && kept.last == count - 1)
    // Rows fill evenly: nearly all places are taken.
    #expect(kept.count > LimitSetTable.rowCount * LimitSetTable.ways * 9 / 10)
    let newer = set(table, ["consumer-\(count - 1)"])
    table.keep(newer)
    #expect(table.find(newer.hash, newer.values) === newer)
  }

  @Test("a desk without limits says so, and a plan tells what requests are told apart by")
  func parts() async throws {
    let store = try EmbeddedStore(clock: { 1_800_000_000_000 })
    let empty = Rig(.none, store: store)
    let rules: [LimitRule] = [
      .of(.requests, "a", 5, each: [.consumer, .header("x-team")]), .tokens("b", 1000, each: [.consumer]),
      .of(.concurrency, "c", 5),
    ]
    let full = Rig(LimitPlan(rules), store: store)
    defer {
      empty.shutDown()
      full.shutDown()
    }
    #expect(await empty.on { $0.plan.orderedParts.isEmpty })
    #expect(await full.on { $0.plan.orderedParts == [.consumer, .header("x-team")] })
  }

  @Test("a request under more limits than a grant holds inside itself is counted by each")
  func manyLimits() async throws {
    let rules = (0..<9).map { LimitRule.tokens("l\($0)", 10_000 + $0 * 1000, .calendar(.day, .utc)) }
    let rig = Rig(LimitPlan(rules), store: try EmbeddedStore(clock: { 1_800_000_000_000 }))
    defer { rig.shutDown() }
    let left = await rig.on { desk -> [Int] in
      guard let grant = desk.admit(request(prompt: 100), waiter: nil).grant else { return [] }
      for _ in 0..<500 { _ = grant.spend(outputTokens: 1) }
      grant.settleAsCounted()
      let set = desk.limits(of: request())
      return set.shares.compactMap { share in share.subject.map { s in desk.bucket.here { $0.standing(s).remaining } } }
    }
    #expect(left == (0..<9).map { 10_000 + $0 * 1000 - 600 })
  }
}
