/// Where names are in an array that holds them itself: a table of hashes and places, in less than half of the memory of a dictionary that holds the names once more.
///
/// Open addressing with linear steps; who leaves closes the gap behind, so that no step is ever longer than the names that are there make it. The hash is Swift's own, with a
/// seed of the process: no stranger can make names that meet.
public struct PlaceIndex: Sendable {
  /// Slots at first; always a power of two.
  private static let slotsLeast = 16
  @usableFromInline static var free: UInt64 { .max }

  /// The hash above, the place below.
  @usableFromInline var slots: ContiguousArray<UInt64> = []
  /// Names.
  public private(set) var count = 0

  /// No names.
  public init() {}

  @inlinable static func hash(_ name: String) -> UInt32 { UInt32(truncatingIfNeeded: name.hashValue) }
  @inlinable static func hash(in slot: UInt64) -> UInt32 { UInt32(truncatingIfNeeded: slot >> 32) }
  @inlinable static func place(in slot: UInt64) -> Int { Int(UInt32(truncatingIfNeeded: slot)) }
  @inlinable var mask: Int { slots.count - 1 }

  /// The place of a name; nil if it is not there.
  ///
  /// - Parameter isThere: whether the name stands at that place.
  @inlinable
  public func find(_ name: String, _ isThere: (_ place: Int) -> Bool) -> Int? {
    guard !slots.isEmpty else { return nil }
    let hash = Self.hash(name)
    var index = Int(hash) & mask
    while slots[index] != Self.free {
      let place = Self.place(in: slots[index])
      if Self.hash(in: slots[index]) == hash, isThere(place) { return place }
      index = (index + 1) & mask
    }
    return nil
  }

  /// Adds a name that is not there yet. Places are below 2^31.
  public mutating func insert(_ name: String, at place: Int) {
    if 4 * (count + 1) > 3 * slots.count { grow() }
    put(UInt64(Self.hash(name)) << 32 | UInt64(UInt32(place)))
    count += 1
  }

  /// Takes out the name that is at that place, if it is there.
  public mutating func remove(_ name: String, at place: Int) {
    guard !slots.isEmpty else { return }
    let slot = UInt64(Self.hash(name)) << 32 | UInt64(UInt32(place))
    var hole = Int(Self.hash(in: slot)) & mask
    while slots[hole] != slot {
      guard slots[hole] != Self.free else { return }
      hole = (hole + 1) & mask
    }
    count -= 1
    var next = (hole + 1) & mask
    while slots[next] != Self.free {
      // Who is no nearer to his own slot than the hole is may move there.
      let home = Int(Self.hash(in: slots[next])) & mask
      if (next - home) & mask >= (next - hole) & mask {
        slots[hole] = slots[next]
        hole = next
      }
      next = (next + 1) & mask
    }
    slots[hole] = Self.free
  }

  private mutating func put(_ slot: UInt64) {
    var index = Int(Self.hash(in: slot)) & mask
    while slots[index] != Self.free { index = (index + 1) & mask }
    slots[index] = slot
  }

  private mutating func grow() {
    let old = slots
    slots = ContiguousArray(repeating: Self.free, count: max(Self.slotsLeast, 2 * old.count))
    for slot in old where slot != Self.free { put(slot) }
  }
}
