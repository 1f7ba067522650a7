public import RateLimiting
internal import Reactor
public import Storage

/// The store in the process itself, one for all its reactors: the same steps as Redis makes, behind a lock, with answers at once.
///
/// Quotas and budgets outlive the process in a ``BucketArchive``, which is told what is left in the store and at the nodes: all of these die with it. A process that
/// is killed loses what was counted since the nodes' last word and the archive's last write, together about 100 ms; what its running requests had
/// drawn counts as used.
public final class EmbeddedStore: BucketStorage {
  private struct Contents: Sendable {
    var buckets = BucketStore()
    var slots: [String: ConcurrencyState] = [:]
    /// What nodes hold of quotas, as they told last; only what is not 0.
    var held: [String: [String: Int]] = [:]
    var steps = 0
  }

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
        $0.buckets.restore(bucket.key, snapshot, burst: bucket.burst, expiresAt: min(bucket.expiresAt, expiryMax))
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
    return contents.withLock {
      let reply = $0.buckets.lease(id, request, terms, node: node, clock: now)
      // What it held may have come back with this step. Until it says anew, it counts as holding what it has just been given: too little rather than twice.
      if keepsHeld, terms.rate.isNone {
        Self.note(reply.grant > 0 ? reply.grant : nil, of: node, id, &$0)
        save(id, terms, $0, now)
      }
      return reply
    }
  }

  /// With an archive.
  public var keepsHeld: Bool { archive != nil }

  /// On any reactor.
  public func noteHeld(_ id: String, _ held: Int, _ terms: BucketTerms, node: String) {
    let now = clock()
    contents.withLock {
      Self.note(held == 0 ? nil : held, of: node, id, &$0)
      save(id, terms, $0, now)
    }
  }

  private static func note(_ held: Int?, of node: String, _ id: String, _ contents: inout Contents) {
    if held == nil, contents.held[id] == nil { return }
    contents.held[id, default: [:]][node] = held
    if contents.held[id]?.isEmpty == true { contents.held[id] = nil }
  }

  /// Under the lock, so that two reactors put in the order of their steps.
  private func save(_ id: String, _ terms: BucketTerms, _ contents: borrowing Contents, _ now: Int) {
    guard let bucket = contents.buckets[id] else { return }
    let held = contents.held[id]?.values.reduce(0, +) ?? 0
    archive?.put(
      SavedBucket(
        key: id, version: bucket.version, level: min(bucket.level + held, bucket.burst), time: bucket.time,
        burst: bucket.burst, expiresAt: now + terms.expiryMilliseconds(level: bucket.level)))
  }

  /// Answers at once, on any reactor.
  public func concurrency(
    _ id: String, _ request: ConcurrencyRequest, limit: Int, later: @escaping (ConcurrencyReply?) -> Void
  ) -> ConcurrencyReply? {
    let now = clock()
    return contents.withLock {
      let reply = $0.slots[id, default: ConcurrencyState()].step(request, limit: limit, clock: now)
      if reply.taken == 0 { $0.slots[id] = nil }
      $0.steps += 1
      if $0.steps.isMultiple(of: Self.sweepSteps) { Self.sweep(&$0, now) }
      return reply
    }
  }

  /// Forgets all that is in memory, as a store that restarts empty: for tests of how nodes repair it.
  package func forget() { contents.withLock { $0 = Contents() } }

  /// Whose holder is gone: its slots have expired, and nobody asks any more.
  private static func sweep(_ contents: inout Contents, _ now: Int) {
    for id in contents.slots.keys where contents.slots[id]?.step(.refresh([]), limit: 0, clock: now).taken == 0 {
      contents.slots[id] = nil
    }
  }
}
