import Reactor
import Testing
import TestKit

@Suite("Slot table")
struct SlotTableTests {
  @Test("an entry is found under its name until it is removed, and never after")
  func removedNamesNeverResolve() {
    var table = SlotTable<String>()
    let first = table.insert("first")
    #expect(table[first] == "first")
    #expect(table.remove(first) == "first")
    #expect(table[first] == nil)
    #expect(table.remove(first) == nil)
    let second = table.insert("second")
    #expect(second.index == first.index)
    #expect(second != first)
    #expect(table[first] == nil)
    #expect(table[second] == "second")
    table.update(first) { $0 = "wrong" }
    table.update(second) { $0 += "!" }
    #expect(table[second] == "second!")
  }

  @Test("a name of another table, or of nobody, resolves to nothing")
  func foreignNames() {
    var table = SlotTable<Int>()
    _ = table.insert(1)
    #expect(table[SlotID(index: 9, generation: 1)] == nil)
    #expect(table[SlotID(index: .max, generation: .max)] == nil)
    #expect(table.remove(SlotID(index: .max, generation: 0)) == nil)
  }

  @Test("a name survives the way through epoll's word")
  func wordRoundTrip() {
    for id in [SlotID(index: 0, generation: 1), SlotID(index: .max, generation: 7), SlotID(index: 5, generation: .max)]
    {
      #expect(SlotID(word: id.word) == id)
    }
  }

  @Test("random inserts and removals agree with a dictionary", arguments: [1, 2, 3, 4, 5] as [UInt64])
  func againstModel(seed: UInt64) {
    var random = SeededGenerator(seed: seed)
    var table = SlotTable<Int>()
    var model: [SlotID: Int] = [:]
    var dead: [SlotID] = []
    for step in 0..<4000 {
      if model.isEmpty || Int.random(in: 0..<5, using: &random) < 3 {
        let id = table.insert(step)
        #expect(model[id] == nil && !dead.suffix(50).contains(id))
        model[id] = step
      } else if let id = model.keys.sorted(by: { $0.word < $1.word }).randomElement(using: &random) {
        #expect(table.remove(id) == model.removeValue(forKey: id))
        dead.append(id)
      }
      #expect(table.count == model.count)
    }
    #expect(Set(dead).isDisjoint(with: model.keys))
    #expect(dead.allSatisfy { table[$0] == nil })
    #expect(model.allSatisfy { table[$0.key] == $0.value })
    #expect(Dictionary(uniqueKeysWithValues: table.entries) == model)
  }
}
