public import RateLimiting
internal import Reactor
public import Storage

/// The store in the process itself, one for all its reactors: the same steps as Redis makes, behind a lock, with answers at once.
///
/// Quotas and budgets are in a ``BucketArchive``, which all processes share that use the same file, now and later. Each step on one is a transaction there; what nodes
/// hold, and goes back when the process ends, is told to it a little after each change. A process that is killed loses what was spent since, about 100 ms; what its running
/// requests had drawn counts as used. While the file cannot be written, quotas go on in memory.
///
/// Buckets that refill are each process' own, in memory. What they owe is written beside (``DebtNotes``), so that a process that ends forgives nothing.
public final class EmbeddedStore: BucketStorage {
  private struct Contents: Sendable {
    var buckets = BucketStore()
    var slots: [String: ConcurrencyState] = [:]
    var group = ConcurrencyGroup()
    /// What nodes hold of quotas, as they told last; only what is not 0.
    var held: [String: [String: Int]] = [:]
    var steps = 0
    /// Quotas of which the archive does not know yet what is held.
    var unwritten: Set<String> = []
    var debts = DebtNotes()
    var isScheduled = false

    /// Whether a write is to be scheduled now.
    mutating func schedules() -> Bool {
      defer { isScheduled = true }
      return !isScheduled
    }
  }

  /// What is held or owed is written so long after its first change.
  static let writePauseMilliseconds = 50
  /// So much is written in one go, while nobody else uses the store. Of debts no more than one go in each pause.
  static let writtenMax = 256

  /// Every so many steps on slots, states in which none is taken are dropped.
  static let sweepSteps = 1024

  private let contents = Locked(Contents())
  private let archive: BucketArchive?
  private let clock: @Sendable () -> Int

  /// A store with what the archive remembers.
  ///
  /// - Parameter clock: milliseconds since 1970.
  public init(archive: BucketArchive? = nil, clock: @escaping @Sendable () -> Int) throws(StorageError) {
    self.archive = archive
    self.clock = clock
    guard let archive else { return }
    let now = clock()
    let saved = try archive.load(clock: now)
    let expiryMax = now + 2 * LeaseRate.periodMillisecondsMax
    contents.withLock {
      for bucket in saved {
        let snapshot = BucketSnapshot(version: bucket.version, level: bucket.level, time: bucket.time)
        let expiresAt = min(bucket.expiresAt, expiryMax)
        let debtor = DebtNotes.id(ofKey: bucket.key)
        let id = debtor ?? bucket.key
        $0.buckets.restore(id, snapshot, burst: bucket.burst, expiresAt: expiresAt, isQuota: debtor == nil)
        if debtor != nil { $0.debts.restored(id, expiresAt: expiresAt) }
      }
    }
  }

  /// Always: it is where the caller is.
  public var condition: StoreCondition { .present }
  /// At once.
  public var answerMilliseconds: Int { 0 }
  /// Has nothing to learn.
  public var observer: (any BucketStorageObserver)? {
    get { nil }
    set {}
  }
  /// Buckets that are kept.
  public var count: Int { contents.withLock { $0.buckets.count } }

  /// Answers at once, on any reactor.
  public func lease(
    _ id: String, _ request: LeaseRequest, _ terms: BucketTerms, node: String,
    later: @escaping (LeaseReply?) -> Void
  ) -> LeaseReply? {
    let now = clock()
    guard let archive, terms.rate.isNone else { return leaseOfRate(id, request, terms, node, now) }
    return contents.withLock { contents in
      let reply = archive.step(id) { saved in
        if let saved, saved.expiresAt > now {
          let snapshot = BucketSnapshot(version: saved.version, level: saved.level, time: saved.time)
          contents.buckets.adopt(id, snapshot, burst: saved.burst)
        }
        let reply = Self.step(id, request, terms, node, &contents, now)
        contents.unwritten.remove(id)
        return (bucket: Self.saved(id, terms, contents, now), Self.held(id, contents), reply)
      }
      return reply ?? Self.step(id, request, terms, node, &contents, now)
    }
  }

  private func leaseOfRate(
    _ id: String, _ request: LeaseRequest, _ terms: BucketTerms, _ node: String, _ now: Int
  ) -> LeaseReply {
    let isKept = archive != nil
    let (reply, isFirst) = contents.withLock { contents in
      let reply = contents.buckets.lease(id, request, terms, node: node, clock: now)
      guard isKept, contents.debts.concerns(id, level: reply.seen.level), let bucket = contents.buckets[id] else {
        return (reply, false)
      }
      contents.debts.note(id, bucket, terms, clock: now)
      return (reply, !contents.debts.isEmpty && contents.schedules())
    }
    if isFirst { writeLater() }
    return reply
  }

  private static func step(
    _ id: String, _ request: LeaseRequest, _ terms: BucketTerms, _ node: String, _ contents: inout Contents, _ now: Int
  ) -> LeaseReply {
    let reply = contents.buckets.lease(id, request, terms, node: node, clock: now)
    // What it held may have come back with this step. Until it says anew, it counts as holding what it has just been given: too little rather than twice.
    note(reply.grant > 0 ? reply.grant : nil, of: node, id, &contents)
    return reply
  }

