/// One request's life, as decisions: told what happens, it says what is to be done. It has no clock, no I/O and no bytes.
///
/// The order of a request is one switch: receive → admit → lease → send → relay → end. A fault leads back to one of these, or to the end; there is one end. What a
/// request holds of others is noted here, so that each is given back once, whichever way it ends.
public struct ExchangeMachine: Sendable {
  /// Where the request is.
  public enum Stage: UInt8, Comparable, CaseIterable, Sendable {
    /// Its head or body is being read, its candidates are being found.
    case receiving
    /// The limits are asked.
    case admitting
    /// The pool is asked.
    case leasing
    /// A session is there, the request goes out.
    case sending
    /// The upstream is asked; nothing has come.
    case asking
    /// An answer is coming.
    case relaying
    /// It is over.
    case ended

    public static func < (left: Stage, right: Stage) -> Bool { left.rawValue < right.rawValue }
  }

  /// How a limit inside the answer stands.
  ///
  /// `given`: it gives more, and what waits behind it is passed on when the client is ready again.
  private enum LimitState { case open, asked, waiting, given, grace }

  /// The end of an answer comes with its last text or right behind it: so long it is waited for at a limit, and less than the upstream is to notice a cut.
  public static let endGrace = Span.milliseconds(50)
  /// A client that hears nothing is shown life at such intervals.
  public static let lifeSignInterval = Span.milliseconds(5_000)
  /// Attempts for each candidate: the first, one over a new connection, one at another endpoint.
  public static let attemptsPerCandidate = 3

  /// Where the request is.
  public private(set) var stage = Stage.receiving
  /// What the client has of the answer.
  public private(set) var delivered = Delivered.nothing
  /// The candidate in use, of ``candidateCount``.
  public private(set) var candidate = 0
  /// How many candidates there are.
  public private(set) var candidateCount = 0
  /// Attempts begun so far.
  public private(set) var attempts = 0
  /// What the request holds.
  public private(set) var holds: Possessions = []
  /// Whether the upstream in use was asked.
  public private(set) var isSent = false
  /// Whether a time-out of ours ended the attempt under way, or the last one.
  public private(set) var isTimedOut = false
  /// Whether the upstream has ended its answer, of which something may still wait here.
  public private(set) var upstreamEnded = false

  private let startedAt: Moment
  private var sentAt = Moment.never
  private var progressAt = Moment.never
  private var totalAt = Moment.never
  private var lifeAt = Moment.never
  private var times: AttemptTimes
  private var limit = LimitState.open
  private var isSlow = false
  private var isRepeatable = true
  private var isStream = false
  private var triedSameEndpoint = false
  private var triedOtherEndpoint = false

  /// A request whose head has come.
  public init(startedAt: Moment) {
    self.startedAt = startedAt
    let none = Span(nanoseconds: .max)
    times = AttemptTimes(
      answer: none, firstToken: none, betweenTokens: none, total: none, isStream: false, showsLife: false)
  }

  /// When ``ExchangeEvent/time`` is to be told. Earlier is harmless.
  public var deadline: Moment { min(progressAt, min(totalAt, lifeAt)) }

  /// Whether there is a candidate behind the one in use.
  public var hasNext: Bool { candidate &+ 1 < candidateCount }

  /// Whether a fault of the attempt under way would lead anywhere but to the client, unless the total time is over.
  public func hasAlternative(_ reaction: FaultTable.Reaction, hasOtherEndpoints: Bool) -> Bool {
    delivered == .nothing && isRepeatable
      && (reaction.contains(.nextCandidate) && hasNext
        || reaction.contains(.sameEndpoint) && !triedSameEndpoint
        || reaction.contains(.otherEndpoint) && hasOtherEndpoints && !triedOtherEndpoint)
  }

  /// Something has happened.
  public mutating func handle(_ event: ExchangeEvent, at now: Moment) -> ExchangeAction {
    guard stage != .ended else { return afterEnd(event) }
    switch event {
    case .answered(let isRefusal): return close(isRefusal ? .refused : .document)
    case .routed(let candidates, let isRepeatable): return routed(candidates, isRepeatable)
    case .began(let times): return began(times)
    case .admitted, .admissionWaits, .admissionRefused: return admission(event)
    case .leased, .leaseWaits, .sent: return lease(event, now)
    case .delivered(let part): return delivered(part, now)
    case .answerBegan, .progressed, .upstreamEnded: return answer(event, now)
    case .completed: return close(.whole)
    case .failed(let fault, let reaction, let hasOtherEndpoints):
      return failed(fault, reaction, hasOtherEndpoints, now)
    case .limitReached, .limitGivesMore, .limitWaits, .limitRefuses: return limit(event, now)
    case .clientSlow: return clientSlow()
    case .clientReady: return clientReady(now)
    case .clientLeft: return close(.abandoned)
    case .mustEnd: return close(.shutDown)
    case .time: return time(now)
    }
  }

  // MARK: The way to the upstream

  private mutating func routed(_ candidates: Int, _ isRepeatable: Bool) -> ExchangeAction {
    candidateCount = candidates
    self.isRepeatable = isRepeatable
    guard candidates > 0 else { return close(.refused) }
    stage = .admitting
    return ExchangeAction(.admit)
  }

