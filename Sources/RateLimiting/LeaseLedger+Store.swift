/// The ledger's talk with the store.
extension LeaseLedger {
  /// What of the last request has to be kept to repeat it: the rest is in the ledger.
  @usableFromInline struct Asked: Sendable {
    var sequence: Int
    var want: Int
    var least: Int
    var keep: Int
    var ahead: Int
    @usableFromInline var adjust: Int
  }

  /// What to say to the store now.
  ///
  /// - Parameters:
  ///   - need: units that someone waits for; 0 if nobody does.
  ///   - waiting: units that all who wait need together, that one included.
  ///   - isRunning: it is a stream that runs; requests that have not begun leave it a part of the bucket.
  ///   - isAlone: nothing runs here that could need that part.
  ///   - store: `.away` says nothing; a probe is made by passing `.present`.
  public mutating func next(
    needing need: Int, waiting: Int = 0, isRunning: Bool = true, isAlone: Bool = false, _ terms: LeaseTerms, now: Int,
    _ store: StoreCondition
  ) -> Step {
    if store == .away || asking == .underWay { return .rest(until: .max) }
    if asking == .failed { return now < quietUntil ? .rest(until: quietUntil) : sendAgain() }
    let need = min(max(0, need), terms.drawMax(store))
    let idleAt = usedAt == .min ? now : usedAt + terms.idleMilliseconds
    if need == 0 && now >= idleAt {
      guard balance != 0 else { return .rest(until: .max) }
      return now < quietUntil && balance < 0 ? .rest(until: quietUntil) : send(want: 0, least: 0, adjust: balance)
    }
    // What was drawn for more than it became is of use to others at once, where there is little.
    if need == 0, hasSurplus(terms.short) { return send(want: 0, least: 0, adjust: balance - terms.leaseMost) }
    let pace = pace(at: now)
    guard balance < need || Float(balance) < Self.ahead(pace, terms.short) else {
      return .rest(until: need > 0 ? .max : idleAt)
    }
    let missing = max(0, need - credit)
    // A quota does not grow: what was refused is refused again, but less than that may be there.
    let mayBeThere = terms.bucket.rate.isNone && missing > 0 && missing < asked.least
    let quietUntil = isRunning && need > 0 ? quietForRunning(missing, terms) : quietUntil
    guard now >= quietUntil || mayBeThere else { return .rest(until: quietUntil) }
    let forPace = min(Float(terms.leaseMost), pace * Float(leaseMilliseconds(pace, terms)))
    // For all who wait and for what comes after them: a lease for the first alone would leave each of the others, and whoever comes meanwhile, to wait for a
    // lease of his own, and so on for ever.
    let forWaiting = min(terms.leaseMost, max(0, max(need, min(waiting, LeaseRate.amountMax)) - credit))
    let want = max(1, missing, terms.leaseLeast, min(terms.leaseMost, Int(forPace) + forWaiting))
    // The last units of a quota are of use, however few; of a rate, more come soon.
    let least = terms.bucket.rate.isNone && missing > 0 ? missing : max(1, missing, terms.leaseLeast)
    let keep = isRunning || isAlone || missing == 0 ? 0 : terms.keptForRunning
    return send(
      want: want, least: least, keep: keep, ahead: min(want, Int(forPace)),
      adjust: min(0, balance))
  }

  /// How much of its pace a node leases: twice as much where the bucket has plenty, for then nobody else lacks it.
  private func leaseMilliseconds(_ pace: Float, _ terms: LeaseTerms) -> Int {
    let doubled = 2 * terms.leaseMilliseconds
    let isPlenty = Float(told.level) >= Self.plentyLeases * Float(max(1, nodes)) * pace * Float(doubled)
    return isPlenty ? doubled : terms.leaseMilliseconds
  }

  /// A bucket has plenty if it has so many leases for each node.
  private static let plentyLeases: Float = 4

