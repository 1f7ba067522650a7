/// `EstimatorState` as tables: one look-up a byte, and no branch that a processor could guess wrong.
///
/// Bytes that every state treats alike share a column. An entry holds where the next state's row starts, and which set of
/// events happened; a model turns sets into costs.
final class EstimatorMachine: @unchecked Sendable {
  // `@unchecked`: the tables are written in the initialiser only.

  /// The one there is.
  static let shared = EstimatorMachine()

  /// The column of each byte.
  let columns: UnsafePointer<UInt8>
  /// Rows of columns: the next row's start in the high half, the set of events in the low.
  let entries: UnsafePointer<UInt32>
  /// The sets of events; the first is empty.
  let sets: [[EstimatorEvent]]
  /// How many states there are.
  let stateCount: Int

  private init() {
    var states = [EstimatorState()]
    var numbers = [EstimatorState(): 0]
    var sets: [[EstimatorEvent]] = [[]]
    var setNumbers: [[EstimatorEvent]: Int] = [[]: 0]
    // Breadth first: all that a text can lead to, a row of 256 each.
    var rows: [[(state: Int, set: Int)]] = []
    while rows.count < states.count {
      let state = states[rows.count]
      rows.append(
        (0...255).map { byte in
          var next = state
          let events = next.read(UInt8(truncatingIfNeeded: byte))
          if setNumbers[events] == nil {
            setNumbers[events] = sets.count
            sets.append(events)
          }
          if numbers[next] == nil {
            numbers[next] = states.count
            states.append(next)
          }
          return (numbers[next] ?? 0, setNumbers[events] ?? 0)
        })
    }
    var columnNumbers: [[UInt32]: UInt8] = [:]
    var kept: [Int] = []
    let columns = UnsafeMutablePointer<UInt8>.allocate(capacity: 256)
    for byte in 0...255 {
      let column = rows.map { UInt32(truncatingIfNeeded: $0[byte].state << 16 | $0[byte].set) }
      if columnNumbers[column] == nil {
        columnNumbers[column] = UInt8(truncatingIfNeeded: kept.count)
        kept.append(byte)
      }
      columns[byte] = columnNumbers[column] ?? 0
    }
    precondition(states.count * kept.count < 1 << 16, "a row's start must fit 16 bits")
    let entries = UnsafeMutablePointer<UInt32>.allocate(capacity: states.count * kept.count)
    for (number, row) in rows.enumerated() {
      for (column, byte) in kept.enumerated() {
        entries[number * kept.count + column] =
          UInt32(truncatingIfNeeded: row[byte].state * kept.count) << 16 | UInt32(truncatingIfNeeded: row[byte].set)
      }
    }
    self.columns = UnsafePointer(columns)
    self.entries = UnsafePointer(entries)
    self.sets = sets
    stateCount = states.count
  }

  /// How often each event happens in a text.
  func counts(_ text: [UInt8]) -> [Double] {
    var setCounts = [Int](repeating: 0, count: sets.count)
    var row = 0
    for byte in text {
      let entry = entries[row &+ Int(columns[Int(byte)])]
      setCounts[Int(entry & 0xFFFF)] += 1
      row = Int(entry >> 16)
    }
    var counts = [Double](repeating: 0, count: EstimatorEvent.allCases.count)
    for (set, count) in zip(sets, setCounts) where count > 0 {
      for event in set { counts[event.rawValue] += Double(count) }
    }
    return counts
  }
}
