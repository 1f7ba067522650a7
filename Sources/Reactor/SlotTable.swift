/// Names an entry of a `SlotTable`: the slot and how often that slot had been given out before.
///
/// A number that was given out once is never valid for a later owner of the slot, so an event that was already on its way
/// to a closed connection cannot reach the connection that took its place.
public struct SlotID: Hashable, Sendable {
  /// Index into the table.
  public var index: UInt32
  /// The slot's generation.
  public var generation: UInt32

  /// Makes a name from its parts.
  public init(index: UInt32, generation: UInt32) {
    self.index = index
    self.generation = generation
  }

  /// Both parts in one word, as epoll carries it.
  public var word: UInt64 { UInt64(generation) << 32 | UInt64(index) }

  /// Takes `word` apart.
  public init(word: UInt64) {
    self.init(index: UInt32(truncatingIfNeeded: word), generation: UInt32(truncatingIfNeeded: word >> 32))
  }
}

/// Entries addressed by slot and generation; slots are reused, names are not.
public struct SlotTable<Element> {
  private struct Slot {
    var element: Element?
    var generation: UInt32
    var nextFree: Int32
  }

  private var slots: ContiguousArray<Slot> = []
  private var freeHead: Int32 = -1

  /// How many entries there are.
  public private(set) var count = 0

  /// An empty table.
  public init() {}

  /// Adds an entry.
  public mutating func insert(_ element: Element) -> SlotID {
    count += 1
    if freeHead >= 0 {
      let index = Int(freeHead)
      freeHead = slots[index].nextFree
      slots[index].element = element
      return SlotID(index: UInt32(index), generation: slots[index].generation)
    }
    slots.append(Slot(element: element, generation: 1, nextFree: -1))
    return SlotID(index: UInt32(slots.count - 1), generation: 1)
  }

  /// The entry of that name; nil once it was removed.
  public subscript(id: SlotID) -> Element? {
    guard Int(id.index) < slots.count, slots[Int(id.index)].generation == id.generation else { return nil }
    return slots[Int(id.index)].element
  }

  /// Removes and gives back the entry; nil if it was removed before.
  @discardableResult
  public mutating func remove(_ id: SlotID) -> Element? {
    guard Int(id.index) < slots.count, slots[Int(id.index)].generation == id.generation,
      let element = slots[Int(id.index)].element
    else { return nil }
    slots[Int(id.index)].element = nil
    slots[Int(id.index)].generation &+= 1
    slots[Int(id.index)].nextFree = freeHead
    freeHead = Int32(id.index)
    count -= 1
    return element
  }

  /// Replaces the entry of that name; does nothing once it was removed.
  public mutating func update(_ id: SlotID, _ change: (inout Element) -> Void) {
    guard Int(id.index) < slots.count, slots[Int(id.index)].generation == id.generation,
      var element = slots[Int(id.index)].element
    else { return }
    change(&element)
    slots[Int(id.index)].element = element
  }

  /// All entries, in slot order, without a copy.
  public var lazyEntries: some Sequence<Element> { slots.lazy.compactMap(\.element) }

  /// All entries with their names, in slot order.
  public var entries: [(SlotID, Element)] {
    slots.indices.compactMap { index in
      slots[index].element.map {
        (SlotID(index: UInt32(index), generation: slots[index].generation), $0)
      }
    }
  }
}
