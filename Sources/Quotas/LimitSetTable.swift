/// Limit sets by the values that they were resolved by: rows of four, where the oldest of a row makes room.
///
/// No dictionary: its hash of four strings costs more than all that is done with what it finds. The hash here is a cheap one, with a random
/// seed; should a stranger make values that meet in one row all the same, sets are resolved anew and nothing else.
struct LimitSetTable {
  static let rowCount = 1024
  static let ways = 4
  /// Bytes of a long value's beginning and of its end that the hash looks at.
  private static let edgeBytes = 32

  private var sets: ContiguousArray<LimitSet?> = []
  private var victim = 0
  private let seed = UInt64.random(in: 0 ... .max)

  /// The set of exactly these values.
  func find(_ hash: UInt64, _ values: borrowing ContiguousArray<String?>) -> LimitSet? {
    guard !sets.isEmpty else { return nil }
    let row = Self.row(hash)
    for place in row..<row + Self.ways {
      guard let set = sets[place], set.hash == hash, set.values.count == values.count else { continue }
      var isEqual = true
      for index in 0..<values.count where set.values[index] != values[index] { isEqual = false }
      if isEqual { return set }
    }
    return nil
  }

  /// Keeps a set; one of the same values is replaced.
  mutating func keep(_ set: LimitSet) {
    if sets.isEmpty { sets = ContiguousArray(repeating: nil, count: Self.rowCount * Self.ways) }
    let row = Self.row(set.hash)
    let places = row..<row + Self.ways
    let same = places.first { sets[$0]?.hash == set.hash && sets[$0]?.values == set.values }
    victim = (victim + 1) % Self.ways
    sets[same ?? places.first { sets[$0] == nil } ?? row + victim] = set
  }

  mutating func removeAll() { sets = [] }

  private static func row(_ hash: UInt64) -> Int { Int(hash >> 54) % rowCount * ways }

  /// The hash of values, one after the other; begins with nil.
  func hash(_ value: String?, after hash: UInt64?) -> UInt64 {
    var hash = hash ?? seed
    guard let value else { return Self.mixed(hash, 0x9E37_79B9_7F4A_7C15) }
    let known: Void? = value.utf8.withContiguousStorageIfAvailable { bytes in
      hash = Self.mixed(hash, UInt64(truncatingIfNeeded: bytes.count))
      let raw = UnsafeRawBufferPointer(bytes)
      if raw.count <= 2 * Self.edgeBytes {
        hash = Self.mixed(hash, raw)
      } else {
        hash = Self.mixed(hash, UnsafeRawBufferPointer(rebasing: raw[..<Self.edgeBytes]))
        hash = Self.mixed(hash, UnsafeRawBufferPointer(rebasing: raw[(raw.count - Self.edgeBytes)...]))
      }
    }
    if known == nil { hash = Self.mixed(hash, UInt64(truncatingIfNeeded: value.hashValue)) }
    return hash
  }

  private static func mixed(_ hash: UInt64, _ bytes: UnsafeRawBufferPointer) -> UInt64 {
    var hash = hash
    var offset = 0
    while offset + 8 <= bytes.count {
      hash = mixed(hash, bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
      offset += 8
    }
    guard offset < bytes.count else { return hash }
    var last: UInt64 = 0
    while offset < bytes.count {
      last = last << 8 | UInt64(bytes[offset])
      offset += 1
    }
    return mixed(hash, last)
  }

  /// The product's two halves folded: each bit of both goes everywhere.
  @inline(__always)
  private static func mixed(_ hash: UInt64, _ word: UInt64) -> UInt64 {
    let product = (hash ^ word).multipliedFullWidth(by: 0xA076_1D64_78BD_642F)
    return product.high ^ product.low ^ (word &* 0x9E37_79B9_7F4A_7C15)
  }
}