  /// On any reactor.
  public func levelNow(_ id: String, without node: String) -> Int? {
    contents.withLock { contents in
      guard let level = contents.buckets[id]?.level else { return nil }
      let held = contents.held[id]?.reduce(0) { $0 + ($1.key == node ? 0 : $1.value) } ?? 0
      return level + held
    }
  }

  /// On any reactor.
  public func hasRoom(for id: String, most: Int) -> Bool {
    contents.withLock { $0.buckets.hasRoom(for: id, most: most) }
  }

  /// With an archive.
  public var keepsHeld: Bool { archive != nil }

  /// On any reactor.
  public func noteHeld(_ id: String, _ held: Int, _ terms: BucketTerms, node: String) {
    let isFirst = contents.withLock {
      Self.note(held == 0 ? nil : held, of: node, id, &$0)
      $0.unwritten.insert(id)
      return $0.schedules()
    }
    if isFirst { writeLater() }
  }

  private func writeLater() {
    archive?.later(milliseconds: Self.writePauseMilliseconds) { [weak self] in self?.write() }
  }

  /// Writes what nodes hold, and what is owed, and has not been written. For the process' end and for tests, else on the archive's thread.
  public func flush() {
    writeHeld()
    while contents.withLock({ !$0.debts.isEmpty }), writeDebts() {}
  }

  private func write() {
    contents.withLock { $0.isScheduled = false }
    let isWritten = writeHeld()
    let isMore = !writeDebts() || contents.withLock { !$0.debts.isEmpty }
    if !isWritten || isMore, contents.withLock({ $0.schedules() }) { writeLater() }
  }

  /// Whether all is written.
  @discardableResult
  private func writeHeld() -> Bool {
    guard let archive else { return true }
    var isWritten = true
    repeat {
      isWritten = contents.withLock { contents in
        let some = Array(contents.unwritten.prefix(Self.writtenMax))
        guard !some.isEmpty, archive.setHeld(some.map { ($0, Self.held($0, contents)) }) else { return some.isEmpty }
        contents.unwritten.subtract(some)
        return true
      }
    } while isWritten && contents.withLock { !$0.unwritten.isEmpty }
    return isWritten
  }

  /// Writes one go of what is owed; whether that is written.
  private func writeDebts() -> Bool {
    guard let archive else { return true }
    return contents.withLock { contents in
      let some = contents.debts.some(Self.writtenMax)
      guard !some.isEmpty else { return true }
      var put: [SavedBucket] = []
      var removed: [String] = []
      for (_, change) in some {
        switch change {
        case .put(let bucket): put.append(bucket)
        case .remove(let key): removed.append(key)
        }
      }
      guard archive.write(put, removing: removed) else { return false }
      contents.debts.written(some)
      return true
    }
  }

  private static func note(_ held: Int?, of node: String, _ id: String, _ contents: inout Contents) {
    if held == nil, contents.held[id] == nil { return }
    contents.held[id, default: [:]][node] = held
    if contents.held[id]?.isEmpty == true { contents.held[id] = nil }
  }

  private static func held(_ id: String, _ contents: borrowing Contents) -> Int {
    contents.held[id]?.values.reduce(0) { min(max($0 + $1, -LeaseRate.amountMax), LeaseRate.amountMax) } ?? 0
  }

  private static func saved(
    _ id: String, _ terms: BucketTerms, _ contents: borrowing Contents, _ now: Int
  ) -> SavedBucket {
    let bucket = contents.buckets[id] ?? BucketState()
    return SavedBucket(
      key: id, version: bucket.version, level: bucket.level, time: bucket.time, burst: bucket.burst,
      expiresAt: now + terms.expiryMilliseconds(level: bucket.level))
  }

  /// Answers at once, on any reactor.
  public func concurrency(
    _ id: String, _ request: ConcurrencyRequest, limit: Int, node: String,
    later: @escaping (ConcurrencyReply?) -> Void
  ) -> ConcurrencyReply? {
    let now = clock()
    return contents.withLock {
      let reply = $0.slots[id, default: ConcurrencyState()].step(
        request, node: node, limit: limit, clock: now, &$0.group)
      if reply.taken == 0 { $0.slots[id] = nil }
      $0.steps &+= 1
      if $0.steps.isMultiple(of: Self.sweepSteps) { Self.sweep(&$0, now) }
      return reply
    }
  }

  /// Forgets all that is in memory, as a store that restarts empty: for tests of how nodes repair it.
  package func forget() { contents.withLock { $0 = Contents() } }

  /// Whose holder is gone: its slots have expired, and nobody asks any more.
  private static func sweep(_ contents: inout Contents, _ now: Int) {
    for id in contents.slots.keys {
      contents.slots[id]?.expire(now)
      if contents.slots[id]?.taken == 0 { contents.slots[id] = nil }
    }
  }
}
