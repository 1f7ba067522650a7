/// All buckets of a store in memory: what the embedded store and the simulator keep. Buckets that have expired are dropped as the store is used,
/// a few for each step, so that no step takes long.
///
/// The buckets lie in one array and a table tells their places: a table that held them itself would be half empty, of big holes.
public struct BucketStore: Sendable {
  /// Buckets that one step looks at to drop them, at most.
  static let sweptMax = 4

  private struct Entry: Sendable {
    /// Nil for a place that is free.
    var key: String?
    var state: BucketState
    var expiresAt: Int
  }

  private var entries = BlockArray<Entry>()
  private var places: [String: Int32] = [:]
  private var free: [Int32] = []
  private var sweepAt = 0

  /// An empty store.
  public init() {}

  /// Buckets that are kept.
  public var count: Int { places.count }

  /// Makes a step on the bucket under `key`; a missing or expired one begins anew.
  public mutating func lease(
    _ key: String, _ request: LeaseRequest, _ terms: BucketTerms, node: String, clock: Int
  ) -> LeaseReply {
    let place = place(of: key)
    if entries[place].expiresAt <= clock { entries[place].state = BucketState() }
    let reply = entries[place].state.lease(request, terms, node: node, clock: clock)
    entries[place].expiresAt = clock + terms.expiryMilliseconds(level: reply.seen.level)
    sweep(clock)
    return reply
  }

  /// The bucket as it stands, if there is one.
  public subscript(key: String) -> BucketState? { places[key].map { entries[Int($0)].state } }

  /// Puts a bucket as it was saved, before the first step on it.
  public mutating func restore(_ key: String, _ snapshot: BucketSnapshot, burst: Int, expiresAt: Int) {
    let place = place(of: key)
    entries[place].state = BucketState(snapshot, burst: burst)
    entries[place].expiresAt = expiresAt
  }

  /// Forgets everything, as a store that restarts empty.
  public mutating func removeAll() { self = BucketStore() }

  private mutating func place(of key: String) -> Int {
    if let place = places[key] { return Int(place) }
    let entry = Entry(key: key, state: BucketState(), expiresAt: .max)
    guard let place = free.popLast() else {
      places[key] = Int32(entries.count)
      entries.append(entry)
      return entries.count - 1
    }
    entries[Int(place)] = entry
    places[key] = place
    return Int(place)
  }

  private mutating func sweep(_ clock: Int) {
    for _ in 0..<min(Self.sweptMax, entries.count) {
      sweepAt = sweepAt + 1 < entries.count ? sweepAt + 1 : 0
      guard let key = entries[sweepAt].key, entries[sweepAt].expiresAt <= clock else { continue }
      places[key] = nil
      entries[sweepAt] = Entry(key: nil, state: BucketState(), expiresAt: .max)
      free.append(Int32(sweepAt))
    }
  }
}
