internal import Transport

/// What a request holds of its body, as the process's bound counts it: less than some bytes is not, for most requests are short, and what is held of them is bounded by
/// the places for connections.
struct BodyHold {
  private static let countedBytesMin = BodyMemory.countedBytesMin

  private var counted = 0

  /// So many bytes are held now.
  mutating func note(_ bytes: Int, in memory: BodyMemory) {
    let held = bytes >= Self.countedBytesMin ? bytes : 0
    guard held != counted else { return }
    if held > counted { memory.add(held - counted) } else { memory.release(counted - held) }
    counted = held
  }
}