  /// The node stops: everything goes back, as far as the last request is not still under way.
  public mutating func leave() -> LeaseRequest? {
    guard asking == .nothing, balance != 0, case .ask(let request) = send(want: 0, least: 0, adjust: balance) else {
      return nil
    }
    return request
  }

  /// The store has answered. Answers to anything but the request that is kept are void, also second ones.
  ///
  /// - Returns: whether there is more to draw than before, so that who waits should try.
  public mutating func answered(_ reply: LeaseReply, sequence: Int, _ terms: LeaseTerms, now: Int) -> Bool {
    guard asking != .nothing, sequence == asked.sequence else { return false }
    asking = .nothing
    told = reply.seen
    nodes = UInt32(clamping: reply.nodes)
    let grant = min(max(0, reply.grant), asked.want)
    add(grant)
    // Nothing has been refused: any need may be there.
    if grant > 0 { asked.least = .max }
    if asked.want > 0 && grant == 0 {
      let wait = min(reply.waitMilliseconds ?? .max, terms.refusedMillisecondsMax)
      beQuiet(max(wait, terms.pauseMilliseconds), now)
    } else if grant < asked.want {
      beQuiet(terms.pauseMilliseconds, now)
    }
    return grant > 0
  }

  /// No answer in time, or the connection broke: nobody knows whether it took effect. It is repeated later; an answer that comes late still counts.
  public mutating func failed(sequence: Int, _ terms: LeaseTerms, now: Int) {
    guard asking == .underWay, sequence == asked.sequence else { return }
    asking = .failed
    quietUntil = now + terms.pauseMilliseconds
  }

  /// The amount of a quota has changed: what was seen as left moves by the difference.
  public mutating func burstChanged(from old: BucketTerms, to new: BucketTerms) {
    if old.rate.isNone && new.rate.isNone { told.level += new.burst - old.burst }
  }

  /// What is left of the limit as far as this node knows, for headers: never more than one lease behind.
  public func remaining(_ terms: LeaseTerms) -> Int {
    let level = seen.version == 0 ? terms.bucket.initial : seen.level
    return min(terms.bucket.burst, max(0, level) + credit)
  }

  /// Whether the store refuses at present, and until when it is not asked.
  public func refusedUntil(now: Int) -> Int? { now < quietUntil && credit == 0 ? quietUntil : nil }

  /// When so many units may be had at the earliest, if nobody gives anything back, by what the store had left when it last told; `Int.max` when they do not
  /// come by waiting; nil when that is not known.
  ///
  /// - Parameters:
  ///   - before: units that others get first.
  ///   - isRunning: for a stream that runs, which may take the last units and fewer than a lease.
  public func comesAt(
    _ need: Int, after before: Int = 0, isRunning: Bool, _ terms: LeaseTerms, now: Int, _ store: StoreCondition
  ) -> Int? {
    let need = min(max(1, need), terms.drawMax(store))
    guard store == .present else { return comesLocallyAt(need + before, terms, now) }
    guard asking != .underWay else { return nil }
    // A quota does not grow while one waits.
    if terms.bucket.rate.isNone { return left(terms) < need + before ? .max : nil }
    guard quietMilliseconds > 0, now < quietUntil, asking == .nothing else { return nil }
    let missing = need + before - balance
    let needed = isRunning ? missing : max(missing, terms.leaseLeast) + terms.keptForRunning
    let wait = terms.bucket.rate.milliseconds(for: needed - seen.level, max: BucketTerms.waitMillisecondsMax) ?? 0
    let askedAt = isRunning ? quietForRunning(missing, terms) : quietUntil
    return max(askedAt, quietUntil - Int(quietMilliseconds) + wait)
  }

  /// The same while the store is away: what this node gives out by itself.
  private func comesLocallyAt(_ need: Int, _ terms: LeaseTerms, _ now: Int) -> Int? {
    guard available(terms, .away) < need else { return now }
    guard terms.absence == .local, !terms.bucket.rate.isNone, need <= terms.leaseMost else { return .max }
    let sharers = nodes > 0 ? Int(nodes) : max(1, terms.nodesAssumed)
    let missing = need - available(terms, .away)
    let (scaled, overflow) = missing.multipliedReportingOverflow(by: sharers)
    let wait = terms.bucket.rate.milliseconds(for: overflow ? .max : scaled, max: BucketTerms.waitMillisecondsMax)
    return wait.map { now + $0 } ?? .max
  }

