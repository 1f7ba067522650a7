import RateLimiting
import TestKit
import Testing

@testable import Quotas

@Suite struct RecentSetTests {
  private func find(_ recent: borrowing RecentSets, _ values: [String?]) -> LimitSet? {
    var hash: UInt = 0
    for (index, value) in values.enumerated() { hash = recent.note(value, at: index, after: hash) }
    return recent.find(hash)
  }

  private func set(_ values: ContiguousArray<String?>) -> LimitSet {
    LimitSet(hash: 0, values: values, model: -1, [])
  }

  /// A text that shares its memory with no other.
  private func fresh(_ text: String) -> String { String(decoding: Array(text.utf8), as: UTF8.self) }

  @Test("a set is found by the same texts, short ones also when they are made anew, and by no others")
  func found() {
    var recent = RecentSets(values: 2)
    let long = fresh("a consumer with a long name")
    #expect(find(recent, [long, "m"]) == nil)
    let one = set([long, "m"])
    recent.keep(one, one.values, isNew: false)
    let two = set([long, nil])
    recent.keep(two, two.values, isNew: false)
    let three = set([nil, "short"])
    recent.keep(three, three.values, isNew: false)
    #expect(find(recent, [long, "m"]) === one && find(recent, [long, nil]) === two)
    #expect(find(recent, [nil, fresh("short")]) === three)
    #expect(
      find(recent, [fresh(long), "m"]) == nil && find(recent, ["m", long]) == nil && find(recent, [nil, nil]) == nil)
    let newer = set([long, "m"])
    recent.keep(newer, newer.values, isNew: true)
    #expect(find(recent, [long, "m"]) === newer)
    recent.removeAll()
    #expect(find(recent, [long, "m"]) == nil && find(recent, [nil, "short"]) == nil)
  }

  @Test("texts that never come again do not take the place of those that do, for long")
  func strangers() {
    var recent = RecentSets(values: 1)
    let regulars = (0..<16).map { fresh("a regular consumer, number \($0)") }
    var hits = 0
    for round in 0..<2000 {
      let regular = regulars[round % regulars.count]
      if let known = find(recent, [regular]) {
        #expect(known.values == [regular])
        hits += 1
      } else {
        recent.keep(set([regular]), [regular], isNew: false)
      }
      let stranger = fresh("a stranger who never comes again, \(round)")
      #expect(find(recent, [stranger]) == nil)
      recent.keep(set([stranger]), [stranger], isNew: false)
    }
    #expect(hits > 1500)
  }

  @Test("a desk tells requests apart by what texts say, wherever these are")
  func desk() async throws {
    let store = try EmbeddedStore(clock: { 1_800_000_000_000 })
    let rig = Rig(LimitPlan([.of(.requests, "r", 5, each: [.consumer])]), store: store)
    defer { rig.shutDown() }
    let admitted = await rig.on { desk -> [Int] in
      let names = ["the first consumer of all", "the other consumer of all"]
      var admitted = [0, 0]
      for round in 0..<20 {
        for (place, name) in names.enumerated() {
          let text = round % 2 == 0 ? name : String(decoding: Array(name.utf8), as: UTF8.self)
          let request = LimitRequest(facts: Facts([.consumer: text]), model: "m", promptTokens: 1)
          if case .admitted(let grant) = desk.admit(request, waiter: nil) {
            admitted[place] += 1
            grant.settleAsCounted()
          }
        }
      }
      return admitted
    }
    #expect(admitted == [5, 5])
  }

  @Test("elements of a table keep their addresses as it grows, and end with it")
  func placeTable() {
    final class Counted {
      let counter: Confined<Int>
      init(_ counter: Confined<Int>) {
        self.counter = counter
        counter.value += 1
      }
      deinit { counter.value -= 1 }
    }
    let counter = Confined(0)
    do {
      var table = PlaceTable<Counted>()
      table.append(Counted(counter))
      let first = table.pointer(0)
      for _ in 1..<5000 { table.append(Counted(counter)) }
      #expect(table.pointer(0) == first && table.count == 5000 && counter.value == 5000)
      table[4999] = Counted(counter)
      #expect(counter.value == 5000)
    }
    #expect(counter.value == 0)
  }
}
