/// A soft reservation: a stream begins only while what runs here and it together may expect their tokens from this node's part of the limit. Without
/// it, streams begin as long as there is anything in hand, and most are cut midway. No units are set aside and the store is not asked.
///
/// The reckoning is over the time that an answer takes: the node's part is its credit and its share of the bucket's level and of the refill in that
/// time, times a factor of at most 1 that falls with every cut and grows back with every answer that ends by itself and with time. Against it stand the prompt and an expected output for
/// each stream, the new one included (those that end are followed by others); for quotas, what each has still to come.
public struct LookAhead: Sendable, Hashable {
  /// The factor's range and steps: a cut takes 10 %, an answer that ended by itself gives 0.5 %, a second 3 %. Without the last, a limit of which streams are cut
  /// now and then for other reasons than too many of them would give out less and less.
  @inlinable static var factorLeast: Double { 0.2 }
  @inlinable static var cutFactor: Double { 0.9 }
  @inlinable static var growth: Double { 0.005 }
  @inlinable static var growthPerSecond: Double { 0.03 }

  /// How much of the node's part is given away, as it was at `changedAt`.
  @usableFromInline var factor = 1.0
  @usableFromInline var changedAt = 0
  /// Streams that run here under the limit.
  @inlinable public var running: Int { streams }
  @usableFromInline var streams = 0
  /// Output that they still expect.
  @inlinable public var reserved: Int { expected }
  @usableFromInline var expected = 0

  /// Nothing runs.
  public init() {}

  /// How much of the node's part is given away.
  @inlinable @inline(__always)
  public func factor(at now: Int) -> Double {
    // Mostly nothing has been cut.
    guard factor < 1 else { return 1 }
    return min(1, factor + Self.growthPerSecond * Double(max(0, now - changedAt)) / 1000)
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

  /// Whether ``admits(prompt:output:horizonMilliseconds:_:_:now:)`` says yes already by what is in hand and an even part of the level: what it adds to
  /// these, and to the factor by the time that has passed, is at least nothing, and costs six divisions. Made part of the caller.
  ///
  /// - Parameter isQuota: the limit never refills.
  /// - Returns: false where the long way is to be gone.
  @inlinable @inline(__always)
  public func admitsAtOnce(prompt: Int, output: Int, isQuota: Bool, _ ledger: LeaseLedger) -> Bool {
    guard streams > 0 else { return true }
    guard ledger.told.version != 0, ledger.nodes > 0 else { return false }
    let supply = Double(ledger.units) + 1 / Double(ledger.nodes) * Double(max(0, ledger.told.level))
    let all = isQuota ? Double(expected) + Double(output) : Double(output) * Double(streams + 1)
    return Double(max(0, prompt)) + all <= factor * supply
  }

  /// A stream has begun.
  @inlinable
  public mutating func began(output: Int) {
    streams += 1
    expected = min(reserved + max(0, output), LeaseRate.amountMax)
  }

  /// Part of the expected output has come; call with what is taken from the reservation, no more in sum than was reserved.
  @inlinable
  public mutating func came(_ output: Int) { expected = max(0, reserved - max(0, output)) }

  /// A stream has ended.
  ///
  /// - Parameters:
  ///   - rest: what is left of its reservation.
  ///   - wasCut: the limit ended it.
  @inlinable
  public mutating func ended(rest: Int, wasCut: Bool, now: Int) {
    streams = max(0, running - 1)
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
