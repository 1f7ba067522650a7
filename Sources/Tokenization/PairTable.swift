/// Which two tokens merge to which: an open-addressing table of 8-byte slots, 18 bits each for left, right and result.
///
/// Linear probing: a look-up touches a cache line or two. Most fail, and nine of ten of those need not look: eight bits a
/// slot, an eighth of the table, tell whether any pair has that hash, and they stay in the cache.
struct PairTable {
  private let slots: UnsafeMutablePointer<UInt64>
  /// A bit for each of eight parts of each slot's hashes.
  private let filter: UnsafeMutablePointer<UInt8>
  private let shift: UInt64
  private let mask: Int

  private static let empty = UInt64.max

  /// Room for `count` pairs. The caller releases it by `deallocate`.
  init(count: Int) {
    // Fuller than the table of words: the filter answers most of what would search long.
    var bits = 10
    while 1 << bits &* 8 < count &* 10 { bits &+= 1 }
    shift = UInt64(64 &- bits)
    mask = 1 << bits &- 1
    slots = .allocate(capacity: 1 << bits)
    slots.initialize(repeating: Self.empty, count: 1 << bits)
    filter = .allocate(capacity: 1 << bits)
    filter.initialize(repeating: 0, count: 1 << bits)
  }

  func deallocate() {
    slots.deallocate()
    filter.deallocate()
  }

  var bytes: Int { (mask &+ 1) &* 8 &+ (mask &+ 1) }

  /// Slots for `count` entries, as a power of two.
  static func bits(_ count: Int) -> Int {
    var bits = 10
    while 1 << bits &* 6 < count &* 10 { bits &+= 1 }
    return bits
  }

  /// The token that `left` and `right` merge to; `VocabularyFormat.noToken` if they do not.
  @inline(__always)
  func merged(_ left: UInt32, _ right: UInt32) -> UInt32 {
    let key = UInt64(left) << 18 | UInt64(right)
    let part = Self.hash(key) &>> (shift &- 3)
    guard filter[Int(truncatingIfNeeded: part &>> 3)] &>> UInt8(truncatingIfNeeded: part & 7) & 1 == 1 else {
      return VocabularyFormat.noToken
    }
    var slot = Int(truncatingIfNeeded: part &>> 3)
    while true {
      let entry = slots[slot]
      if entry &>> 18 == key { return UInt32(truncatingIfNeeded: entry & 0x3_FFFF) }
      if entry == Self.empty { return VocabularyFormat.noToken }
      slot = (slot &+ 1) & mask
    }
  }

  /// Adds a pair; one that is there stays.
  func insert(_ left: UInt32, _ right: UInt32, _ result: UInt32) {
    let key = UInt64(left) << 18 | UInt64(right)
    let part = Self.hash(key) &>> (shift &- 3)
    filter[Int(truncatingIfNeeded: part &>> 3)] |= 1 &<< UInt8(truncatingIfNeeded: part & 7)
    var slot = Int(truncatingIfNeeded: part &>> 3)
    while slots[slot] != Self.empty {
      if slots[slot] &>> 18 == key { return }
      slot = (slot &+ 1) & mask
    }
    slots[slot] = key << 18 | UInt64(result)
  }

  @inline(__always)
  private static func hash(_ key: UInt64) -> UInt64 { key &* 0x9E37_79B9_7F4A_7C15 }
}