  private mutating func began(_ times: AttemptTimes) -> ExchangeAction {
    self.times = times
    totalAt = startedAt + times.total
    return .nothing
  }

  private mutating func admission(_ event: ExchangeEvent) -> ExchangeAction {
    guard stage == .admitting else { return late(event) }
    holds.remove(.limitWait)
    switch event {
    case .admitted(let isLimited):
      if isLimited { holds.insert(.grant) }
      return lease(.any)
    case .admissionRefused(diverts: true) where hasNext: return next(lettingGo: [])
    case .admissionRefused: return close(.refused)
    default:
      holds.insert(.limitWait)
      return .nothing
    }
  }

  private mutating func lease(_ lease: ExchangeAction.Lease, lettingGo letsGo: Possessions = []) -> ExchangeAction {
    stage = .leasing
    attempts &+= 1
    return ExchangeAction(.lease(lease), lettingGo: letsGo)
  }

  private mutating func lease(_ event: ExchangeEvent, _ now: Moment) -> ExchangeAction {
    switch (event, stage) {
    case (.leased, .leasing):
      holds.remove(.leaseWait)
      holds.insert(.session)
      isTimedOut = false
      stage = .sending
      return ExchangeAction(.send)
    case (.leaseWaits, .leasing):
      holds.insert(.leaseWait)
      return .nothing
    case (.sent, .sending):
      stage = .asking
      isSent = true
      sentAt = now
      expectProgress(from: now)
      return ExchangeAction(isSlow ? .hold : .nothing)
    default: return late(event)
    }
  }

  // MARK: The answer

  private mutating func answer(_ event: ExchangeEvent, _ now: Moment) -> ExchangeAction {
    guard stage == .asking || stage == .relaying else { return .nothing }
    switch event {
    case .answerBegan(let isStream):
      self.isStream = isStream
      stage = .relaying
      // Of a stream that was asked for the time runs already.
      if !(isStream && times.isStream) { expectProgress(from: now) }
      // Who did not ask for a stream may still get another answer in one piece.
      lifeAt = isStream && times.isStream && times.showsLife ? now + Self.lifeSignInterval : .never
    case .upstreamEnded:
      holds.remove(.session)
      upstreamEnded = true
      progressAt = .never
    default: progressed(now)
    }
    return .nothing
  }

  /// Something has gone to the client: what nearly every event of a stream comes to.
  private mutating func delivered(_ part: Delivered, _ now: Moment) -> ExchangeAction {
    guard stage == .asking || stage == .relaying else { return .nothing }
    delivered = max(delivered, part)
    // Beginnings are no content: the time of the first token runs on.
    if part > .beginnings { progressed(now) } else { heard(now) }
    return .nothing
  }

  /// The client hears something.
  private mutating func heard(_ now: Moment) {
    if lifeAt != .never { lifeAt = now + Self.lifeSignInterval }
  }

  /// From now on the upstream's silence counts. It cannot be late while it is not read: the client is slow, or a limit is waited for.
  private mutating func expectProgress(from now: Moment) {
    progressAt = isSlow || limit == .waiting || upstreamEnded ? .never : now + patience
  }

  /// So long the upstream may be silent.
  private var patience: Span {
    if limit == .grace { return Self.endGrace }
    if stage != .relaying { return times.isStream ? times.firstToken : times.answer }
    if isStream { return delivered > .beginnings ? times.betweenTokens : times.firstToken }
    return delivered == .nothing ? times.firstToken : Span(nanoseconds: .max)
  }

  private mutating func progressed(_ now: Moment) {
    heard(now)
    guard progressAt != .never, limit != .grace else { return }
    // Blank bytes of an answer in one piece show that it is being worked on; once it comes only the total time holds.
    if isStream {
      progressAt = now + times.betweenTokens
    } else {
      progressAt = delivered == .nothing ? max(progressAt, sentAt + times.answer) : .never
    }
  }

  // MARK: Faults

  private mutating func failed(
    _ fault: FaultClass, _ reaction: FaultTable.Reaction, _ hasOtherEndpoints: Bool, _ now: Moment
  ) -> ExchangeAction {
    isTimedOut = fault == .timeout
    // The pool has answered.
    if fault == .noSession { holds.remove(.leaseWait) }
    // While a session is waited for nothing of the request has gone out.
    let mayRepeat = isRepeatable || stage == .leasing
    guard stage >= .leasing, delivered == .nothing, now < totalAt, mayRepeat else { return close(.fault) }
    if reaction.contains(.sameEndpoint) && !triedSameEndpoint {
      triedSameEndpoint = true
      return again(.fresh)
    }
    if reaction.contains(.otherEndpoint) && hasOtherEndpoints && !triedOtherEndpoint {
      triedOtherEndpoint = true
      return again(.otherEndpoint)
    }
    guard reaction.contains(.nextCandidate) && hasNext else { return close(.fault) }
    return next(lettingGo: holds)
  }

