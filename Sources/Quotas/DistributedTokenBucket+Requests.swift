internal import RateLimiting

/// What a request needs of its limits, in tokens.
struct RequestNeed: Sendable, BitwiseCopyable {
  var promptTokens: Int
  /// Output that is expected, all choices together.
  var expected: Int
  /// How long an answer takes.
  var horizonMilliseconds: Int
  var maxTokens: Int?
  var choices: Int
  /// Nothing is spent while it runs: what it may cost is reserved.
  var isOnePiece = false
  /// The most that one answer can have; nil: not known.
  var outputMax: Int?
  /// Pictures that it is to make.
  var images: Int
  /// What must be there of each limit at least: 1 for whatever may cost something.
  var least: Int

  @inline(__always)
  func output(_ terms: UnsafePointer<LimitSet.Terms>) -> Int {
    LimitCost.units(ofOutput: expected, terms.pointee.perThousand)
  }

  /// What of the output is to be drawn with the prompt.
  @inline(__always)
  func ahead(_ terms: UnsafePointer<LimitSet.Terms>, prompt: Int, output: Int) -> Int {
    let ahead = min(terms.pointee.ahead, output)
    // A stream whose prompt is a debt for long would be cut behind it: its answer is drawn with it.
    guard isOnePiece else { return OutputReserve.isDeepDebt(prompt, terms.pointee.reservedMost) ? output : ahead }
    return OutputReserve.drawn(output: output, ahead: ahead, prompt: prompt, most: terms.pointee.reservedMost)
  }
}

/// A request before all its limits in one go: one entry into the actor for each of its events.
extension DistributedTokenBucket {
  enum Beginning: Sendable {
    /// All have given; the bound on one answer, where quotas make one.
    case begun(clampedMaxTokens: Int?)
    /// This one has not given so many units; what others had given is back.
    case halted(at: Int, need: Int)
    /// The prompt, of so many units, is larger than all of this limit; all is back.
    case tooLarge(at: Int, units: Int)
    /// A subject has been dropped meanwhile: the limits are to be looked up again; all is back.
    case stale
  }

  /// Draws what the request needs of all limits, or of none.
  ///
  /// - Parameters:
  ///   - waitsAt: whose queue it stands in.
  ///   - isLastTry: its time is up: the store's part is done without if its answer has not come.
  func begin(_ grant: LimitGrant, _ need: RequestNeed, waitsAt: SubjectRef?, isLastTry: Bool) -> Beginning {
    let set = grant.set
    let now = now
    let condition = storage.condition
    var clamp = OutputClamp()
    for place in 0..<set.terms.count {
      let terms = set.terms.address(place)
      let subject = terms.pointee.subject
      guard isCurrent(subject) else { return giveBack(grant, upTo: place, for: .stale) }
      let prompt = terms.units(ofPrompt: need.promptTokens, images: need.images)
      guard prompt <= terms.pointee.promptMost else {
        return giveBack(grant, upTo: place, for: .tooLarge(at: place, units: prompt))
      }
      let output = need.output(terms)
      let amount = max(need.least, prompt + ahead(need, terms, prompt: prompt, output: output))
      guard
        // What costs nothing asks for nothing, and may be done in debt too.
        amount == 0
          || (mayBegin(subject, prompt, output, need.horizonMilliseconds, now)
            && (draw(subject, amount, isRetry: waitsAt == subject, isRunning: false, now, condition)
              || (isLastTry && drawWithoutStore(subject, amount))))
      else { return halt(grant, need, at: place, amount) }
      grant.shares[place] = ShareList.Share(
        charged: amount, prompt: prompt, allowance: Allowance(amount - prompt, lowAt: terms.pointee.lowAt),
        // What is drawn already is not still to come.
        reserved: need.isOnePiece ? max(0, output - (amount - prompt)) : output)
      // Who answers without text has nothing to bound.
      guard terms.pointee.isCalendar, need.expected > 0 else { continue }
      clamp.bound(
        left: left(Int(subject.place)) + amount, prompt: prompt,
        thousandthsPerToken: terms.pointee.perThousand * need.choices)
    }
    noteBegun(grant)
    switch clamp.answer(maxTokens: need.maxTokens, outputMax: need.outputMax) {
    case .keep: return .begun(clampedMaxTokens: nil)
    case .clamp(let most): return .begun(clampedMaxTokens: most)
    }
  }

  /// All limits have given: what is expected of the request is known from here on.
  @inline(__always)
  private func noteBegun(_ grant: LimitGrant) {
    for place in 0..<grant.set.terms.count {
      let number = activate(Int(grant.set.terms.address(place).pointee.subject.place))
      active.pointer(number).pointee.lookAhead.began(output: grant.shares.end(place).reserved)
      active.pointer(number).pointee.unspent &+= grant.shares.allowance(place).left
    }
  }

  /// What of the output is to be drawn with the prompt, of what there is.
  @inline(__always)
  private func ahead(
    _ need: RequestNeed, _ terms: UnsafePointer<LimitSet.Terms>, prompt: Int, output: Int
  ) -> Int {
    let ahead = need.ahead(terms, prompt: prompt, output: output)
    // The last of a quota is of use to who can do with less.
    guard terms.pointee.isCalendar, ahead > 0 else { return ahead }
    let rest = left(Int(terms.pointee.subject.place)) - prompt
    // A prompt that takes all of what is left is let through as it is; where nothing is left, nothing is.
    return rest == 0 && prompt > 0 ? 0 : min(ahead, max(1, rest))
  }

