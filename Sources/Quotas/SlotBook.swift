internal import RateLimiting
internal import Reactor

/// A slot of a concurrency limit that a request holds.
struct HeldSlot: Sendable, Hashable {
  let entry: Int
  let slot: ConcurrencySlots.Slot
}

/// Learns that a slot may be had.
protocol SlotBookOwner: AnyObject {
  func slotMayBeFree(_ waiter: UInt64)
}

/// The concurrency limits of one reactor: which slots its requests hold, and their talk with the store. Confined to the reactor.
///
/// Slots that are held are told to the store again and again; who dies without a word leaks none, for they expire there.
final class SlotBook: TimerHandler {
  enum Outcome: Sendable {
    case held(HeldSlot)
    /// The store is asked; `told` follows, in a later turn.
    case asked
    case refused
  }

  /// How often who waits asks whether other nodes have let go of a slot.
  static let retryMilliseconds = 100
  /// Requests that wait for slots of one limit and subject.
  static let waitingMax = 1024

  /// A class, for as a value its many parts would be retained and released at each look.
  private final class Entry {
    let id: String
    var slots: ConcurrencySlots
    var limit: Int
    var absence: StoreAbsence
    var underWay = 0
    var waiting: [UInt64] = []
    var armedAt = Int.max

    init(id: String, slots: ConcurrencySlots, limit: Int, absence: StoreAbsence) {
      (self.id, self.slots, self.limit, self.absence) = (id, slots, limit, absence)
    }
  }

  private let reactor: Reactor
  private let storage: any BucketStorage
  private let node: String
  weak var owner: (any SlotBookOwner)?
  private var entries: [Entry?] = []
  private var indices: [String: Int] = [:]
  private var free: [Int] = []
  private var nextName = 0

  init(reactor: Reactor, storage: any BucketStorage, node: String) {
    self.reactor = reactor
    self.storage = storage
    self.node = node
  }

  private var now: Int { Int(clamping: reactor.now.nanoseconds / 1_000_000) }

  /// Slots held by requests, over all limits.
  var inUse: Int { entries.reduce(0) { $0 + ($1?.slots.inUse ?? 0) } }
  /// Limits and subjects of which something is held, asked or waited for.
  var count: Int { indices.count }

  func acquire(
    _ id: String, limit: Int, _ absence: StoreAbsence, nodesAssumed: Int, told: @escaping (HeldSlot?) -> Void
  ) -> Outcome {
    let index = entry(id, limit, absence, nodesAssumed)
    defer { tidy(index) }
    switch entries[index]?.slots.acquire(limit: limit, absence, now: now, storage.condition) {
    case .held(let slot)?: return .held(HeldSlot(entry: index, slot: slot))
    case .refuse?, nil: return .refused
    case .ask(let slot)?:
      let name = entries[index]?.slots.name(slot) ?? ""
      entries[index]?.underWay += 1
      var isFirst = true
      var isHeld = false
      let reply = storage.concurrency(id, .acquire(name), limit: limit) { [weak self] reply in
        guard let self else { return }
        if isFirst {
          isFirst = false
          let held = settle(index, slot, reply)
          isHeld = held != nil
          tidy(index)
          told(held)
        } else if reply?.granted == true, !isHeld {
          // Taken after all, by a request that has long been refused.
          _ = storage.concurrency(id, .release([name]), limit: limit) { _ in }
        }
      }
      guard let reply else { return .asked }
      return settle(index, slot, reply).map { .held($0) } ?? .refused
    }
  }

  /// A slot that came free here and has not gone back yet, if nobody waits for it.
  func acquireSpare(_ share: AppliedShare) -> HeldSlot? {
    // Where it was last, its name is the same text nearly always; the table would hash it.
    if share.slotPlace >= entries.count || entries[share.slotPlace]?.id != share.id {
      guard let index = indices[share.id] else { return nil }
      share.slotPlace = index
    }
    guard let entry = entries[share.slotPlace], entry.waiting.isEmpty, let slot = entry.slots.acquireSpare(now: now)
    else { return nil }
    return HeldSlot(entry: share.slotPlace, slot: slot)
  }

