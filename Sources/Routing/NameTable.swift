/// Names to small numbers, looked up by bytes without allocating: open addressing over FNV-1a, at most half full.
///
/// The names are the operator's and fixed when the table is made, so no client can choose them to collide; a lookup of any bytes ends at
/// the first empty slot.
struct NameTable: Sendable {
  private var names: [[UInt8]] = []
  private var values: [Int] = []
  /// Places in `names`, -1 for an empty slot; the count is a power of two.
  private var slots: [Int32]
  private let mask: Int

  /// A later entry of the same name is left out.
  init(_ entries: [(name: String, value: Int)]) {
    var count = 8
    while count < 2 * entries.count { count *= 2 }
    slots = [Int32](repeating: -1, count: count)
    mask = count - 1
    for entry in entries {
      let bytes = Array(entry.name.utf8)
      let slot = find(bytes.span.bytes)
      guard slots[slot] < 0 else { continue }
      slots[slot] = Int32(names.count)
      names.append(bytes)
      values.append(entry.value)
    }
  }

  /// The number of that name.
  subscript(name: RawSpan) -> Int? {
    let place = slots[find(name)]
    return place < 0 ? nil : values[Int(place)]
  }

  /// The slot of the name, or the empty one where it would stand.
  private func find(_ name: RawSpan) -> Int {
    name.withUnsafeBytes { name in
      var slot = Int(truncatingIfNeeded: Self.hash(name)) & mask
      while true {
        let place = slots[slot]
        if place < 0 || Self.isEqual(names[Int(place)], name) { return slot }
        slot = (slot + 1) & mask
      }
    }
  }

  /// FNV-1a, 64 bit: offset basis and prime of the reference (draft-eastlake-fnv).
  private static func hash(_ name: UnsafeRawBufferPointer) -> UInt64 {
    var hash: UInt64 = 0xCBF2_9CE4_8422_2325
    for byte in name { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01B3 }
    return hash ^ hash >> 32
  }

  private static func isEqual(_ name: [UInt8], _ other: UnsafeRawBufferPointer) -> Bool {
    guard name.count == other.count else { return false }
    for index in name.indices where name[index] != other[index] { return false }
    return true
  }
}
