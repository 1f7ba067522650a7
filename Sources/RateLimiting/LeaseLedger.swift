/// What one node knows and holds of one bucket: the node's side of the lease, as a value. It debits at the store first and spends here; a stream's
/// path never waits for the store.
///
/// Units are drawn for what is to come (``draw(_:isRetry:_:now:_:)``), charged for what has come already (``charge(_:now:)``), given back, and settled once the truth
/// is known. The balance may go below zero by what came unforeseen; the debt goes to the store with the next request. After each turn of events
/// the owner asks ``next(needing:isRunning:_:now:_:)`` what to say to the store.
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

  enum Asking: UInt8, Sendable { case nothing, underWay, failed }

  /// Units in hand (above 0) or owed (below).
  public internal(set) var balance = 0
  /// The bucket as the store told last.
  public internal(set) var seen = BucketSnapshot.none
  var asked = Asked(sequence: 0, want: 0, least: 0, keep: 0, ahead: 0, adjust: 0)
  var quietUntil = Int.min
  var usedAt = Int.min
  /// Own pace in units a millisecond, as it was at `usedAt`; decays with a time constant of one second.
  var pace: Float = 0
  var nodes: UInt32 = 0
  /// The own bucket while the store is away.
  var localLevel = 0
  var localAt = Int.min
  var asking = Asking.nothing
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
  ///
  /// - Parameter isRetry: it was refused before and has waited: its wish counts once for the node's pace.
  public mutating func draw(
    _ amount: Int, isRetry: Bool = false, _ terms: LeaseTerms, now: Int, _ store: StoreCondition
  ) -> Bool {
    let amount = min(max(0, amount), LeaseRate.amountMax)
    refillLocally(terms, now, store)
    note(isRetry ? 0 : amount, now)
    guard available(terms, store) >= min(amount, terms.drawMax(store)) else { return false }
    spend(amount)
    return true
  }

  /// Takes what there is, up to `amount`, for a stream that goes on: at most a fair part for each of the `sharers` that draw from here.
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
    let part = min(amount, max(1, here / (2 * max(1, sharers))))
    note(part, now)
    spend(part)
    return part
  }

  /// Counts units that have been delivered already, whether or not they are there.
  public mutating func charge(_ amount: Int, now: Int) {
    let amount = min(max(0, amount), LeaseRate.amountMax)
    note(amount, now)
    spend(amount)
  }

  /// Units that were drawn and not used.
  public mutating func giveBack(_ amount: Int) {
    add(min(max(0, amount), LeaseRate.amountMax))
  }

  /// The truth of a request is known: the difference to what was drawn and charged for it is paid or given back.
  public mutating func settle(charged: Int, true truth: Int) {
    let bounds = 0...LeaseRate.amountMax
    add(min(max(charged, bounds.lowerBound), bounds.upperBound) - min(max(truth, bounds.lowerBound), bounds.upperBound))
  }

  private mutating func spend(_ amount: Int) {
    let fromLocal = min(localLevel, max(0, amount - credit))
    localLevel -= fromLocal
    add(-amount)
  }

  mutating func add(_ amount: Int) {
    balance = min(max(balance + amount, -LeaseRate.amountMax), LeaseRate.amountMax)
  }

  func available(_ terms: LeaseTerms, _ store: StoreCondition) -> Int {
    guard store == .away else { return credit }
    switch terms.absence {
    case .closed: return credit
    case .open: return LeaseRate.amountMax
    case .local: return min(LeaseRate.amountMax, credit + localLevel)
    }
  }

  private mutating func note(_ amount: Int, _ now: Int) {
    pace = pace(at: now) + Float(amount) / Float(Self.paceMilliseconds)
    usedAt = now
  }

  /// Own pace now. Hyperbolic rather than exponential decay: needs no library, and forgets a burst as fast.
  func pace(at now: Int) -> Float {
    guard usedAt != .min else { return 0 }
    return pace / (1 + Float(max(0, now - usedAt)) / Float(Self.paceMilliseconds))
  }

  static let paceMilliseconds = 1000
}
