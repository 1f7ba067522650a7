/// All buckets of a store in memory: what the embedded store and the simulator keep. Buckets that have expired are dropped as the store is used,
/// a few for each step, so that no step takes long.
public struct BucketStore: Sendable {
  /// Buckets that one step looks at to drop them, at most.
  static let sweptMax = 4

  private struct Entry: Sendable {
    var state: BucketState
    var expiresAt: Int
  }

  private var entries: [String: Entry] = [:]
  private var sweep: [String] = []

  /// An empty store.
  public init() {}

  /// Buckets that are kept.
  public var count: Int { entries.count }

  /// Makes a step on the bucket under `key`; a missing or expired one begins anew.
  public mutating func lease(
    _ key: String, _ request: LeaseRequest, _ terms: BucketTerms, node: String, clock: Int
  ) -> LeaseReply {
    // Taken out and put back, so that the dictionaries inside are changed in place.
    var entry = entries.removeValue(forKey: key) ?? Entry(state: BucketState(), expiresAt: .max)
    if entry.expiresAt <= clock { entry.state = BucketState() }
    let reply = entry.state.lease(request, terms, node: node, clock: clock)
    entry.expiresAt = clock + terms.expiryMilliseconds
    entries[key] = entry
    sweepSome(clock)
    return reply
  }

  /// The bucket as it stands, if there is one.
  public subscript(key: String) -> BucketState? { entries[key]?.state }

  /// Puts a bucket as it was saved, before the first step on it.
  public mutating func restore(_ key: String, _ snapshot: BucketSnapshot, burst: Int, expiresAt: Int) {
    var state = BucketState()
    (state.version, state.level, state.time, state.burst) = (snapshot.version, snapshot.level, snapshot.time, burst)
    entries[key] = Entry(state: state, expiresAt: expiresAt)
  }

  /// Forgets everything, as a store that restarts empty.
  public mutating func removeAll() {
    entries = [:]
    sweep = []
  }

  private mutating func sweepSome(_ clock: Int) {
    if sweep.isEmpty && entries.count >= 64 { sweep = Array(entries.keys) }
    for key in sweep.suffix(Self.sweptMax) {
      if let entry = entries[key], entry.expiresAt <= clock { entries[key] = nil }
    }
    sweep.removeLast(min(sweep.count, Self.sweptMax))
  }
}
