public import RateLimiting

/// Where buckets and slots are: the process itself (``EmbeddedStore``) or Redis (``RedisStore``), with equal behaviour.
///
/// Belongs to one reactor's callers, or may be shared by several and says so. Called and calling back on the reactor alone.
public protocol BucketStorage: AnyObject, Sendable {
  /// Makes one step on a bucket.
  ///
  /// - Parameters:
  ///   - id: the bucket's name, by ``AppliedLimit/id`` and its period's suffix.
  ///   - node: the caller's name, unique and new for each process and reactor.
  ///   - later: if nothing is given back at once: told the reply, or nil when none came in time. After nil the reply may still come, once.
  /// - Returns: the reply, when the store has it at once; then `later` is not called.
  func lease(
    _ id: String, _ request: LeaseRequest, _ terms: BucketTerms, node: String,
    later: @escaping (LeaseReply?) -> Void
  ) -> LeaseReply?

  /// Makes one step on a concurrency limit; as ``lease(_:_:_:node:later:)``. A group's number for a name is of no limit: the node only says that
  /// it is there.
  func concurrency(
    _ id: String, _ request: ConcurrencyRequest, limit: Int, node: String,
    later: @escaping (ConcurrencyReply?) -> Void
  ) -> ConcurrencyReply?

  /// Over how many groups concurrency limits are spread: several only where they may be on several servers.
  var concurrencyGroupCount: Int { get }

  /// What a quota has at the store now, what other nodes hold of it included; nil where nobody can be told at once.
  func levelNow(_ id: String, without node: String) -> Int?

  /// Whether it wants to be told what nodes hold (``noteHeld(_:_:_:node:)``).
  var keepsHeld: Bool { get }

  /// What a node holds of a quota that it has not spent (below 0: owes), as it stands now: told again a little after each change, so that what is kept on disk
  /// says what was spent and not what was leased.
  func noteHeld(_ id: String, _ held: Int, _ terms: BucketTerms, node: String)

  /// Whether a quota's bucket is there, or may be added to those of its limit: nobody can be told of it at once but where the store is here.
  func hasRoom(for id: String, most: Int) -> Bool

  /// Whether the store answers.
  var condition: StoreCondition { get }

  /// Who is told when ``condition`` changes, on the reactor.
  var observer: (any BucketStorageObserver)? { get set }

  /// Milliseconds that an answer may take; 0 for a store that answers at once. Nobody waits for the store longer than that.
  var answerMilliseconds: Int { get }
}

extension BucketStorage {
  /// One.
  public var concurrencyGroupCount: Int { 1 }

  /// No.
  public var keepsHeld: Bool { false }

  /// Nil.
  public func levelNow(_ id: String, without node: String) -> Int? { nil }

  /// Yes: buckets there expire.
  public func hasRoom(for id: String, most: Int) -> Bool { true }

  /// Nothing.
  public func noteHeld(_ id: String, _ held: Int, _ terms: BucketTerms, node: String) {}
}

/// Learns whether the store is there.
public protocol BucketStorageObserver: AnyObject {
  /// The condition has changed.
  func storeChanged(_ condition: StoreCondition)
}
