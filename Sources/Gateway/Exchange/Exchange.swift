internal import ChatProtocol
internal import GatewayConfiguration
internal import HTTPWire
internal import Lifecycle
internal import Quotas
internal import RateLimiting
internal import Reactor
internal import TokenAccounting
internal import Transport
internal import Upstreams

/// One request's life, from its head to its record: the shell around ``ExchangeMachine``, which it asks at everything that happens, and whose word it carries out.
///
/// What happens comes in through the protocols of those it deals with (the client's connection, the limits, the pool, the upstream's session), is told to the machine by
/// `tell`, which also does what the machine says. There is one place that sends (``AnswerWriter``), one that ends (`close`), one that decides (the machine).
///
/// `@unchecked Sendable`: confined to its reactor's thread like the connection and the session that it joins; the pool actor on the same reactor
/// keeps a reference while the request waits for a session.
final class Exchange: @unchecked Sendable {
  private let connection: DownstreamConnection
  private var machine: ExchangeMachine
  private var state: RequestState
  private var prompt: PromptAccount
  private var relay: AnswerRelay
  /// What went wrong last.
  private var fault: Fault?
  /// An answer of the gateway's own, to be sent as the end.
  private var document: LocalDocument?

  init(_ services: RequestServices, _ connection: DownstreamConnection, _ snapshot: GatewaySnapshot, id: RequestID) {
    self.connection = connection
    let now = services.reactor.now
    machine = ExchangeMachine(startedAt: Moment(now))
    state = RequestState(services: services, snapshot: snapshot, record: RequestRecord(id: id, startedAt: now))
    prompt = PromptAccount(services)
    relay = AnswerRelay(AnswerWriter(connection))
    services.began()
  }

  // MARK: The request

  /// A request's head is complete.
  ///
  /// - Returns: how many bytes of body to accept; nil when the request has been answered.
  func begin(_ head: RequestHead, _ fields: [HeaderField], _ bytes: RawSpan) -> Int? {
    let verdict = state.read(head, fields, bytes, from: connection)
    switch verdict {
    case .body(let most): return most
    case .refused(let error): refuse(error)
    case .local(let question):
      document = state.answer(to: question, bytes)
      tell(.answered(isRefusal: false))
    }
    return nil
  }

  /// The body is complete: finds the candidates, and begins with the first.
  func bodyArrived(_ body: UnsafeRawBufferPointer) {
    let event: ExchangeEvent
    do throws(GatewayError) {
      event = try state.route(body)
    } catch { return refuse(error) }
    tell(event)
  }

  /// The request is refused, by the gateway or by its connection.
  func refuse(_ error: GatewayError) {
    document = state.refusal(error)
    tell(.answered(isRefusal: true))
  }

  // MARK: Asking the machine

  /// Tells the machine what has happened, and does what it says.
  private func tell(_ event: ExchangeEvent) {
    let wasSent = machine.isSent
    let action = machine.handle(event, at: Moment(state.services.reactor.now))
    if !action.letsGo.isEmpty { letGo(action, Settlement(state.services, machine, isSent: wasSent)) }
    switch action.step {
    case .nothing: break
    case .admit: return admit()
    case .lease(let lease): return self.lease(lease)
    case .send: return send()
    case .askForMore: return askForMore()
    case .goOn: return goOn()
    case .resume: state.attempt.session?.setPaused(false)
    case .hold: state.attempt.session?.setPaused(true)
    case .showLife: if !relay.writer.showLife() { tell(.clientSlow) }
    case .timedOut(let timeout): return fail(.late(timeout, upstream: state.attempt.upstream.name))
    case .close(let closing): return close(closing)
    }
    connection.setAnswerDeadline(MonotonicTime(machine.deadline))
  }

  /// Gives back what the request holds of others.
  private func letGo(_ action: ExchangeAction, _ settlement: Settlement) {
    state.letGo(action.letsGo, machine.isTimedOut ? .timedOut : .abandoned)
    // At the end it is settled with everything else.
    guard action.letsGo.contains(.grant), case .admit = action.step else { return }
    settlement.settleReplaced(relay.stream, &state)
  }

  /// The attempt has failed.
  private func fail(_ fault: Fault) {
    self.fault = fault
    state.record.failures.append("\(state.attempt.upstream.name): \(fault.words)")
    tell(.failed(fault.kind, state.reaction(to: fault.kind), hasOtherEndpoints: state.attempt.hasOtherEndpoints))
  }

  // MARK: The way to an upstream

  private func admit() {
    relay.forget()
    state.begin(machine.candidate)
    prompt.begin(&state)
    tell(.began(state.attemptTimes()))
    guard let desk = state.services.desk else { return tell(.admitted(isLimited: false)) }
    var request = state.limitRequest(hasNext: machine.hasNext)
    if state.countsPrompt {
      prompt.note(&request, &state, for: self)
    }
    var admission = desk.admit(request, waiter: self)
    if case .refused(let refusal) = admission, case .promptTooLarge = refusal.cause,
      prompt.countGuessed(&request, &state, for: self)
    {
      admission = desk.admit(request, waiter: self)
    }
    state.limits.waiting = request
    switch admission {
    case .admitted(let grant): limitsAnswered(.admitted(grant))
    case .refused(let refusal): limitsAnswered(.refused(refusal))
    case .waiting(let id):
      state.attempt.limitWait = id
      state.countBody(heldByCount: prompt.heldBytes)
      tell(.admissionWaits)
    }
  }

