internal import ChatProtocol
internal import GatewayConfiguration
internal import Quotas
internal import RateLimiting
internal import Routing
internal import TokenAccounting
internal import Upstreams

/// Whether the limits let a request begin with the candidate in use.
extension Exchange: LimitWaiter {
  /// A body up to this size is counted at once if its answer is streamed; where only a whole answer follows its bytes tell its tokens, for counting them would
  /// cost a part of the request.
  static let promptBytesAtOnce = 4 << 10
  /// Bytes of a request for one token, text and frame.
  private static let bytesPerToken = 4

  /// Asks all limits; goes on with the attempt when they admit it, now or after a wait. `body` need not outlive the call.
  func admit(_ body: UnsafeRawBufferPointer, _ findings: BodyFindings, by desk: LimitDesk) {
    var request = limitRequest(body, findings)
    var admission = desk.admit(request, waiter: self)
    if case .refused(let refusal) = admission, case .promptTooLarge = refusal.cause,
      countGuessedPrompt(&request, body, findings)
    {
      admission = desk.admit(request, waiter: self)
    }
    switch admission {
    case .admitted(let grant):
      self.grant = grant
      lease(body, findings)
    case .waiting(let id):
      limitWait = id
      trail.waiting = request
      keepBody(body)
    case .refused(let refusal):
      keepBody(body)
      refusedByLimit(refusal, request)
    }
  }

  /// A wait for limits has ended: of the request before it begins, or of its stream.
  func limitWaitEnded(_ id: LimitWaitID, _ result: LimitWaitResult) {
    guard !isFinished, limitWait == id else {
      if case .admitted(let grant) = result { grant.abandon() }
      return
    }
    limitWait = nil
    let request = admission?.waiting
    admission?.waiting = nil
    switch result {
    case .admitted(let grant):
      self.grant = grant
      let kept = message
      kept.withUnsafeBytes { bytes in
        let body = UnsafeRawBufferPointer(rebasing: bytes[messageBodyStart...])
        lease(body, findAgain(body))
      }
    case .refused(let refusal):
      if let request { refusedByLimit(refusal, request) } else { cutAtLimit(refusal) }
    case .more: goOnAfterLimit()
    }
  }

  /// A limit does not admit the candidate in use: another one, or 429 with the refusal that ends soonest.
  private func refusedByLimit(_ refusal: LimitRefusal, _ request: LimitRequest) {
    let trail = trail
    trail.views = worker.desk?.views(request)
    record.limit = refusal.limit
    record.failures.append("\(upstream.name): limit \(refusal.limit)")
    let soonest =
      trail.refusal.flatMap { $0.retryAfterMilliseconds <= refusal.retryAfterMilliseconds ? $0 : nil } ?? refusal
    trail.refusal = soonest
    if refusal.exceeded == .fallback, plan.skipped() {
      attemptAgain(fresh: false)
    } else {
      tell(.limited(soonest, random: worker.random.nextWord()), outcome: .refused)
    }
  }

  /// Lets go of a wait that is under way.
  func cancelLimitWait() {
    guard let limitWait else { return }
    self.limitWait = nil
    admission?.waiting = nil
    if let grant { grant.cancelWait() } else { worker.desk?.cancel(limitWait) }
  }

  /// The trail, made when there is something to note.
  private var trail: AdmissionTrail {
    if let admission { return admission }
    let made = AdmissionTrail()
    admission = made
    return made
  }

  // MARK: What is asked

  private func limitRequest(_ body: UnsafeRawBufferPointer, _ findings: BodyFindings) -> LimitRequest {
    let entry = candidate.modelIndex.map { snapshot.limitedModels[$0] }
    // An entry for many names is limited by the one that was asked for.
    let model = entry.flatMap { $0.isPattern ? nil : $0.name } ?? record.model
    let facts = RequestFacts(
      consumer: record.consumer, model: model.isEmpty ? nil : model, upstream: upstream.name,
      route: snapshot.factsWanted.wantsRoute ? routeName : nil, head: headFacts)
    var maxTokens: Int?
    if case .json(let fields) = findings { maxTokens = fields.tokensMax }
    tokensMax = maxTokens
    limitedModel = entry?.name ?? model
    var request = LimitRequest(
      facts: facts, model: limitedModel, promptTokens: 0, expectedOutput: surface.answersText ? nil : 0,
      maxTokens: maxTokens, choices: generatedCount, hasAlternative: plan.hasNext,
      isOnePiece: surface.answersText && !wantsStream, outputMax: outputMax)
    notePrompt(&request, body, findings)
    if snapshot.countsForLimits, let charge { noteRule(&request, charge, body) }
    return request
  }

