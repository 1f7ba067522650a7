internal import RateLimiting
internal import Reactor

/// A slot of a concurrency limit that a request holds: where its limit and subject are. An entry stays as long as one of its slots is held.
struct HeldSlot: Sendable, Hashable {
  let entry: Int
}

/// Learns that a slot may be had.
protocol SlotBookOwner: AnyObject {
  func slotMayBeFree(_ waiter: UInt64)
}

/// The concurrency limits of one reactor: which slots its requests hold, and their talk with the store. Confined to the reactor.
///
/// What is held is told to the store again and again; who dies without a word leaks none, for they expire there.
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
  /// The store is told so many limits and subjects in each step of the timer when it has forgotten.
  static let toldAtOnceMax = 256

  /// A class, for as a value its many parts would be retained and released at each look.
  private final class Entry {
    let id: String
    let group: Int
    /// Its limit, by the number that ``SubjectCounts`` gave it.
    let number: Int16
    var slots = ConcurrencySlots()
    var limit: Int
    var absence: StoreAbsence
    var nodesAssumed: Int
    /// Who asks for a slot and is not in the store's request yet.
    var asking: [(HeldSlot?) -> Void] = []
    /// Who is in it.
    var asked: [(HeldSlot?) -> Void] = []
    var waiting: [UInt64] = []
    var armedAt = Int.max

    init(id: String, group: Int, number: Int16, limit: Int, absence: StoreAbsence, nodesAssumed: Int) {
      (self.id, self.group, self.number) = (id, group, number)
      (self.limit, self.absence, self.nodesAssumed) = (limit, absence, nodesAssumed)
    }
  }

  private let reactor: Reactor
  private let storage: any BucketStorage
  private let node: String
  /// The store may go away, or forget: what it says is remembered.
  private let isRemote: Bool
  weak var owner: (any SlotBookOwner)?
  private var entries: [Entry?] = []
  private var indices: [String: Int] = [:]
  private var free: [Int] = []
  private var groups: [SlotGroup]
  private var counts = SubjectCounts()
  private var lookedAt = 0
  private var sequence = 0
  private lazy var heartbeat = SlotHeartbeat(self, reactor)

  init(reactor: Reactor, storage: any BucketStorage, node: String) {
    self.reactor = reactor
    self.storage = storage
    self.node = node
    isRemote = storage.answerMilliseconds > 0
    groups = Array(repeating: SlotGroup(), count: max(1, storage.concurrencyGroupCount))
  }

  private var now: Int { Int(clamping: reactor.now.nanoseconds / 1_000_000) }

  /// Slots held by requests, over all limits.
  var inUse: Int { entries.reduce(0) { $0 + ($1?.slots.used ?? 0) } }
  /// Limits and subjects of which something is held, asked, waited for or remembered.
  var count: Int { indices.count }
  /// Nodes that share the store, as it last told; 0 before it has.
  var nodes: Int { groups[0].nodes }

  /// Says to the store each second that this node is there, if there are limits that need to know how many there are.
  func setActive(_ isActive: Bool) { if isRemote { heartbeat.isActive = isActive } }

  func acquire(
    _ id: String, limit: Int, _ absence: StoreAbsence, nodesAssumed: Int, told: @escaping (HeldSlot?) -> Void
  ) -> Outcome {
    let (index, entry) = entry(id, limit, absence, nodesAssumed)
    defer { tidy(entry, index) }
    if entry.slots.takeSpare() { return .held(HeldSlot(entry: index)) }
    guard storage.condition == .present else { return takeAlone(entry, index) }
    if isRemote, entry.slots.isQuiet(now: now) { return .refused }
    guard entry.asking.count + entry.asked.count < Self.waitingMax else { return .refused }
    if isRemote || entry.slots.isWaitingForStore {
      entry.asking.append(told)
      if !entry.slots.isWaitingForStore { ask(entry, index) }
      return .asked
    }
    ask(entry, index, more: 1)
    return entry.slots.takeSpare() ? .held(HeldSlot(entry: index)) : .refused
  }

  /// A slot that came free here and has not gone back yet, if nobody waits for it.
  func acquireSpare(_ share: AppliedShare) -> HeldSlot? {
    // Where it was last, its name is the same text nearly always; the table would hash it.
    if share.slotPlace >= entries.count || entries[share.slotPlace]?.id != share.id {
      guard let index = indices[share.id] else { return nil }
      share.slotPlace = index
    }
    guard let entry = entries[share.slotPlace], entry.waiting.isEmpty, entry.slots.takeSpare() else { return nil }
    return HeldSlot(entry: share.slotPlace)
  }

  func release(_ held: HeldSlot) {
    guard entries.indices.contains(held.entry), let entry = entries[held.entry] else { return }
    entry.slots.release(now: now)
    if !entry.waiting.isEmpty { arm(entry, held.entry, now) }
    tidy(entry, held.entry)
  }

  /// Waits for a slot; false when too many do.
  func join(_ id: String, limit: Int, _ absence: StoreAbsence, nodesAssumed: Int, waiter: UInt64) -> Bool {
    let (index, entry) = entry(id, limit, absence, nodesAssumed)
    guard entry.waiting.count < Self.waitingMax else { return false }
    if !entry.waiting.contains(waiter) { entry.waiting.append(waiter) }
    arm(entry, index, now + Self.retryMilliseconds)
    return true
  }

  /// Whether someone else has waited longer.
  func mustWait(_ id: String, waiter: UInt64) -> Bool {
    guard let first = indices[id].flatMap({ entries[$0]?.waiting.first }) else { return false }
    return first != waiter
  }

  func leave(_ id: String, waiter: UInt64) {
    guard let index = indices[id], let entry = entries[index] else { return }
    let wasFirst = entry.waiting.first == waiter
    entry.waiting.removeAll { $0 == waiter }
    // The next one need not wait for the timer.
    if wasFirst, !entry.waiting.isEmpty { arm(entry, index, now) }
    tidy(entry, index)
  }

  /// The store is there again, or has gone: it is told what is held.
  func storeChanged() {
    if storage.condition == .present { tellAll(group: nil) }
  }

  /// The process ends: what nobody uses is given back.
  func leave() {
    heartbeat.isActive = false
    for (index, entry) in entries.enumerated() {
      guard let entry, entry.slots.held > 0, storage.condition == .present else { continue }
      ask(entry, index)
    }
  }

  // MARK: The store

  /// Has the store told what is held here, and asked for so many more, or for one for each who asks.
  private func ask(_ entry: Entry, _ index: Int, more: Int = 0) {
    sequence += 1
    let number = sequence
    let now = now
    entry.asked += entry.asking
    entry.asking = []
    let request = entry.slots.ask(
      more: max(more, entry.asked.count), sequence: number, alone: alone(entry, now),
      wasAway: isRemote && groups[entry.group].wasAway(now: now), seen: groups[entry.group].mark, now: now)
    let reply = storage.concurrency(entry.id, request, limit: entry.limit, node: node) { [weak self] reply in
      self?.told(entry, index, number, reply)
    }
    if let reply { note(entry, index, number, reply) }
  }

  private func told(_ entry: Entry, _ index: Int, _ number: Int, _ reply: ConcurrencyReply?) {
    let now = now
    if let reply { note(entry, index, number, reply) } else { entry.slots.failed(number, now: now) }
    guard !entry.slots.isWaitingForStore else { return }
    let served = entry.asked
    entry.asked = []
    for told in served {
      // Without an answer, or with a refusal of a store that has lost its memory, nobody gets more than this node's part.
      if entry.slots.takeSpare() {
        told(HeldSlot(entry: index))
      } else if reply == nil, entry.slots.takeAlone(entry.absence, alone: alone(entry, now), now: now) {
        told(HeldSlot(entry: index))
      } else {
        told(nil)
      }
    }
    if !entry.asking.isEmpty { ask(entry, index) }
    tidy(entry, index)
  }

  private func note(_ entry: Entry, _ index: Int, _ number: Int, _ reply: ConcurrencyReply) {
    if groups[entry.group].note(reply, now: now) { tellAll(group: entry.group) }
    // Dropped meanwhile: what the store counts for it expires there.
    guard entries[index] === entry else { return }
    entry.slots.answered(number, reply, limit: entry.limit, now: now)
  }

  /// All that is held is told soon, not all of it in one go.
  private func tellAll(group: Int?) {
    var count = 0
    for (index, entry) in entries.enumerated() {
      guard let entry, group == nil || entry.group == group else { continue }
      entry.slots.tell(at: now + count / Self.toldAtOnceMax, hasForgotten: group != nil)
      if entry.slots.dueAt != .max { count += 1 }
      arm(entry, index, entry.slots.dueAt)
    }
  }

  private func alone(_ entry: Entry, _ now: Int) -> Int {
    let known = max(groups[entry.group].nodes, groups[0].nodes)
    return entry.slots.alone(
      limit: entry.limit, nodes: known > 0 ? known : entry.nodesAssumed,
      silentMilliseconds: groups[entry.group].silentMilliseconds(now: now))
  }

  private func takeAlone(_ entry: Entry, _ index: Int) -> Outcome {
    entry.slots.takeAlone(entry.absence, alone: alone(entry, now), now: now)
      ? .held(HeldSlot(entry: index)) : .refused
  }

  /// Groups of which the store has said nothing for almost a second are asked: so a store that has forgotten is noticed, and nodes know how many they are.
  fileprivate func beat() {
    guard storage.condition == .present else { return }
    let now = now
    var quiet = Set(groups.indices.filter { groups[$0].answeredAt == .min || now - groups[$0].answeredAt >= 900 })
    for (index, entry) in entries.enumerated() {
      guard let entry, entry.slots.held > 0, quiet.remove(entry.group) != nil else { continue }
      if !entry.slots.isWaitingForStore { ask(entry, index) }
    }
    for group in quiet {
      sequence += 1
      let request = ConcurrencyRequest(
        sequence: sequence, held: 0, want: 0, alone: 0, wasAway: groups[group].wasAway(now: now),
        seen: groups[group].mark)
      _ = storage.concurrency("\(group)", request, limit: 0, node: node) { [weak self] reply in
        guard let self, let reply, groups[group].note(reply, now: self.now) else { return }
        tellAll(group: group)
      }
    }
  }

  // MARK: Entries

  /// Entries that are looked at to find one that makes room, at most.
  private static let candidatesMax = 64

  /// Whether there is one of that name, or may be one more of its limit; one that is only remembered makes room.
  func hasRoom(for id: String, most: Int) -> Bool {
    guard indices[id] == nil else { return true }
    let number = counts.number(of: Self.limitName(id))
    guard counts[number] >= most else { return true }
    for _ in 0..<min(Self.candidatesMax, entries.count) {
      lookedAt = lookedAt + 1 < entries.count ? lookedAt + 1 : 0
      guard let entry = entries[lookedAt], entry.number == number, isUnused(entry) else { continue }
      drop(entry, lookedAt)
      return true
    }
    return false
  }

  private static func limitName(_ id: String) -> String { String(id.prefix { $0 != ":" }) }

  /// Whether nothing is held, asked or waited for.
  private func isUnused(_ entry: Entry) -> Bool {
    entry.slots.idleAt(remembers: isRemote) != .max && entry.asking.isEmpty && entry.asked.isEmpty
      && entry.waiting.isEmpty
  }

  private func entry(_ id: String, _ limit: Int, _ absence: StoreAbsence, _ nodesAssumed: Int) -> (Int, Entry) {
    if let index = indices[id], let entry = entries[index] {
      entry.limit = limit
      entry.absence = absence
      entry.nodesAssumed = nodesAssumed
      return (index, entry)
    }
    let number = counts.number(of: Self.limitName(id))
    let entry = Entry(
      id: id, group: LimitKey.concurrencyGroup(of: id, groups.count), number: number, limit: limit, absence: absence,
      nodesAssumed: nodesAssumed)
    let index = free.popLast() ?? entries.count
    if index == entries.count { entries.append(entry) } else { entries[index] = entry }
    indices[id] = index
    counts[number] += 1
    return (index, entry)
  }

  private func tidy(_ entry: Entry, _ index: Int) {
    var dueAt = storage.condition == .present ? entry.slots.dueAt : .max
    if isUnused(entry) {
      let idleAt = entry.slots.idleAt(remembers: isRemote)
      guard idleAt > now else { return drop(entry, index) }
      dueAt = min(dueAt, idleAt)
    }
    if dueAt < entry.armedAt { arm(entry, index, dueAt) }
  }

  private func drop(_ entry: Entry, _ index: Int) {
    guard entries[index] === entry else { return }
    indices[entry.id] = nil
    counts[entry.number] -= 1
    entries[index] = nil
    free.append(index)
  }

  private func arm(_ entry: Entry, _ index: Int, _ until: Int) {
    guard until < entry.armedAt else { return }
    entry.armedAt = until
    let due = MonotonicTime(nanoseconds: UInt64(clamping: max(0, until)) * 1_000_000)
    _ = reactor.startTimer(at: due, self, token: UInt32(truncatingIfNeeded: index))
  }

  func timerFired(token: UInt32) {
    let index = Int(token)
    guard let entry = entries[index] else { return }
    if entry.armedAt <= now { entry.armedAt = .max }
    if storage.condition == .present, entry.slots.isDue(now: now) { ask(entry, index) }
    if let first = entry.waiting.first {
      arm(entry, index, now + Self.retryMilliseconds)
      owner?.slotMayBeFree(first)
    }
    tidy(entry, index)
  }
}

/// Wakes a book each second while it is wanted.
private final class SlotHeartbeat: TimerHandler {
  private weak let book: SlotBook?
  private let reactor: Reactor
  private var isArmed = false
  var isActive = false { didSet { if isActive, !oldValue { timerFired(token: 0) } } }

  init(_ book: SlotBook, _ reactor: Reactor) {
    self.book = book
    self.reactor = reactor
  }

  func timerFired(token: UInt32) {
    if token == 1 { isArmed = false }
    guard isActive, !isArmed, let book else { return }
    isArmed = true
    _ = reactor.startTimer(at: reactor.now + .seconds(1), self, token: 1)
    book.beat()
  }
}
