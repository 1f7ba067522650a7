/// A soft reservation: a stream begins only while what runs here and it together may expect their tokens from this node's part of the limit. Without
/// it, streams begin as long as there is anything in hand, and most are cut midway. No units are set aside and the store is not asked.
///
/// The reckoning is over the time that an answer takes: the node's part is its credit and its share of the bucket's level and of the refill in that
/// time, times a factor of at most 1 that falls with every cut and grows back with every answer that ends by itself and with time. Against it stand the prompt and an expected output for
/// each stream, the new one included (those that end are followed by others); for quotas, what each has still to come.
public struct LookAhead: Sendable, Hashable {
  /// The factor's range and steps: a cut takes 10 %, an answer that ended by itself gives 0.5 %, a second 3 %. Without the last, a limit of which streams are cut
  /// now and then for other reasons than too many of them would give out less and less.
  static let factorLeast = 0.2
  static let cutFactor = 0.9
  static let growth = 0.005
  static let growthPerSecond = 0.03

  /// How much of the node's part is given away, as it was at `changedAt`.
  private var factor = 1.0
  private var changedAt = 0
  /// Streams that run here under the limit.
  public private(set) var running = 0
  /// Output that they still expect.
  public private(set) var reserved = 0

  /// Nothing runs.
  public init() {}

  /// How much of the node's part is given away.
  public func factor(at now: Int) -> Double {
    min(1, factor + Self.growthPerSecond * Double(max(0, now - changedAt)) / 1000)
  }

  /// Whether a request may begin. The first always may: then only the limit itself decides.
  ///
  /// - Parameters:
  ///   - prompt: its prompt, in the limit's units.
  ///   - output: its expected output, in the limit's units.
  ///   - horizonMilliseconds: how long an answer takes.
  public func admits(
    prompt: Int, output: Int, horizonMilliseconds: Int, _ ledger: LeaseLedger, _ terms: LeaseTerms, now: Int
  ) -> Bool {
    guard running > 0 else { return true }
    let rate = terms.bucket.rate
    let share = ledger.share(terms, now: now)
    let level = ledger.seen.version == 0 ? terms.bucket.initial : max(0, ledger.seen.level)
    let refill = rate.units(inMilliseconds: horizonMilliseconds)
    let supply = Double(ledger.balance) + share * (Double(level) + Double(refill))
    let expected = rate.isNone ? Double(reserved) + Double(output) : Double(output) * Double(running + 1)
    return Double(max(0, prompt)) + expected <= factor(at: now) * supply
  }

  /// A stream has begun.
  public mutating func began(output: Int) {
    running += 1
    reserved = min(reserved + max(0, output), LeaseRate.amountMax)
  }

  /// Part of the expected output has come; call with what is taken from the reservation, no more in sum than was reserved.
  public mutating func came(_ output: Int) { reserved = max(0, reserved - max(0, output)) }

  /// A stream has ended.
  ///
  /// - Parameters:
  ///   - rest: what is left of its reservation.
  ///   - wasCut: the limit ended it.
  public mutating func ended(rest: Int, wasCut: Bool, now: Int) {
    running = max(0, running - 1)
    came(rest)
    let before = factor(at: now)
    factor = wasCut ? max(Self.factorLeast, before * Self.cutFactor) : min(1, before + Self.growth)
    changedAt = now
  }
}

extension LeaseLedger {
  /// This node's part of the bucket: one of the nodes, or more if it uses more of the rate now.
  func share(_ terms: LeaseTerms, now: Int) -> Double {
    let even = 1 / Double(max(1, nodes > 0 ? Int(nodes) : terms.nodesAssumed))
    guard !terms.bucket.rate.isNone else { return even }
    let whole = Double(terms.bucket.rate.amount) / Double(terms.bucket.rate.period)
    return min(1, max(even, Double(pace(at: now)) / whole))
  }
}
