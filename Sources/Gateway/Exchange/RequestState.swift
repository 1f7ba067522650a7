internal import ChatProtocol
internal import GatewayConfiguration
internal import HTTPWire
internal import Lifecycle
internal import Quotas
internal import Reactor
internal import Routing
internal import TokenAccounting
internal import Transport
internal import Upstreams

/// One request as it stands: what was asked, where it is tried, what limits said, what its record will tell. Handed by address to those who work on it.
///
/// All its methods are mutating, also where nothing changes: one that is not gets a copy of the whole, which was
/// measured at 1,250 instructions.
struct RequestState {
  // Not counted: they live as long as the process serves. Counting them up and down was measured at 0.3 % of a request.
  unowned(unsafe) let services: RequestServices
  let snapshot: GatewaySnapshot
  var image = RequestImage()
  var limits = RequestLimits()
  /// The attempt under way, or the last one; nil before there is a candidate.
  var attempt: Attempt!
  var record: RequestRecord
  /// What the process's bound knows of its body.
  private var bodyHold = BodyHold()
  /// Why the client is gone.
  var gone = DownstreamGone.left

  init(services: RequestServices, snapshot: GatewaySnapshot, record: RequestRecord) {
    self.services = services
    self.snapshot = snapshot
    self.record = record
  }

  // MARK: What was asked

  /// Reads a request's head.
  mutating func read(
    _ head: RequestHead, _ fields: [HeaderField], _ bytes: RawSpan, from peer: DownstreamConnection
  ) -> IntakeVerdict {
    defer { record.consumer = image.consumerName }
    return image.read(head, fields, bytes, snapshot, from: peer, &record)
  }

  /// Finds where the request goes, by its body.
  mutating func route(_ body: UnsafeRawBufferPointer) throws(GatewayError) -> ExchangeEvent {
    try image.route(body, snapshot)
    return .routed(candidates: image.candidates.count, isRepeatable: image.isRepeatable)
  }

  // MARK: What is told of it

  /// What the heads of its answers tell.
  mutating func headContext(attempts: Int) -> HeadContext {
    HeadContext(
      services: services, isHTTP10: image.isHTTP10, method: image.method, surface: image.surface,
      limits: attempt?.grant?.views ?? limits.refusedViews, attempts: attempts)
  }

  /// What needs no upstream.
  mutating func answer(to question: LocalQuestion, _ bytes: RawSpan) -> LocalDocument {
    switch question {
    case .options: return .options(of: image.surface)
    case .health:
      return .health(
        on: image.surface, isReady: services.isReady, connections: services.connectionCount,
        generation: snapshot.generation)
    case .models: return .models(snapshot.routes, of: image.consumer, since: services.startedAtUnixSeconds)
    case .model(let listing): return .model(listing, since: services.startedAtUnixSeconds)
    }
  }

  /// The words for a caller whose request is refused.
  mutating func refusal(_ error: GatewayError) -> LocalDocument {
    record.note(&image)
    record.errorCode = "\(error.code)"
    return .error(error, on: image.surface, snapshot.settings)
  }

  /// How the request ends that is closed so.
  mutating func outcome(of closing: Closing, _ fault: Fault?, hasContent: Bool, hasError: Bool) -> RequestOutcome {
    switch closing {
    case .document: .completed
    case .refused: .refused
    case .whole: hasError ? .cut : .completed
    case .truncated: .limited
    case .fault: fault?.isPassedOn ?? false && !hasContent ? .upstreamError : hasContent ? .cut : .failed
    case .shutDown: .shutDown
    case .abandoned:
      switch gone {
      case .left: .clientLeft
      case .stalled: .clientStalled
      case .shutDown: .shutDown
      }
    }
  }

  // MARK: Limits

  /// Whether limits want the prompt's tokens.
  var countsPrompt: Bool {
    mutating get { snapshot.countsForLimits && image.surface.promptShape != nil }
  }

  /// What the attempt asks of the limits, but for its prompt.
  mutating func limitRequest(hasNext: Bool) -> LimitRequest {
    var request = limits.request(&image, &attempt, hasNext: hasNext, snapshot)
    if snapshot.countsForLimits, let charge = image.charge {
      limits.noteRule(&request, charge, &image, attempt.tokens)
    }
    return request
  }

  /// A limit does not admit the candidate in use.
  ///
  /// - Returns: what is told if nobody else is asked: the refusal that ends soonest.
  mutating func refused(_ refusal: LimitRefusal) -> GatewayError {
    record.limit = refusal.limit
    record.failures.append("\(attempt.upstream.name): limit \(refusal.limit)")
    let soonest = limits.refused(refusal, limits.waiting.flatMap { services.desk?.views($0) })
    limits.waiting = nil
    return .limited(soonest, random: services.random.nextWord())
  }

  /// A limit that ends the answer inside, as a fault.
  mutating func fault(of refusal: LimitRefusal) -> Fault {
    Fault(kind: .rateLimited, error: .limited(refusal, random: services.random.nextWord()))
  }

