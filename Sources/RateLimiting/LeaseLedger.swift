/// What one node knows and holds of one bucket: the node's side of the lease, as a value. It debits at the store first and spends here; a stream's
/// path never waits for the store.
///
/// Units are drawn for what is to come (``draw(_:_:now:_:)``), charged for what has come already (``charge(_:now:)``), given back, and settled once the truth
/// is known. The balance may go below zero by what came unforeseen; the debt goes to the store with the next request. After each turn of events
/// the owner asks ``next(needing:waiting:isRunning:_:now:_:)`` what to say to the store.
///
/// A request is numbered and stays until it is answered. After a failure it is repeated as it was, and the store lets it count once; so neither a grant
/// nor a debt is lost or doubled when only the answer was.
///
/// Times are milliseconds of the node's monotonic clock; the store's clock appears in snapshots alone. Stride: 128 bytes, so that idle subjects cost little.
public struct LeaseLedger: Sendable {
  /// What to do about the store.
  public enum Step: Sendable, Hashable {
    /// Send this; then tell ``answered(_:sequence:_:now:)`` or ``failed(sequence:_:now:)``.
    case ask(LeaseRequest)
    /// Nothing before this time (`Int.max`: before the next event).
    case rest(until: Int)
  }

  @usableFromInline enum Asking: UInt8, Sendable { case nothing, underWay, failed }

  /// Units in hand (above 0) or owed (below).
  @inlinable public var balance: Int { units }
  @usableFromInline var units = 0
  /// The bucket as the store told last.
  @inlinable public var seen: BucketSnapshot { told }
  @usableFromInline var told = BucketSnapshot.none
  @usableFromInline var asked = Asked(sequence: 0, want: 0, least: 0, keep: 0, ahead: 0, adjust: 0)
  var quietUntil = Int.min
  @usableFromInline var usedAt = Int.min
  /// Own pace in units a millisecond, of what was drawn and charged, as it was at `usedAt`; decays with a time constant of one second.
  @usableFromInline var pace: Float = 0
  @usableFromInline var nodes: UInt32 = 0
  /// What the own bucket has given since the store went away: with the balance, of which all is spent, what is there.
  var localLevel = 0
  @usableFromInline var localAt = Int.min
  @usableFromInline var asking = Asking.nothing
  /// How long before `quietUntil` the store last gave less than was wanted.
  var quietMilliseconds: UInt32 = 0

  /// Nothing held, nothing known.
  public init() {}

  /// Units that may be drawn at once.
  public var credit: Int { max(0, balance) }
  /// Units that were used without having been leased.
  public var debt: Int { max(0, -balance) }
  /// Nodes active on the bucket, as last told; 0 before the first answer.
  public var nodesKnown: Int { Int(nodes) }
  /// The number of the request that was sent last.
  public var sequence: Int { asked.sequence }
  /// A request is with the store.
  public var isAsking: Bool { asking == .underWay }
  /// The ledger may be dropped: it holds nothing, owes nothing, waits for nothing. What it has seen is lost with it, which a store that forgets would miss.
  public var isEmpty: Bool { balance == 0 && asking == .nothing }

  // MARK: Units go out and come back

  /// Takes `amount` units, all or none. More than ``LeaseTerms/drawMax(_:)`` is granted when that much is there; the rest becomes a debt.
  public mutating func draw(_ amount: Int, _ terms: LeaseTerms, now: Int, _ store: StoreCondition) -> Bool {
    let amount = min(max(0, amount), LeaseRate.amountMax)
    refillLocally(terms, now, store)
    guard available(terms, store) >= min(amount, terms.drawMax(store)) else {
      note(0, now)
      return false
    }
    note(amount, now)
    add(-amount)
    return true
  }

  /// The short way of ``draw(_:_:now:_:)`` where the store is there and all is in hand: the same in a few instructions, made part of the caller.
  ///
  /// - Returns: false where nothing has happened, and the long way is to be gone.
  @inlinable @inline(__always)
  public mutating func drawInHand(_ amount: Int, now: Int) -> Bool {
    guard localAt == .min, amount >= 0, amount <= units else { return false }
    note(amount, now)
    units -= amount
    return true
  }

