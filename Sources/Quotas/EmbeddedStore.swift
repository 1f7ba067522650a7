public import RateLimiting
internal import Reactor
public import Storage

/// The store in the process itself, one for all its reactors: the same steps as Redis makes, behind a lock, with answers at once.
///
/// Quotas and budgets outlive the process in a ``BucketArchive``. What nodes had leased and not used when the process was killed counts as used.
public final class EmbeddedStore: BucketStorage {
  private struct Contents: Sendable {
    var buckets = BucketStore()
    var slots: [String: ConcurrencyState] = [:]
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
    let saved = try archive.load(clock: clock())
    contents.withLock {
      for bucket in saved {
        let snapshot = BucketSnapshot(version: bucket.version, level: bucket.level, time: bucket.time)
        $0.buckets.restore(bucket.key, snapshot, burst: bucket.burst, expiresAt: bucket.expiresAt)
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
      // Under the lock, so that two reactors put in the order of their steps.
      if terms.rate.isNone {
        archive?.put(
          SavedBucket(
            key: id, version: reply.seen.version, level: reply.seen.level, time: reply.seen.time, burst: terms.burst,
            expiresAt: now + terms.expiryMilliseconds))
      }
      return reply
    }
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
