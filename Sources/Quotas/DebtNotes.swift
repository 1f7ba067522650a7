internal import RateLimiting
internal import Storage

/// Which debts of buckets that refill are to be written to disk. A bucket that owes nothing needs no row: a process that begins without it is wrong by one burst at most.
///
/// A row says when it was true, and the refill since then is known to whoever reads it. So a debt is written when it changes, and not while it is being repaid.
struct DebtNotes: Sendable {
  /// What the keys of debts begin with in the archive: no bucket's name has a slash.
  static let keyPrefix = "debt/"
  /// Times are rounded to milliseconds: less than this is no change.
  static let toleranceMilliseconds = 10
  /// Every so many notes, those are dropped that have been repaid by now and were not asked for again.
  static let sweepNotes = 1024

  /// A row to write.
  enum Change: Sendable, Equatable {
    case put(SavedBucket)
    /// The bucket of that name in the archive owes nothing any more.
    case remove(key: String)
  }

  /// When debts are repaid, as it is on disk or as it will be when ``changes`` are written.
  private var repaidAt: [String: Int] = [:]
  private var changes: [String: Change] = [:]
  private var notes = 0

  /// Whether nothing is to be written.
  var isEmpty: Bool { changes.isEmpty }

  /// The name of a bucket whose debt that is; nil for a quota's key.
  static func id(ofKey key: String) -> String? {
    key.hasPrefix(keyPrefix) ? String(key.dropFirst(keyPrefix.count)) : nil
  }

  /// A debt has been read from disk.
  mutating func restored(_ id: String, expiresAt: Int) { repaidAt[id] = expiresAt }

  /// Whether a bucket at that level has to be noted.
  func concerns(_ id: String, level: Int) -> Bool {
    level < 0 || (!repaidAt.isEmpty && repaidAt[id] != nil)
  }

  /// A step has been made on a bucket.
  mutating func note(_ id: String, _ bucket: BucketState, _ terms: BucketTerms, clock: Int) {
    defer { sweep(clock) }
    let key = Self.keyPrefix + id
    guard bucket.level < 0 else {
      if repaidAt.removeValue(forKey: id) != nil { changes[id] = .remove(key: key) }
      return
    }
    let wait = terms.rate.milliseconds(
      for: -bucket.level, carried: bucket.carried, max: BucketTerms.debtMillisecondsMax)
    let repaid = bucket.time + (wait ?? BucketTerms.debtMillisecondsMax)
    if let known = repaidAt[id], abs(known - repaid) <= Self.toleranceMilliseconds { return }
    repaidAt[id] = repaid
    changes[id] = .put(
      SavedBucket(
        key: key, version: bucket.version, level: bucket.level, time: bucket.time, burst: bucket.burst,
        expiresAt: clock + terms.expiryMilliseconds(level: bucket.level)))
  }

  /// Some of what is to be written.
  func some(_ most: Int) -> [(id: String, change: Change)] { changes.prefix(most).map { ($0.key, $0.value) } }

  /// That has been written.
  mutating func written(_ some: [(id: String, change: Change)]) {
    for (id, _) in some { changes[id] = nil }
  }

  private mutating func sweep(_ clock: Int) {
    notes &+= 1
    guard notes.isMultiple(of: Self.sweepNotes) else { return }
    // Their rows expire by themselves.
    repaidAt = repaidAt.filter { $0.value > clock || changes[$0.key] != nil }
  }
}