  /// The limits have answered: the candidate in use may be asked, or another one, or nobody; or inside its answer, which may go on or not.
  private func limitsAnswered(_ result: LimitWaitResult) {
    switch result {
    case .admitted(let grant):
      state.limits.waiting = nil
      state.attempt.grant = grant
      tell(.admitted(isLimited: true))
    case .more: tell(.limitGivesMore)
    case .refused(let refusal) where state.limits.waiting == nil:
      state.limits.lastRefusal = refusal
      tell(.limitRefuses(hasMore: relay.stream?.pipeline.isStopped ?? true))
    case .refused(let refusal):
      let diverts = refusal.exceeded == .fallback
      let error = state.refused(refusal)
      if !diverts || !machine.hasNext { document = state.refusal(error) }
      tell(.admissionRefused(diverts: diverts))
    }
  }

  private func lease(_ lease: ExchangeAction.Lease) {
    if lease != .any { relay.forget() }
    state.record.attempts = machine.attempts
    switch state.lease(lease, for: self) {
    case .session(let session):
      state.attempt.session = session
      tell(.leased)
    case .waiting(let id):
      state.attempt.leaseWait = id
      state.countBody(heldByCount: prompt.heldBytes)
      tell(.leaseWaits)
    case .refused(let failure): fail(.lease(failure, upstream: state.attempt.upstream.name))
    }
  }

  private func send() {
    state.send(receiver: self)
    tell(.sent)
    prompt.sent(&state, for: self)
    state.countBody(heldByCount: prompt.heldBytes)
    state.forgetBody(mayTryAgain: machine.hasAlternative(.any, hasOtherEndpoints: state.attempt.hasOtherEndpoints))
  }

  // MARK: The answer

  /// A part of the answer has been relayed.
  private func relayed(_ outcome: AnswerRelay.Outcome) {
    if outcome.isContent && state.record.firstContentAt == nil { firstContent() }
    if outcome.isBlank { tell(.progressed) }
    if let delivered = outcome.delivered { tell(.delivered(delivered)) }
    if !outcome.isTaken { tell(.clientSlow) }
    switch outcome.next {
    case .open: break
    case .began(let isStream): tell(.answerBegan(isStream: isStream))
    case .atLimit(let isWhole, let hasMore): tell(.limitReached(isWhole: isWhole, hasMore: hasMore))
    case .complete: tell(.completed)
    case .failed: if let fault = relay.fault { fail(fault) }
    }
  }

  private var clientSide: AnswerRelay.ClientSide {
    guard machine.delivered == .nothing else { return AnswerRelay.ClientSide(hasAnything: true, mayGetAnother: false) }
    let mayGetAnother = machine.hasAlternative(
      state.reaction(to: .upstream), hasOtherEndpoints: state.attempt.hasOtherEndpoints)
    return AnswerRelay.ClientSide(hasAnything: false, mayGetAnother: mayGetAnother)
  }

  /// The first content goes to the client: the request cannot be sent again; its prompt may still have to be counted.
  private func firstContent() {
    state.record.firstContentAt = state.services.reactor.now
    if !prompt.keepsBody(&state, for: self) { state.image.body = nil }
    state.countBody(heldByCount: prompt.heldBytes)
  }

  /// A limit was reached inside the answer.
  private func askForMore() {
    guard let grant = state.attempt.grant else { return }
    prompt.countKept(&state, for: self)
    switch grant.waitForMore(self) {
    case .more: limitsAnswered(.more)
    case .refused(let refusal): limitsAnswered(.refused(refusal))
    case .waiting(let id):
      state.attempt.limitWait = id
      tell(.limitWaits)
    }
  }

  /// There is more: what came meanwhile goes out, the upstream is read again.
  private func goOn() {
    state.attempt.session?.setPaused(false)
    relayed(relay.goOn(isLast: machine.upstreamEnded, clientSide, &state))
  }

  // MARK: The end

  /// Ends the request: the client has its last words, the record is written, the buffers go.
  private func close(_ closing: Closing) {
    let hasContent = relay.writer.isCommitted || state.record.firstContentAt != nil
    // A failure behind an answer that has told all it had to tell is none.
    let closing = closing == .fault && relay.isComplete ? .whole : closing
    state.record.outcome = state.outcome(
      of: closing, fault, hasContent: hasContent, hasError: relay.hasError)
    relay.settle(&state)
    switch closing {
    case .document, .refused: if let document { relay.writer.send(document, &state, attempts: machine.attempts) }
    case .whole:
      if relay.lacksUsage { prompt.countAtEnd(&state) }
      relay.end(&state)
    case .truncated: truncate()
    case .fault: if let fault { relay.tell(fault, &state, attempts: machine.attempts) }
    case .shutDown: relay.tell(.shuttingDown, &state, attempts: machine.attempts)
    case .abandoned: break
    }
    let waits =
      machine.isSent && state.record.tokens.reported?.promptTokens == nil
      && prompt.countsOn(&state, for: self)
    if !waits { end() }
    if closing != .abandoned { relay.writer.finish() }
  }