  /// Whether ``next(needing:waiting:isRunning:_:now:_:)`` would rest while nobody waits and the store is there: until ``idleAt(_:)``, or while it asks for its
  /// answer. False: it is to be asked.
  @inlinable @inline(__always)
  public func isAtRest(_ short: LeaseTerms.Short, now: Int) -> Bool {
    if asking == .underWay { return true }
    guard asking == .nothing, units >= 0, usedAt != .min, now < idleAt(short) else { return false }
    return Float(units) >= Self.ahead(pace(at: now), short) && !hasSurplus(short)
  }

  /// Whether there is more in hand than a lease, and more than what the store would grant of what it has, while others ask there too.
  @inlinable @inline(__always)
  func hasSurplus(_ short: LeaseTerms.Short) -> Bool {
    guard nodes > 1, units > short.leaseMost else { return false }
    return units - short.leaseMost > told.level / (2 * Int(nodes))
  }

  /// When what nobody has used goes back.
  @inlinable @inline(__always)
  public func idleAt(_ short: LeaseTerms.Short) -> Int { usedAt + short.idleMilliseconds }

  /// Takes what there is, up to `amount`, for a stream that goes on: where the store has lately given less than was wanted, at most a fair part for each of the `sharers` that draw
  /// from here.
  public mutating func drawSome(
    _ amount: Int, sharers: Int, _ terms: LeaseTerms, now: Int, _ store: StoreCondition
  ) -> Int {
    let amount = min(max(0, amount), LeaseRate.amountMax)
    refillLocally(terms, now, store)
    let here = available(terms, store)
    guard here > 0, amount > 0 else {
      note(0, now)
      return 0
    }
    // While the store gives what is wanted there is more where this came from, and small parts would only be drawn more often.
    let isScarce = store == .away || now < quietUntil || here < amount
    let part = isScarce ? min(amount, max(1, here / (2 * max(1, sharers)))) : amount
    note(part, now)
    add(-part)
    return part
  }

  /// Counts units that have been delivered already, whether or not they are there.
  public mutating func charge(_ amount: Int, now: Int) {
    let amount = min(max(0, amount), LeaseRate.amountMax)
    note(amount, now)
    add(-amount)
  }

  /// Units that were drawn and not used.
  public mutating func giveBack(_ amount: Int) {
    add(min(max(0, amount), LeaseRate.amountMax))
  }

  /// The truth of a request is known: the difference to what was drawn and charged for it is paid or given back.
  @inlinable @inline(__always)
  public mutating func settle(charged: Int, true truth: Int) {
    let most = LeaseRate.amountMax
    add(min(max(charged, 0), most) - min(max(truth, 0), most))
  }

  @inlinable @inline(__always)
  mutating func add(_ amount: Int) {
    units = min(max(units + amount, -LeaseRate.amountMax), LeaseRate.amountMax)
  }

  func available(_ terms: LeaseTerms, _ store: StoreCondition) -> Int {
    guard store == .away else { return credit }
    switch terms.absence {
    case .closed: return credit
    case .open: return LeaseRate.amountMax
    case .local: return min(LeaseRate.amountMax, balance + localLevel)
    }
  }

  @inlinable @inline(__always)
  mutating func note(_ amount: Int, _ now: Int) {
    pace = pace(at: now) + Float(amount) / Float(Self.paceMilliseconds)
    usedAt = now
  }

  /// Own pace now. Hyperbolic rather than exponential decay: needs no library, and forgets a burst as fast.
  @inlinable @inline(__always)
  func pace(at now: Int) -> Float {
    guard usedAt != .min else { return 0 }
    // Mostly of the same millisecond: no division.
    guard now > usedAt else { return pace }
    return pace / (1 + Float(max(0, now - usedAt)) / Float(Self.paceMilliseconds))
  }

  /// With less than this in hand more is asked for.
  @inlinable @inline(__always)
  static func ahead(_ pace: Float, _ short: LeaseTerms.Short) -> Float {
    let ahead = min(pace * Float(short.aheadMilliseconds), Float(short.aheadMost))
    return ahead < 1 ? 0 : ahead
  }

  @inlinable static var paceMilliseconds: Int { 1000 }
}
