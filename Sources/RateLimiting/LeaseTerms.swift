/// How a node leases from a bucket: one value for each limit, shared by all its subjects.
public struct LeaseTerms: Sendable, Hashable {
  /// What the bucket is.
  public var bucket: BucketTerms { didSet { aheadMost = Self.aheadMost(bucket, leaseMost, aheadMilliseconds) } }
  /// What happens while the store is away.
  public var absence: StoreAbsence
  /// A lease is to last about so long at the node's own pace.
  public var leaseMilliseconds = 500
  /// With less than this in hand, at its own pace, a node asks for more.
  public var aheadMilliseconds = 150 {
    didSet { aheadMost = Self.aheadMost(bucket, leaseMost, aheadMilliseconds) }
  }
  /// Credit that nobody has used for so long goes back.
  public var idleMilliseconds = 2000
  /// After less than was wanted, and after a failure, so long is not asked at all.
  public var pauseMilliseconds = 100
  /// After a refusal a node asks again within this at the latest, for others may have given back.
  public var refusedMillisecondsMax = 1000
  /// The least that is leased ahead: less would cost more calls than it serves.
  public var leaseLeast: Int
  /// The most that is leased ahead: with the number of nodes, this bounds what may be spent beyond the rate.
  public var leaseMost: Int {
    didSet { aheadMost = Self.aheadMost(bucket, leaseMost, aheadMilliseconds) }
  }
  /// What requests that have not begun leave in the bucket for streams that run, so that what has begun can end: a quarter of one that refills.
  public var keptForRunning: Int
  /// Nodes to reckon with before the store has told their number.
  public var nodesAssumed = 1
  /// With so much in hand no more is asked for, whatever the pace: kept ready, for it costs divisions.
  private(set) var aheadMost: Int

  /// What is looked at at each draw: few fields, where all of the terms would be copied.
  public struct Short: Sendable, Hashable {
    /// With less than this in hand, at its own pace, a node asks for more.
    public let aheadMilliseconds: Int
    /// With so much in hand no more is asked for, whatever the pace.
    public let aheadMost: Int
    /// The most that is leased ahead.
    public let leaseMost: Int
    /// Credit that nobody has used for so long goes back.
    public let idleMilliseconds: Int
  }

  /// What is looked at at each draw.
  public var short: Short {
    Short(
      aheadMilliseconds: aheadMilliseconds, aheadMost: aheadMost, leaseMost: leaseMost,
      idleMilliseconds: idleMilliseconds)
  }

  /// Leases for a bucket: at most half a second of its rate, at least 20 ms of it up to 64 units. For a quota 1 % and 1 ‰, as above.
  public init(_ bucket: BucketTerms, absence: StoreAbsence = .local) {
    self.bucket = bucket
    self.absence = absence
    keptForRunning = bucket.rate.isNone ? 0 : bucket.burst / 4
    let rate = bucket.rate
    let most = rate.isNone ? bucket.burst / 100 : rate.units(inMilliseconds: leaseMilliseconds)
    let least = rate.isNone ? bucket.burst / 1000 : rate.units(inMilliseconds: 20)
    leaseMost = min(bucket.burst, max(1, most))
    leaseLeast = min(leaseMost, min(64, max(1, least)))
    aheadMost = Self.aheadMost(bucket, leaseMost, aheadMilliseconds)
  }

  /// Who uses less than a unit in that time holds none: of a limit of few requests, nodes would hold most and use none.
  private static func aheadMost(_ bucket: BucketTerms, _ leaseMost: Int, _ milliseconds: Int) -> Int {
    bucket.rate.isNone ? leaseMost : bucket.rate.units(inMilliseconds: milliseconds)
  }

  /// The most that one draw needs in hand: who needs more (a prompt bigger than half the bucket) gets it as a debt, for it could never be gathered. Of a quota
  /// all must be there.
  public func drawMax(_ store: StoreCondition) -> Int {
    guard store == .present || absence != .local else { return leaseMost }
    return max(1, bucket.rate.isNone ? bucket.burst : bucket.burst / 2)
  }
}