  func release(_ held: HeldSlot) {
    guard entries.indices.contains(held.entry), let entry = entries[held.entry] else { return }
    entry.slots.release(held.slot, now: now)
    if !entry.waiting.isEmpty { arm(held.entry, now) }
    tidy(entry, held.entry)
  }

  /// Waits for a slot; false when too many do.
  func join(_ id: String, limit: Int, _ absence: StoreAbsence, nodesAssumed: Int, waiter: UInt64) -> Bool {
    let index = entry(id, limit, absence, nodesAssumed)
    guard let count = entries[index]?.waiting.count, count < Self.waitingMax else { return false }
    if entries[index]?.waiting.contains(waiter) == false { entries[index]?.waiting.append(waiter) }
    arm(index, now + Self.retryMilliseconds)
    return true
  }

  /// Whether someone else has waited longer.
  func mustWait(_ id: String, waiter: UInt64) -> Bool {
    guard let first = indices[id].flatMap({ entries[$0]?.waiting.first }) else { return false }
    return first != waiter
  }

  func leave(_ id: String, waiter: UInt64) {
    guard let index = indices[id] else { return }
    let wasFirst = entries[index]?.waiting.first == waiter
    entries[index]?.waiting.removeAll { $0 == waiter }
    // The next one need not wait for the timer.
    if wasFirst, entries[index]?.waiting.isEmpty == false { arm(index, now) }
    tidy(index)
  }

  // MARK: Inside

  private func settle(_ index: Int, _ slot: ConcurrencySlots.Slot, _ reply: ConcurrencyReply?) -> HeldSlot? {
    guard let entry = entries[index] else { return nil }
    entries[index]?.underWay -= 1
    let isHeld =
      if let reply {
        entries[index]?.slots.answered(slot, reply, now: now)
      } else {
        entries[index]?.slots.failed(slot, limit: entry.limit, entry.absence, now: now)
      }
    return isHeld == true ? HeldSlot(entry: index, slot: slot) : nil
  }

  private func entry(_ id: String, _ limit: Int, _ absence: StoreAbsence, _ nodesAssumed: Int) -> Int {
    if let index = indices[id] {
      entries[index]?.limit = limit
      entries[index]?.absence = absence
      return index
    }
    // An entry that was dropped and is made anew must not use the old one's slot names, which may be at the store yet.
    nextName += 1
    let slots = ConcurrencySlots(node: "\(node).\(nextName)", nodesAssumed: nodesAssumed)
    let entry = Entry(id: id, slots: slots, limit: limit, absence: absence)
    let index = free.popLast() ?? entries.count
    if index == entries.count { entries.append(entry) } else { entries[index] = entry }
    indices[id] = index
    return index
  }

  private func tidy(_ index: Int) {
    guard let entry = entries[index] else { return }
    tidy(entry, index)
  }

  private func tidy(_ entry: Entry, _ index: Int) {
    let dueAt = entry.slots.dueAt
    guard dueAt == .max else {
      if dueAt < entry.armedAt { arm(index, dueAt) }
      return
    }
    guard entry.slots.inUse == 0, entry.underWay == 0, entry.waiting.isEmpty else { return }
    indices[entry.id] = nil
    entries[index] = nil
    free.append(index)
  }

  private func arm(_ index: Int, _ until: Int) {
    guard let armedAt = entries[index]?.armedAt, until < armedAt else { return }
    entries[index]?.armedAt = until
    let due = MonotonicTime(nanoseconds: UInt64(clamping: max(0, until)) * 1_000_000)
    _ = reactor.startTimer(at: due, self, token: UInt32(truncatingIfNeeded: index))
  }

  func timerFired(token: UInt32) {
    let index = Int(token)
    guard let entry = entries[index] else { return }
    if entry.armedAt <= now { entries[index]?.armedAt = .max }
    for request in entries[index]?.slots.due(now: now) ?? [] {
      _ = storage.concurrency(entry.id, request, limit: entry.limit) { _ in }
    }
    if let first = entry.waiting.first {
      arm(index, now + Self.retryMilliseconds)
      owner?.slotMayBeFree(first)
    }
    tidy(index)
  }
}
