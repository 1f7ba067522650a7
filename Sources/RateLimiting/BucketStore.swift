/// All buckets of a store in memory: what the embedded store and the simulator keep. Buckets that have expired are dropped as the store is used,
/// a few for each step, so that no step takes long.
///
/// The buckets lie in one array and a table tells their places: a table that held them itself would be half empty, of big holes.
public struct BucketStore: Sendable {
  /// Buckets that one step looks at to drop them, at most.
  static let sweptMax = 4
  /// With more than so many, those go that are full again: they are as one that nobody has asked yet.
  static let keptMax = 100_000

  private struct Entry: Sendable {
    /// Nil for a place that is free.
    var key: String?
    var state: BucketState
    /// In seconds, rounded up, as all times here: buckets are many, and eight bytes for both times are less than sixteen.
    var expiresAt: UInt32
    /// When it is full if nobody asks; a quota never is (``quota``).
    var fullAt = Entry.unknown

    static let never = UInt32.max
    static let quota = UInt32.max
    static let unknown = UInt32.max - 1
    var isQuota: Bool { fullAt == Self.quota }

    static func seconds(_ milliseconds: Int) -> UInt32 {
      min(UInt32(clamping: max(0, milliseconds) / 1000 + 1), unknown - 1)
    }
    static func isPast(_ seconds: UInt32, _ clock: Int) -> Bool { Int(seconds) * 1000 <= clock && seconds < unknown }
  }

  private var entries = BlockArray<Entry>()
  private var places = PlaceIndex()
  private var free: [Int32] = []
  private var sweepAt = 0
  /// Quotas that are kept, by their limits' names.
  private var quotas: [String: Int] = [:]

  /// An empty store.
  public init() {}

  /// Buckets that are kept.
  public var count: Int { places.count }

  /// Makes a step on the bucket under `key`; a missing or expired one begins anew.
  public mutating func lease(
    _ key: String, _ request: LeaseRequest, _ terms: BucketTerms, node: String, clock: Int
  ) -> LeaseReply {
    let place = place(of: key)
    if Entry.isPast(entries[place].expiresAt, clock) { entries[place].state = BucketState() }
    let reply = entries[place].state.lease(request, terms, node: node, clock: clock)
    entries[place].expiresAt = Entry.seconds(clock + terms.expiryMilliseconds(level: reply.seen.level))
    if terms.rate.isNone {
      noteQuota(place)
    } else {
      let missing = terms.burst - reply.seen.level
      let wait = terms.rate.milliseconds(for: missing, max: LeaseRate.periodMillisecondsMax) ?? 0
      entries[place].fullAt = Entry.seconds(clock + wait)
    }
    sweep(clock)
    return reply
  }

  /// The bucket as it stands, if there is one.
  public subscript(key: String) -> BucketState? { known(key).map { entries[$0].state } }

  /// Puts a bucket as it was saved, before the first step on it.
  ///
  /// - Parameter expiresAt: for one that refills, when it is full in any case.
  public mutating func restore(
    _ key: String, _ snapshot: BucketSnapshot, burst: Int, expiresAt: Int, isQuota: Bool = true
  ) {
    let place = place(of: key)
    entries[place].state = BucketState(snapshot, burst: burst)
    entries[place].expiresAt = Entry.seconds(expiresAt)
    if isQuota { noteQuota(place) } else { entries[place].fullAt = entries[place].expiresAt }
  }

  /// Takes a quota's bucket as another process has left it, which shares it.
  public mutating func adopt(_ key: String, _ snapshot: BucketSnapshot, burst: Int) {
    let place = place(of: key)
    entries[place].state.adopt(snapshot, burst: burst)
    entries[place].expiresAt = Entry.never
  }

  /// Whether a quota's bucket is there, or its limit has fewer than that.
  public func hasRoom(for key: String, most: Int) -> Bool {
    known(key) != nil || quotas[Self.limit(of: key), default: 0] < most
  }

  private static func limit(of key: String) -> String { String(key.prefix { $0 != ":" }) }

  private mutating func noteQuota(_ place: Int) {
    guard !entries[place].isQuota, let key = entries[place].key else { return }
    entries[place].fullAt = Entry.quota
    quotas[Self.limit(of: key), default: 0] += 1
  }

  /// Forgets everything, as a store that restarts empty.
  public mutating func removeAll() { self = BucketStore() }

  private func known(_ key: String) -> Int? { places.find(key) { entries[$0].key == key } }

  private mutating func place(of key: String) -> Int {
    if let place = known(key) { return place }
    let entry = Entry(key: key, state: BucketState(), expiresAt: Entry.never)
    guard let place = free.popLast() else {
      places.insert(key, at: entries.count)
      entries.append(entry)
      return entries.count - 1
    }
    entries[Int(place)] = entry
    places.insert(key, at: Int(place))
    return Int(place)
  }

  private mutating func sweep(_ clock: Int) {
    for _ in 0..<min(Self.sweptMax, entries.count) {
      sweepAt = sweepAt + 1 < entries.count ? sweepAt + 1 : 0
      let isTooMany = places.count > Self.keptMax
      guard let key = entries[sweepAt].key,
        Entry.isPast(entries[sweepAt].expiresAt, clock)
          || (isTooMany && Entry.isPast(entries[sweepAt].fullAt, clock))
      else { continue }
      places.remove(key, at: sweepAt)
      if entries[sweepAt].isQuota { quotas[Self.limit(of: key), default: 1] -= 1 }
      entries[sweepAt] = Entry(key: nil, state: BucketState(), expiresAt: Entry.never)
      free.append(Int32(sweepAt))
    }
  }
}
