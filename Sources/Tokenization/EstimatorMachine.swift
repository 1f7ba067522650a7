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
    var sets = [EstimatorEvents()]
    var setNumbers = [EstimatorEvents(): 0]
    let tried = (UInt8.min...UInt8.max).filter { EstimatorState.representative($0) == $0 }
    // Breadth first: all that a text can lead to, a row each.
    var rows: [UInt32] = []
    var done = 0
    while done < states.count {
      for byte in tried {
        var next = states[done]
        let events = next.read(byte)
        let set = setNumbers[events] ?? sets.count
        if set == sets.count {
          setNumbers[events] = set
          sets.append(events)
        }
        let number = numbers[next] ?? states.count
        if number == states.count {
          numbers[next] = number
          states.append(next)
        }
        rows.append(UInt32(truncatingIfNeeded: number * tried.count) << 16 | UInt32(truncatingIfNeeded: set))
      }
      done += 1
    }
    precondition(rows.count < 1 << 16, "a row's start must fit 16 bits")
    let entries = UnsafeMutablePointer<UInt32>.allocate(capacity: rows.count)
    entries.initialize(from: rows, count: rows.count)
    let columns = UnsafeMutablePointer<UInt8>.allocate(capacity: 256)
    for byte in UInt8.min...UInt8.max {
      let column = tried.firstIndex(of: EstimatorState.representative(byte)) ?? 0
      columns[Int(byte)] = UInt8(truncatingIfNeeded: column)
    }
    self.columns = UnsafePointer(columns)
    self.entries = UnsafePointer(entries)
    self.sets = sets.map(\.list)
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