  /// Until when the store is not asked for a stream that runs. A request that had not begun may have been refused what is kept for streams.
  private func quietForRunning(_ missing: Int, _ terms: LeaseTerms) -> Int {
    guard asked.keep > 0, quietMilliseconds > 0, quietUntil != .min else { return quietUntil }
    let told = quietUntil - Int(quietMilliseconds)
    let wait = terms.bucket.rate.milliseconds(for: missing - seen.level, max: BucketTerms.waitMillisecondsMax) ?? .max
    return min(quietUntil, told + max(terms.pauseMilliseconds, min(wait, BucketTerms.waitMillisecondsMax)))
  }

  private mutating func beQuiet(_ milliseconds: Int, _ now: Int) {
    quietMilliseconds = UInt32(clamping: milliseconds)
    quietUntil = now + milliseconds
  }

  /// The own bucket while the store is away: the rate's part for one node, from nothing up to one lease; for a quota one node's part of what was left. What the
  /// node owes, and its part of what the bucket owes, has to grow first.
  mutating func refillLocally(_ terms: LeaseTerms, _ now: Int, _ store: StoreCondition) {
    guard store == .away, terms.absence == .local else {
      (localLevel, localAt) = (0, .min)
      return
    }
    let sharers = nodes > 0 ? Int(nodes) : max(1, terms.nodesAssumed)
    guard localAt != .min else {
      localAt = now
      let left = seen.version == 0 ? terms.bucket.initial : seen.level
      localLevel = (terms.bucket.rate.isNone ? left : min(0, left)) / sharers + min(0, unsettled)
      return
    }
    let grown = terms.bucket.rate.units(inMilliseconds: now - localAt) / sharers
    guard grown > 0 else { return }
    localLevel += min(grown, max(0, terms.leaseMost - balance - localLevel))
    // Only the time that gave whole units has passed.
    let used = terms.bucket.rate.milliseconds(for: grown * sharers, max: now - localAt) ?? 0
    localAt += used
  }

  private mutating func send(want: Int, least: Int, keep: Int = 0, ahead: Int = 0, adjust: Int) -> Step {
    asked = Asked(sequence: asked.sequence + 1, want: want, least: least, keep: keep, ahead: ahead, adjust: adjust)
    units -= adjust
    // What the own bucket has given is told with it, and has been given none the less.
    if localAt != .min { localLevel += min(0, adjust) }
    return sendAgain()
  }

  private mutating func sendAgain() -> Step {
    asking = .underWay
    return .ask(
      LeaseRequest(
        sequence: asked.sequence, want: asked.want, least: asked.least, keep: asked.keep, ahead: asked.ahead,
        adjust: asked.adjust, seen: seen))
  }
}

extension LeaseLedger {
  /// What the store had when it last told, and what is in hand; below zero in debt.
  public func left(_ terms: LeaseTerms) -> Int { left(burst: terms.bucket.burst, initial: terms.bucket.initial) }
  /// The same from the two of the terms that matter.
  @inlinable @inline(__always)
  public func left(burst: Int, initial: Int) -> Int {
    min(burst, (told.version > 0 ? told.level : initial) + units + unsettled)
  }
  /// When units were last drawn or charged; `Int.min` if never. Who was idle for longer than a bucket's expiry may be dropped: what it has seen says nothing any more.
  @inlinable public var lastUsedAt: Int { usedAt }
  /// Units given back (above 0) or paid (below) by a request that has not been answered.
  @inlinable public var unsettled: Int { asking == .nothing ? 0 : asked.adjust }
  /// The last request was not answered, and waits to be repeated.
  public var hasFailed: Bool { asking == .failed }
}
