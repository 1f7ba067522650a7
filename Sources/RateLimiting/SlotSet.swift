/// Slots by their numbers, which are this node's own and begin at 1: open addressing with linear probing in a table at most half full. A `Set` would
/// hash each number as if a stranger had chosen it, at twice the cost of all else that taking and letting go of a slot does.
struct SlotSet: Sendable {
  private var table: ContiguousArray<UInt64> = []
  private var shift: UInt64 = 64
  /// Slots in the set.
  private(set) var count = 0

  /// Adds a slot; nothing if it is there, or is no number of a slot.
  mutating func insert(_ slot: UInt64) {
    guard slot != 0 else { return }
    if 2 * (count + 1) > table.count { grow() }
    var place = home(slot)
    while table[place] != 0 {
      if table[place] == slot { return }
      place = (place + 1) & (table.count - 1)
    }
    table[place] = slot
    count += 1
  }

  /// Takes a slot out; false if it is not there.
  mutating func remove(_ slot: UInt64) -> Bool {
    guard slot != 0, count > 0 else { return false }
    let mask = table.count - 1
    var hole = home(slot)
    while table[hole] != slot {
      if table[hole] == 0 { return false }
      hole = (hole + 1) & mask
    }
    count -= 1
    // Who stands behind the hole moves into it, unless it would come before its own home.
    var place = hole
    while true {
      place = (place + 1) & mask
      guard table[place] != 0 else { break }
      let distance = (place - home(table[place])) & mask
      guard distance >= (place - hole) & mask else { continue }
      table[hole] = table[place]
      hole = place
    }
    table[hole] = 0
    return true
  }

  /// All of them, the smallest first.
  func sorted() -> [UInt64] { table.filter { $0 != 0 }.sorted() }

  @inline(__always)
  private func home(_ slot: UInt64) -> Int { Int((slot &* 0x9E37_79B9_7F4A_7C15) >> shift) }

  private mutating func grow() {
    let old = table
    table = ContiguousArray(repeating: 0, count: max(8, 2 * old.count))
    shift = UInt64(64 - table.count.trailingZeroBitCount)
    count = 0
    for slot in old { insert(slot) }
  }
}
