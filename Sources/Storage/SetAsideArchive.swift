/// An archive that could not be used, and was renamed so that the gateway can start.
public struct SetAsideArchive: Sendable, Hashable, CustomStringConvertible {
  /// Where it was.
  public let path: String
  /// Where it is now.
  public let renamed: String
  /// What was wrong with it.
  public let cause: String
  /// Buckets that could be read and were taken over.
  public let kept: Int

  /// What happened and what was kept of it.
  public var description: String {
    "\(path) was damaged (\(cause)) and is now \(renamed); \(kept) quotas and budgets of it were kept, all others begin anew"
  }
}