  /// The prompt's tokens as far as they can be told without waiting. A short stream's is counted, which is done anyway. A long one is taken for what the
  /// consumer's prompts have by their bytes while all limits have so much left that they would give for every byte; near the end of one it is counted, on and on while its upstream
  /// reads it.
  private func notePrompt(_ request: inout LimitRequest, _ body: UnsafeRawBufferPointer, _ findings: BodyFindings) {
    worker.promptMemory.release(untold: &promptHold)
    guard snapshot.countsForLimits, surface.promptShape != nil else { return }
    request.promptTokens = (body.count + Self.bytesPerToken - 1) / Self.bytesPerToken
    guard wantsStream || body.count > Self.promptBytesAtOnce else { return }
    if body.count > Self.promptBytesAtOnce, let guess = coveredPrompt(request, body.count) {
      return request.promptTokens = guess
    }
    countPrompt(body, findings)
    if let counted = record.tokens.countedPrompt ?? promptCount?.projection { request.promptTokens = counted }
  }

  /// Counts a prompt that was guessed by its bytes: nobody is told by a guess that he never fits. False if it has been counted already, or cannot be.
  private func countGuessedPrompt(
    _ request: inout LimitRequest, _ body: UnsafeRawBufferPointer, _ findings: BodyFindings
  ) -> Bool {
    guard record.tokens.countedPrompt == nil, promptCount == nil else { return false }
    countPrompt(body, findings)
    guard let counted = record.tokens.countedPrompt ?? promptCount?.projection, counted < request.promptTokens else {
      return false
    }
    request.promptTokens = counted
    return true
  }

  /// What an endpoint takes whose tokens nobody counts. It may turn out to be less: what is beyond a few tokens is expected as an answer's is, not drawn.
  private func noteRule(_ request: inout LimitRequest, _ charge: RequestCharge, _ body: UnsafeRawBufferPointer) {
    guard charge != .nothing else { return }
    if charge == .pictures { notePictures(body) }
    ruledTokens = ruledTokens(charge, body)
    request.choices = 1
    request.maxTokens = nil
    request.images = pictures
    request.isOnePiece = true
    if charge.isOutput { request.expectedOutput = ruledTokens } else { request.promptTokens = ruledTokens }
  }

  /// What a long prompt is taken for without a count; nil where a limit is too near. What it may have beyond that counts against the next ones until it is
  /// known, so that even the dearest prompts together have no more than there was.
  private func coveredPrompt(_ request: LimitRequest, _ bytes: Int) -> Int? {
    guard let tokens, let desk = worker.desk,
      let ratio = worker.reconciler.promptRatio(tokens, consumer: record.consumer)
    else { return nil }
    let guess = ratio.tokens(ofBytes: bytes)
    let most = ratio.tokensMax(ofBytes: bytes)
    guard desk.covers(promptTokens: most + worker.promptMemory.untold, of: request) else { return nil }
    worker.promptMemory.take(untold: most - guess, &promptHold)
    return guess
  }

  /// The path as limits know it: the endpoint's, or that of the configured route.
  private var routeName: String {
    if let path = surface.path { return "\(path)" }
    if case .route(let index) = pathVerdict { return snapshot.pathRoutes[index].name }
    return self.path
  }

  // MARK: The end

  /// Every limit learns what was used: what the upstream says of a whole answer, what was delivered of another.
  func settleLimits() {
    cancelLimitWait()
    guard let grant else { return }
    self.grant = nil
    guard isSent else { return grant.abandon() }
    let completion = record.tokens.completion?.tokens ?? 0
    let wasCut = record.outcome == .limited
    if isUnanswered {
      return grant.settle(
        prompt: record.tokens.reported?.promptTokens ?? 0, completion: completion, isAnswered: false, teaches: false)
    }
    guard record.tokens.prompt != nil || record.tokens.completion != nil || surface.promptShape == nil else {
      return grant.settleAsCounted(wasCut: wasCut)
    }
    let prompt = record.tokens.prompt?.tokens ?? (surface.promptShape == nil ? 0 : grant.promptTokens)
    grant.settle(
      prompt: prompt, completion: completion, cached: record.tokens.reported?.cachedTokens ?? 0,
      cacheWrite: record.tokens.reported?.cacheWriteTokens ?? 0, reasoning: record.tokens.reasoning ?? 0,
      images: pictures, wasCut: wasCut, teaches: surface.answersText && record.outcome == .completed)
  }
}

extension Surface {
  /// Whether the endpoint answers with text of a length that is learned.
  var answersText: Bool {
    switch self {
    case .chatCompletions, .completions, .messages, .responses: true
    default: false
    }
  }

  /// How a bound on the answer is called where the request has none.
  var tokenBound: TokenBound? {
    switch self {
    case .chatCompletions, .completions, .messages: .maxTokens
    case .responses: .maxOutputTokens
    default: nil
    }
  }
}

/// What came of asking limits that did not admit a request at once.
final class AdmissionTrail {
  /// What is waited for.
  var waiting: LimitRequest?
  /// Of the limits that refused candidates, the one that is over soonest.
  var refusal: LimitRefusal?
  /// How the limits stood that refused it last.
  var views: LimitViews?
}
