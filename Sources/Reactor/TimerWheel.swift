/// A hierarchical timing wheel (Varghese and Lauck, 1987): starting, cancelling and firing a timer cost O(1).
///
/// Four levels of 256, 64, 64 and 64 slots. A tick is `tickNanoseconds` long (4 ms), so the levels span 1 s, 65 s, 70 minutes and
/// 3 days; a later deadline waits in the last level and is sorted in again when its slot comes round. A timer is due after the
/// first `advance` at or after its deadline, never before. The wheel is a value without a clock: time comes in as an argument.
///
/// What is due waits in a list of its own until it is taken: whoever is called for one due timer can still cancel another.
public struct TimerWheel<Payload> {
  /// Names one started timer. A fired or cancelled timer's name is never valid again.
  public struct TimerID: Equatable, Sendable {
    var index: UInt32
    var generation: UInt32
  }

  /// The length of one tick: precise enough for time-outs, coarse enough that an idle loop wakes rarely.
  public static var tickNanoseconds: UInt64 { 4_000_000 }

  private struct Node {
    var payload: Payload?
    var deadlineTick: UInt64 = 0
    var next: Int32 = -1
    var previous: Int32 = -1
    var slot: Int32 = -1
    var generation: UInt32 = 0
  }

  /// The last list: what is due and not yet taken, in the order of ticks.
  private static var dueSlot: Int { 256 + 3 * 64 }
  private static var slotCount: Int { dueSlot + 1 }
  private var nodes: ContiguousArray<Node> = []
  private var freeHead: Int32 = -1
  private var heads: ContiguousArray<Int32>
  private var dueTail: Int32 = -1
  private var currentTick: UInt64

  private var dueCount = 0

  /// How many timers are waiting, due ones that were not taken included.
  public private(set) var count = 0

  /// An empty wheel whose time begins at `now`.
  public init(now: MonotonicTime) {
    heads = ContiguousArray(repeating: -1, count: Self.slotCount)
    currentTick = now.nanoseconds / Self.tickNanoseconds
  }

  /// Starts a timer. A deadline in the past fires at the next `advance`.
  public mutating func start(at deadline: MonotonicTime, _ payload: Payload) -> TimerID {
    let index = takeNode()
    let whole = deadline.nanoseconds / Self.tickNanoseconds
    // Rounded up, so that a timer never fires early.
    let tick = deadline.nanoseconds % Self.tickNanoseconds == 0 ? whole : whole &+ 1
    nodes[Int(index)].payload = payload
    nodes[Int(index)].deadlineTick = max(tick, currentTick &+ 1)
    link(index)
    count += 1
    return TimerID(index: UInt32(index), generation: nodes[Int(index)].generation)
  }

  /// Stops a timer and gives back its payload; nil if it has fired or was cancelled before.
  @discardableResult
  public mutating func cancel(_ id: TimerID) -> Payload? {
    guard Int(id.index) < nodes.count, nodes[Int(id.index)].generation == id.generation,
      let payload = nodes[Int(id.index)].payload
    else { return nil }
    unlink(Int32(id.index))
    release(Int32(id.index))
    return payload
  }

  /// Moves time on to `now`; what comes due waits for `takeDue`.
  public mutating func advance(to now: MonotonicTime) {
    let target = now.nanoseconds / Self.tickNanoseconds
    guard count > dueCount else {
      currentTick = max(currentTick, target)
      return
    }
    while currentTick < target {
      currentTick += 1
      if currentTick & 255 == 0 { cascade() }
      moveToDue(Int(currentTick & 255))
      if count == dueCount {
        currentTick = target
        return
      }
    }
  }

  /// Takes the next timer that is due, in the order of ticks. One that is started meanwhile is due after a later `advance` at the earliest.
  public mutating func takeDue() -> Payload? {
    let index = heads[Self.dueSlot]
    guard index >= 0 else { return nil }
    let payload = nodes[Int(index)].payload
    unlink(index)
    release(index)
    return payload
  }

  /// When `advance` next has work to do (a timer or a level to sort in again); nil when no timer waits.
  public var nextWake: MonotonicTime? {
    guard count > dueCount else { return nil }
    var tick = currentTick + 1
    // Stops at the next turn of level 0: there the upper levels are sorted in.
    while tick & 255 != 0 {
      if heads[Int(tick & 255)] >= 0 { break }
      tick += 1
    }
    return MonotonicTime(nanoseconds: tick &* Self.tickNanoseconds)
  }

  private mutating func moveToDue(_ slot: Int) {
    var index = heads[slot]
    heads[slot] = -1
    while index >= 0 {
      let next = nodes[Int(index)].next
      nodes[Int(index)].slot = Int32(Self.dueSlot)
      nodes[Int(index)].next = -1
      nodes[Int(index)].previous = dueTail
      if dueTail >= 0 {
        nodes[Int(dueTail)].next = index
      } else {
        heads[Self.dueSlot] = index
      }
      dueTail = index
      dueCount += 1
      index = next
    }
  }

  /// Sorts the upper levels' current slots in again; called when level 0 has come round.
  private mutating func cascade() {
    relink(256 + Int((currentTick >> 8) & 63))
    guard (currentTick >> 8) & 63 == 0 else { return }
    relink(320 + Int((currentTick >> 14) & 63))
    guard (currentTick >> 14) & 63 == 0 else { return }
    relink(384 + Int((currentTick >> 20) & 63))
  }

  private mutating func relink(_ slot: Int) {
    var index = heads[slot]
    heads[slot] = -1
    while index >= 0 {
      let next = nodes[Int(index)].next
      link(index)
      index = next
    }
  }

  private mutating func link(_ index: Int32) {
    let tick = nodes[Int(index)].deadlineTick
    let distance = tick > currentTick ? tick - currentTick : 0
    let slot: Int
    switch distance {
    case 0..<256: slot = Int(tick & 255)
    case 256..<(1 << 14): slot = 256 + Int((tick >> 8) & 63)
    case (1 << 14)..<(1 << 20): slot = 320 + Int((tick >> 14) & 63)
    case (1 << 20)..<(1 << 26): slot = 384 + Int((tick >> 20) & 63)
    default: slot = 384 + Int(((currentTick >> 20) &+ 63) & 63)
    }
    nodes[Int(index)].slot = Int32(slot)
    nodes[Int(index)].previous = -1
    nodes[Int(index)].next = heads[slot]
    if heads[slot] >= 0 { nodes[Int(heads[slot])].previous = index }
    heads[slot] = index
  }

  private mutating func unlink(_ index: Int32) {
    let node = nodes[Int(index)]
    if node.previous >= 0 {
      nodes[Int(node.previous)].next = node.next
    } else {
      heads[Int(node.slot)] = node.next
    }
    if node.next >= 0 { nodes[Int(node.next)].previous = node.previous }
    guard Int(node.slot) == Self.dueSlot else { return }
    dueCount -= 1
    if dueTail == index { dueTail = node.previous }
  }

  private mutating func takeNode() -> Int32 {
    if freeHead >= 0 {
      let index = freeHead
      freeHead = nodes[Int(index)].next
      return index
    }
    nodes.append(Node())
    return Int32(nodes.count - 1)
  }

  private mutating func release(_ index: Int32) {
    nodes[Int(index)].payload = nil
    nodes[Int(index)].generation &+= 1
    nodes[Int(index)].next = freeHead
    freeHead = index
    count -= 1
  }
}
