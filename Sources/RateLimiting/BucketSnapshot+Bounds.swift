extension BucketSnapshot {
  /// Where a version stops: what can be added to and still is exact in a double.
  public static let versionMax = LeaseRate.productMax

  /// Moved into the range in which a bucket can be reckoned with: what comes from a file or from a store that others write to may be anything. What was seen
  /// once stays seen, so that a version of 0 or less does not make a bucket a fresh one.
  var bounded: BucketSnapshot {
    BucketSnapshot(
      version: min(max(1, version), Self.versionMax),
      level: min(max(-LeaseRate.amountMax, level), LeaseRate.amountMax), time: min(max(0, time), LeaseRate.productMax))
  }
}