  /// A limit ends the answer inside, as the limit says.
  private func truncate() {
    guard let refusal = state.limits.lastRefusal else { return }
    state.record.limit = refusal.limit
    prompt.countAtEnd(&state)
    if refusal.exceeded != .error && relay.truncate(refusal, &state) { return }
    relay.tell(state.fault(of: refusal), &state, attempts: machine.attempts)
  }

  /// All that can be known is known: limits and record are settled.
  private func end() {
    Settlement(state.services, machine, isSent: machine.isSent).settle(&state)
    state.record.bytesOut = relay.writer.bytesOut
    relay.forget()
    prompt.close()
    state.image.body = nil
    state.countBody(heldByCount: prompt.heldBytes)
    state.close()
  }
}

extension Exchange: DownstreamObserver {
  /// The client has taken what waited: the upstream may go on.
  func downstreamDrained() { tell(.clientReady) }

  /// The client has left: the upstream is told at once, what was delivered is recorded.
  func downstreamGone(_ reason: DownstreamGone) {
    state.gone = reason
    tell(.clientLeft)
  }

  /// The drain deadline has passed: ends with words if there is still a way to say them.
  func downstreamMustEnd() { tell(.mustEnd) }

  /// A deadline may have come.
  func answerDeadlineReached() { tell(.time) }
}

extension Exchange: LimitWaiter, LeaseWaiter, PromptCountOwner {
  /// A wait for limits has ended: of the request before it begins, or of its stream.
  func limitWaitEnded(_ id: LimitWaitID, _ result: LimitWaitResult) {
    guard let attempt = state.attempt, attempt.limitWait == id else {
      if case .admitted(let grant) = result { grant.abandon() }
      return
    }
    state.attempt.limitWait = nil
    limitsAnswered(result)
  }

  /// A session has come free or was connected.
  func leaseGranted(_ session: UpstreamSession, id: LeaseID) {
    // The client may have left in the same turn.
    guard state.attempt.leaseWait == id else { return state.giveBack(session) }
    state.attempt.leaseWait = nil
    state.attempt.session = session
    tell(.leased)
  }

  /// There will be no session.
  func leaseFailed(_ failure: LeaseFailure, id: LeaseID) {
    guard state.attempt.leaseWait == id else { return }
    state.attempt.leaseWait = nil
    fail(.lease(failure, upstream: state.attempt.upstream.name))
  }

  /// The prompt has been counted; of a request that has ended the record waited for it.
  func promptCounted(_ counter: PromptCounter) {
    prompt.note(counter, &state)
    if machine.stage == .ended { end() }
  }
}

extension Exchange: ResponseReceiver {
  /// The upstream has answered.
  func responseHead(
    _ head: ResponseHead, _ fields: [HeaderField], _ bytes: RawSpan, from session: UpstreamSession
  ) {
    guard head.status < 400 else {
      if let fault = state.earlyFault(head.status, machine) { return fail(fault) }
      state.record.status = head.status
      relay.beginError(head, fields, bytes, &state, attempts: machine.attempts)
      return tell(.answerBegan(isStream: false))
    }
    state.record.status = head.status
    relayed(relay.begin(head, fields, bytes, &state, session, attempts: machine.attempts))
  }

  /// A piece of the answer.
  func responseBody(
    _ buffer: UnsafeMutableRawBufferPointer, _ payload: Range<Int>, isLast: Bool, from session: UpstreamSession
  ) {
    if isLast {
      state.giveBack(session)
      state.attempt.session = nil
      tell(.upstreamEnded)
    }
    guard machine.stage != .ended else { return }
    guard relay.form == .undecided else {
      return relayed(relay.take(buffer, payload, isLast: isLast, clientSide, &state))
    }
    // The first bytes of a body whose head did not say what it is.
    let piece = UnsafeRawBufferPointer(rebasing: buffer[payload])
    guard let outcome = relay.decide(piece, isLast: isLast, &state, attempts: machine.attempts) else { return }
    relayed(outcome)
    guard machine.stage != .ended else { return }
    relayed(relay.takeFirst(isLast: isLast, clientSide, &state))
  }

  /// The upstream failed before its answer's end.
  func responseFailed(_ error: TransportError, from session: UpstreamSession) {
    let isStale = state.attempt.sessionWasKept && !session.hasReceived
    state.discard(session, isStale ? .stale : .failed(error))
    fail(.connection(error, isStale: isStale, upstream: state.attempt.upstream.name))
  }
}
