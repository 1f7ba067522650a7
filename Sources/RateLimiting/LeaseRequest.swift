/// The state of a bucket as the store told it once: kept by every node, so that together they repair a store that has forgotten.
public struct BucketSnapshot: Sendable, Hashable {
  /// How many requests the bucket had seen; 0 says that nothing is known.
  public var version: Int
  /// What it held, after the grant; negative in debt.
  public var level: Int
  /// When, by the store's clock in milliseconds.
  public var time: Int

  /// A snapshot.
  public init(version: Int, level: Int, time: Int) {
    self.version = version
    self.level = level
    self.time = time
  }

  /// Nothing seen yet.
  public static let none = BucketSnapshot(version: 0, level: 0, time: 0)
}

/// What a node asks of a bucket. The same request may arrive twice (after a timeout it is sent again): it takes effect once.
public struct LeaseRequest: Sendable, Hashable {
  /// Counts up by one with each new request of a node to a bucket; a repetition has the same.
  public var sequence: Int
  /// Units wanted; 0 only gives back or pays, and says that the node needs nothing any more.
  public var want: Int
  /// The least that is of use; below that nothing is granted. At most `want`, at least 1.
  public var least: Int
  /// Units that must be left in the bucket when `least` is granted: requests that have not begun leave them for streams that run, on whatever node.
  public var keep: Int
  /// Units of `want` that are for streams that run already: as many as there are, when `least` cannot be granted.
  public var ahead: Int
  /// Units given back (above 0) or owed (below).
  public var adjust: Int
  /// What the node saw last.
  public var seen: BucketSnapshot

  /// A request.
  public init(sequence: Int, want: Int, least: Int, keep: Int = 0, ahead: Int = 0, adjust: Int, seen: BucketSnapshot) {
    self.sequence = sequence
    self.want = want
    self.least = least
    self.keep = keep
    self.ahead = ahead
    self.adjust = adjust
    self.seen = seen
  }
}

/// What the store answers.
public struct LeaseReply: Sendable, Hashable {
  /// Units that now belong to the node, debited already.
  public var grant: Int
  /// The bucket after it.
  public var seen: BucketSnapshot
  /// Milliseconds until `least` may be granted; 0 when it was, nil when it never grows (a quota is spent).
  public var waitMilliseconds: Int?
  /// Nodes that asked for units of this bucket in the last ten seconds, this one included.
  public var nodes: Int
  /// The store had forgotten, and took over what the caller had seen.
  public var adopted: Bool
  /// The store's key held something that is not a bucket, and was dropped.
  public var replaced: Bool

  /// A reply.
  public init(
    grant: Int, seen: BucketSnapshot, waitMilliseconds: Int?, nodes: Int, adopted: Bool, replaced: Bool = false
  ) {
    self.grant = grant
    self.seen = seen
    self.waitMilliseconds = waitMilliseconds
    self.nodes = nodes
    self.adopted = adopted
    self.replaced = replaced
  }
}