  /// Has a subject of which the store has not told yet asked ahead, so that several limits are asked at once.
  private func askAhead(_ need: RequestNeed, _ terms: UnsafePointer<LimitSet.Terms>) {
    let prompt = terms.units(ofPrompt: need.promptTokens, images: need.images)
    askAhead(
      terms.pointee.subject, max(need.least, prompt + ahead(need, terms, prompt: prompt, output: need.output(terms))))
  }

  /// The limit at a place does not give: what those before it gave is back, and those behind it are asked ahead.
  @inline(never)
  private func halt(_ grant: LimitGrant, _ need: RequestNeed, at place: Int, _ amount: Int) -> Beginning {
    let halted = giveBack(grant, upTo: place, for: .halted(at: place, need: amount))
    let terms = grant.set.terms
    for later in place + 1..<max(place + 1, terms.count) where isCurrent(terms[later].subject) {
      askAhead(need, terms.address(later))
    }
    return halted
  }

  /// What the limits before that place gave is back, and what is said for it.
  @inline(never)
  private func giveBack(_ grant: LimitGrant, upTo end: Int, for beginning: Beginning) -> Beginning {
    for place in 0..<end { giveBack(grant.set.terms[place].subject, grant.shares[place].charged) }
    return beginning
  }

  /// Whether a request may begin, by what streams here expect.
  @inline(__always)
  private func mayBegin(_ subject: SubjectRef, _ prompt: Int, _ output: Int, _ horizon: Int, _ now: Int) -> Bool {
    let known = subjects.pointer(Int(subject.place))
    let number = Int(known.pointee.active)
    guard output > 0, number >= 0 else { return true }
    let isQuota = shortTerms.pointer(Int(known.pointee.terms)).pointee.isQuota
    return active.pointer(number).pointee.lookAhead.admitsAtOnce(
      prompt: prompt, output: output, isQuota: isQuota, known.pointee.ledger)
      || mayBeginByLooking(Int(subject.place), number, prompt, output, horizon, now)
  }

  @inline(never)
  private func mayBeginByLooking(
    _ index: Int, _ number: Int, _ prompt: Int, _ output: Int, _ horizon: Int, _ now: Int
  ) -> Bool {
    active[number].lookAhead.admits(
      prompt: prompt, output: output, horizonMilliseconds: horizon, subjects[index].ledger,
      terms[Int(subjects[index].terms)], now: now)
  }

  /// Tokens of output have passed: each limit learns its part.
  func passed(_ usage: TokenUsage, _ grant: LimitGrant) {
    for place in 0..<grant.set.terms.count {
      let terms = grant.set.terms[place]
      guard terms.perThousand > 0 else { continue }
      var share = grant.shares[place]
      let units =
        switch terms.cost {
        case .tokens(let weights): weights.units(of: usage)
        case .money(let prices): share.meter.add(usage, prices)
        case .requests, .free: 0
        }
      _ = share.allowance.spend(units)
      let reserved = min(units, share.reserved)
      share.reserved -= reserved
      grant.shares[place] = share
      let number = Int(subjects[Int(terms.subject.place)].active)
      guard number >= 0 else { continue }
      active.pointer(number).pointee.unspent &-= units
      if reserved > 0 { active.pointer(number).pointee.lookAhead.came(reserved) }
    }
  }

  /// Draws more for a stream that runs where little is left.
  ///
  /// - Returns: the first limit that has run dry, if any, and whether one is low.
  func refill(_ grant: LimitGrant) -> (dry: Int?, isLow: Bool) {
    let now = now
    let condition = storage.condition
    var isLow = false
    var dry: Int?
    for place in 0..<grant.set.terms.count {
      let terms = grant.set.terms[place]
      guard terms.perThousand > 0 else { continue }
      var share = grant.shares[place]
      guard share.allowance.standing != .ample else { continue }
      let before = share.allowance.left
      share.take(drawSome(terms.subject, terms.ahead + max(0, -share.allowance.left), now, condition))
      if share.allowance.left <= 0 {
        let missing = 1 - share.allowance.left
        if draw(terms.subject, missing, isRetry: false, isRunning: true) { share.take(missing) }
      }
      noteUnspent(terms.subject, share.allowance.left - before)
      grant.shares[place] = share
      switch share.allowance.standing {
      case .ample: break
      case .low: isLow = true
      case .dry: dry = dry ?? place
      }
    }
    return (dry, isLow)
  }

  /// A request has ended, and the truth is known.
  func settle(_ grant: LimitGrant, _ ending: LimitEnding) {
    let now = now
    let condition = storage.condition
    let set = grant.set
    for place in 0..<set.terms.count {
      let terms = set.terms.address(place)
      let subject = terms.pointee.subject
      guard isCurrent(subject) else { continue }
      let truth = ending.isAbandoned ? 0 : terms.units(of: ending.usage)
      // A cut is held against the limit that made it alone.
      let wasCut = ending.wasCut && (ending.cutBy ?? place) == place
      let (charged, reserved) = grant.shares.end(place)
      let known = subjects.pointer(Int(subject.place))
      let number = Int(known.pointee.active)
      if number >= 0 {
        let inUse = active.pointer(number)
        inUse.pointee.unspent &-= grant.shares.allowance(place).left
        inUse.pointee.lookAhead.ended(rest: reserved, wasCut: wasCut, now: now)
        if inUse.pointee.isIdle(now: now) { deactivate(Int(subject.place)) }
      }
      known.pointee.ledger.settle(charged: charged, true: truth)
      guard !isAtRest(known, now, condition) else { continue }
      serveSoon(subject)
      pump(subject.place, now, condition)
    }
  }
}