  private mutating func again(_ lease: ExchangeAction.Lease) -> ExchangeAction {
    let letsGo = holds.subtracting(.grant)
    forgetAttempt()
    holds.formIntersection(.grant)
    return self.lease(lease, lettingGo: letsGo)
  }

  /// Nothing was delivered by the candidate in use; the next one may have other limits and prices.
  private mutating func next(lettingGo letsGo: Possessions) -> ExchangeAction {
    forgetAttempt()
    holds = []
    candidate &+= 1
    triedSameEndpoint = false
    triedOtherEndpoint = false
    stage = .admitting
    return ExchangeAction(.admit, lettingGo: letsGo)
  }

  private mutating func forgetAttempt() {
    progressAt = .never
    limit = .open
    isSent = false
    upstreamEnded = false
  }

  // MARK: Limits inside the answer

  private mutating func limit(_ event: ExchangeEvent, _ now: Moment) -> ExchangeAction {
    guard stage == .relaying || stage == .asking else { return late(event) }
    switch event {
    case .limitReached(let isWhole, let hasMore): return limitReached(isWhole, hasMore, now)
    case .limitWaits:
      limit = .waiting
      holds.insert(.limitWait)
      // While it waits for the limit the upstream cannot be late.
      progressAt = .never
      return ExchangeAction(.hold)
    case .limitGivesMore:
      holds.remove(.limitWait)
      limit = isSlow ? .given : .open
      expectProgress(from: now)
      return ExchangeAction(isSlow ? .nothing : .goOn)
    case .limitRefuses(let hasMore):
      holds.remove(.limitWait)
      guard !hasMore, !upstreamEnded else { return close(.truncated) }
      limit = .grace
      expectProgress(from: now)
      return ExchangeAction(isSlow ? .nothing : .resume)
    default: return .nothing
    }
  }

  private mutating func limitReached(_ isWhole: Bool, _ hasMore: Bool, _ now: Moment) -> ExchangeAction {
    guard !isWhole else { return needsNoMore(now) }
    switch limit {
    case .open:
      limit = .asked
      return ExchangeAction(.askForMore)
    // With nothing behind the last event that event may have been the answer's end as well: then the end follows in a moment.
    case .grace where hasMore: return close(.truncated)
    case .grace, .asked, .waiting, .given: return .nothing
    }
  }

  /// The answer has come to its end at the limit: only its last words are missing.
  private mutating func needsNoMore(_ now: Moment) -> ExchangeAction {
    let before = limit
    if before != .given { limit = .open }
    if before == .grace || before == .waiting { expectProgress(from: now) }
    guard before == .waiting else { return .nothing }
    holds.remove(.limitWait)
    return ExchangeAction(isSlow ? .nothing : .resume, lettingGo: .limitWait)
  }

  // MARK: The client and the clock

  private mutating func clientSlow() -> ExchangeAction {
    isSlow = true
    // While the client is slow the upstream cannot be: its time does not run.
    progressAt = .never
    return ExchangeAction(holds.contains(.session) ? .hold : .nothing)
  }

  private mutating func clientReady(_ now: Moment) -> ExchangeAction {
    guard isSlow else { return .nothing }
    isSlow = false
    guard stage == .asking || stage == .relaying else { return .nothing }
    let isGiven = limit == .given
    if isGiven { limit = .open }
    expectProgress(from: now)
    if isGiven { return ExchangeAction(.goOn) }
    return ExchangeAction(limit == .waiting || upstreamEnded ? .nothing : .resume)
  }

  private mutating func time(_ now: Moment) -> ExchangeAction {
    if now >= totalAt { return ExchangeAction(.timedOut(.total)) }
    if now >= progressAt {
      if limit == .grace { return close(.truncated) }
      return ExchangeAction(.timedOut(lateness(now)))
    }
    guard now >= lifeAt else { return .nothing }
    lifeAt = now + Self.lifeSignInterval
    return isSlow ? .nothing : ExchangeAction(.showLife)
  }

  private func lateness(_ now: Moment) -> ExchangeAction.Timeout {
    if delivered > .beginnings { return .betweenTokens }
    return !times.isStream && now >= sentAt + times.answer ? .answer : .firstToken
  }

  // MARK: The end

  private mutating func close(_ closing: Closing) -> ExchangeAction {
    let letsGo = holds
    holds = []
    stage = .ended
    progressAt = .never
    totalAt = .never
    lifeAt = .never
    return ExchangeAction(.close(closing), lettingGo: letsGo)
  }

  /// What comes too late is given back, and nothing else happens.
  private func afterEnd(_ event: ExchangeEvent) -> ExchangeAction { late(event) }

  private func late(_ event: ExchangeEvent) -> ExchangeAction {
    switch event {
    case .leased: ExchangeAction(.nothing, lettingGo: .session)
    case .admitted(isLimited: true): ExchangeAction(.nothing, lettingGo: .grant)
    case .leaseWaits: ExchangeAction(.nothing, lettingGo: .leaseWait)
    case .admissionWaits, .limitWaits: ExchangeAction(.nothing, lettingGo: .limitWait)
    default: .nothing
    }
  }
}
