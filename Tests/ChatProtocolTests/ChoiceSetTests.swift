import ChatProtocol
import Testing

@Suite("Sets of choices")
struct ChoiceSetTests {
  @Test("hold what was added, and nothing beyond their range")
  func members() {
    var set = ChoiceSet()
    #expect(set.isEmpty && set.count == 0)
    for choice in [0, 63, 64, 127, 128, -1, Int.max, Int.min] { set.insert(choice) }
    #expect((-200...400).filter(set.contains) == [0, 63, 64, 127] && set.count == 4 && !set.isEmpty)
    #expect(!set.contains(Int.min) && !set.contains(Int.max))
    var other = ChoiceSet()
    other.insert(5)
    other.formUnion(set)
    #expect((0..<128).filter(other.contains) == [0, 5, 63, 64, 127])
  }
}
