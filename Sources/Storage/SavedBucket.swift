/// A bucket as it is kept on disk: a quota's or budget's, or one that owes. Times are milliseconds of the wall clock since 1970.
public struct SavedBucket: Sendable, Hashable {
  /// Its key at the store.
  public var key: String
  /// Requests that it had seen.
  public var version: Int
  /// Units that were left; negative in debt.
  public var level: Int
  /// When it was last asked.
  public var time: Int
  /// The whole amount of its period.
  public var burst: Int
  /// When it is of no use any more.
  public var expiresAt: Int

  /// A bucket from its parts.
  public init(key: String, version: Int, level: Int, time: Int, burst: Int, expiresAt: Int) {
    self.key = key
    self.version = version
    self.level = level
    self.time = time
    self.burst = burst
    self.expiresAt = expiresAt
  }
}