  // MARK: Attempts

  /// An attempt with a candidate begins.
  mutating func begin(_ candidate: Int) {
    attempt = Attempt(image.candidates[candidate], snapshot, askedModel: image.model)
    limits.lastRefusal = nil
    record.note(&image)
    record.note(&attempt)
  }

  /// How long the attempt may take.
  mutating func attemptTimes() -> AttemptTimes { attempt.times(&image) }

  /// Asks the pool for a session.
  mutating func lease(_ lease: ExchangeAction.Lease, for waiter: any LeaseWaiter) -> LeaseAnswer {
    // What an earlier attempt had begun to answer says nothing of this one.
    record.status = 0
    // What must not be done twice does not go over a connection that may be dead.
    let wish = LeaseWish(
      fresh: lease != .any || !image.isRepeatable, avoidingEndpoint: lease == .otherEndpoint ? attempt.endpoint : nil,
      random: services.random.nextWord())
    return pool.leaseNow(wish, for: waiter, now: services.reactor.now)
  }

  private var pool: SessionPool {
    mutating get { attempt.upstream.pools[services.reactor.index] }
  }

  /// Sends the request over the session that was leased.
  mutating func send(receiver: any ResponseReceiver) {
    guard let session = attempt.session else { return }
    attempt.endpoint = session.endpoint
    attempt.sessionWasKept = session.requestCount > 0
    var message = OutputBytes()
    swap(&message, &services.scratch)
    message.removeAll()
    let key = services.nextKey(of: attempt.candidate.upstreamIndex, attempt.upstream.credentialLines.count)
    let rest = attempt.write(&image, id: &record.id, key: key, endpoint: session.endpoint, into: &message)
    message.withUnsafeBytes { session.begin($0, rest, method: image.method, receiver: receiver) }
    swap(&message, &services.scratch)
  }

  /// Tells the process's bound what is held of the body now, by the request and by a count of its prompt.
  mutating func countBody(heldByCount byteCount: Int) {
    bodyHold.note(max(image.body?.byteCount ?? 0, byteCount), in: services.bodies)
  }

  /// Lets go of a long body that nobody can need any more: neither another attempt nor a count of its prompt.
  mutating func forgetBody(mayTryAgain: Bool) {
    guard let body = image.body, body.byteCount > RequestBody.keptBytesMax, !attempt.sessionWasKept, !mayTryAgain,
      !image.wantsStream || image.surface.promptShape == nil
    else { return }
    image.body = nil
  }

  /// Gives back what it holds of others.
  mutating func letGo(_ possessions: Possessions, _ outcome: SessionOutcome) {
    if possessions.contains(.limitWait), let wait = attempt.limitWait {
      if let grant = attempt.grant { grant.cancelWait() } else { services.desk?.cancel(wait) }
      attempt.limitWait = nil
    }
    attempt.letGo(possessions, outcome, on: services.reactor)
  }

  /// A session has done its work.
  mutating func giveBack(_ session: UpstreamSession) { pool.giveBackNow(session) }

  /// A session is of no use any more.
  mutating func discard(_ session: UpstreamSession, _ outcome: SessionOutcome) {
    pool.assumeIsolated { $0.discard(session, outcome) }
    attempt.session = nil
  }

  /// What may be tried after a fault of the attempt.
  func reaction(to fault: FaultClass) -> FaultTable.Reaction { snapshot.faults(of: attempt.candidate)[fault] }

  /// An error that its status alone tells, where somebody else may do better: it is not waited for its words.
  mutating func earlyFault(_ status: Int, _ machine: ExchangeMachine) -> Fault? {
    let kind = FaultClass(status: status, namesModel: image.namesModel)
    switch kind {
    case .notNow, .rateLimited, .overloaded, .upstream: break
    default: return nil
    }
    guard machine.hasAlternative(reaction(to: kind), hasOtherEndpoints: attempt.hasOtherEndpoints) else { return nil }
    return Fault(
      kind: kind, error: .foreignError(status: status, words: nil, upstream: attempt.upstream.name),
      reason: "status \(status)")
  }

  // MARK: Tokens

  /// A counter for an answer that begins.
  mutating func newCounter() -> AnswerCounter? { AnswerTokens.counter(&image, &attempt, snapshot, services) }

  /// Reads an answer that came as one document for what it cost.
  mutating func read(_ document: UnsafeRawBufferPointer, isWhole: Bool) {
    AnswerTokens.read(document, isWhole: isWhole, &image, &attempt, &limits, &record, services)
  }

  /// The upstream has told what the whole answer cost.
  mutating func note(_ usage: TokenUsage) {
    record.tokens.reported = usage
    record.tokens.isReportFinal = true
  }

  /// What was read of a long one as it passed.
  mutating func read(_ long: LongDocument) { AnswerTokens.read(long, &image, &limits, &record) }

  /// The record goes to those who keep it.
  mutating func close() {
    services.ended(&record, attempt?.tokens, isLogged: snapshot.settings.log.access)
  }
}
