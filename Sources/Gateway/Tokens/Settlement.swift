internal import ChatProtocol
internal import GatewayConfiguration
internal import Lifecycle
internal import Quotas
internal import RateLimiting
internal import Reactor
internal import TokenAccounting

/// What is charged for a request when it ends, or when its candidate is given up: what the upstream says of a whole answer, what was delivered of another, and what an
/// abandoned one may have cost.
struct Settlement {
  unowned(unsafe) let services: RequestServices
  /// Whether the upstream was asked.
  let isSent: Bool
  /// Whether a time-out of ours ended the attempt.
  let isTimedOut: Bool

  init(_ services: RequestServices, _ machine: ExchangeMachine, isSent: Bool) {
    self.services = services
    self.isSent = isSent
    isTimedOut = machine.isTimedOut
  }

  // MARK: The end

  /// Every limit learns what was used.
  func settle(_ state: inout RequestState) {
    guard state.attempt != nil else { return }
    settle(&state.image, &state.attempt, &state.limits, &state.record)
  }

  private func settle(
    _ image: inout RequestImage, _ attempt: inout Attempt, _ limits: inout RequestLimits, _ record: inout RequestRecord
  ) {
    if attempt.grant != nil, isSent {
      chargeByRule(&image, &limits, &record)
      chargeAbandoned(&image, &attempt, &record)
    }
    guard let grant = attempt.grant else { return }
    attempt.grant = nil
    guard isSent else { return grant.abandon() }
    let completion = record.tokens.completion?.tokens ?? 0
    let wasCut = record.outcome == .limited
    if isUnanswered(&image, &record) {
      return grant.settle(
        prompt: record.tokens.reported?.promptTokens ?? 0, completion: completion, isAnswered: false, teaches: false)
    }
    let isCounted = image.surface.promptShape != nil
    guard record.tokens.prompt != nil || record.tokens.completion != nil || !isCounted else {
      return grant.settleAsCounted(wasCut: wasCut)
    }
    let prompt = record.tokens.prompt?.tokens ?? (isCounted ? grant.promptTokens : 0)
    grant.settle(
      prompt: prompt, completion: completion, cached: record.tokens.reported?.cachedTokens ?? 0,
      cacheWrite: record.tokens.reported?.cacheWriteTokens ?? 0, reasoning: record.tokens.reasoning ?? 0,
      images: pictures(&image, limits), wasCut: wasCut,
      teaches: image.surface.answersText && record.outcome == .completed)
  }

  /// An attempt is given up for another one: what it may have cost is charged to its limits.
  func settleReplaced(_ stream: StreamAnswer?, _ state: inout RequestState) {
    settleReplaced(stream, &state.image, &state.attempt, &state.record)
  }

  private func settleReplaced(
    _ stream: StreamAnswer?, _ image: inout RequestImage, _ attempt: inout Attempt, _ record: inout RequestRecord
  ) {
    guard let grant = attempt.grant else { return }
    attempt.grant = nil
    guard isSent, isTimedOut, image.surface.answersText, record.status == 200 || !image.wantsStream else {
      return grant.abandon()
    }
    let seen = stream?.pipeline.meter.counter?.tally(finishedChoices: 0).completion ?? 0
    let output = max(abandonedOutput(&image, &attempt, &record), seen)
    record.abandonedTokens += output + grant.promptTokens
    grant.settle(prompt: grant.promptTokens, completion: output, teaches: false)
  }

  // MARK: What nobody counts

  /// Pictures that the request makes, as it says or as its answer brought them.
  private func pictures(_ image: inout RequestImage, _ limits: RequestLimits) -> Int {
    image.charge == .pictures ? max(limits.picturesAsked, limits.picturesMade) : 0
  }

  /// Nobody told the request's tokens: it takes what the rule says.
  private func chargeByRule(
    _ image: inout RequestImage, _ limits: inout RequestLimits, _ record: inout RequestRecord
  ) {
    guard limits.ruledTokens > 0, record.tokens.reported == nil, let charge = image.charge,
      !isUnanswered(&image, &record), record.tokens.countedPrompt == nil, record.tokens.counted == nil
    else { return }
    guard charge.isOutput else {
      record.tokens.countedPrompt = limits.ruledTokens
      record.tokens.promptSource = .estimated
      return
    }
    let (made, asked) = (pictures(&image, limits), limits.picturesAsked)
    var tally = AnswerTally(source: .estimated)
    // It may have brought more than it was asked for.
    tally.completion = made > asked ? limits.ruledTokens * made / max(1, asked) : limits.ruledTokens
    record.tokens.counted = tally
  }

  /// Whether the upstream gave no answer that anybody would pay for.
  private func isUnanswered(_ image: inout RequestImage, _ record: inout RequestRecord) -> Bool {
    switch record.outcome {
    case .failed, .upstreamError, .refused: record.firstContentAt == nil && !isTimedOutAtWork(&image, &record)
    case .completed, .cut, .limited, .clientLeft, .clientStalled, .shutDown: false
    }
  }

  // MARK: What was abandoned

  /// An abandoned answer is taken for what it may have cost: the upstream tells nothing then, and may have generated far more than was seen, or was seen by nobody: thoughts that
  /// it keeps, an answer in one piece.
  private func chargeAbandoned(
    _ image: inout RequestImage, _ attempt: inout Attempt, _ record: inout RequestRecord
  ) {
    guard image.surface.answersText, !record.tokens.isReportFinal, isAbandoned(&image, &record) else { return }
    let counted = record.tokens.counted?.completion ?? 0
    let generated = max(counted, record.tokens.reported?.completionTokens ?? 0)
    let likely = abandonedOutput(&image, &attempt, &record)
    guard likely > generated else { return }
    var tally = AnswerTally(source: .estimated)
    tally.completion = likely
    tally.reasoning = record.tokens.counted?.reasoning ?? 0
    record.tokens.counted = tally
  }

  /// Whether somebody other than the upstream ended the answer, and no limit did.
  private func isAbandoned(_ image: inout RequestImage, _ record: inout RequestRecord) -> Bool {
    switch record.outcome {
    case .clientLeft, .clientStalled, .shutDown: true
    case .cut, .failed: isTimedOutAtWork(&image, &record)
    case .completed, .refused, .upstreamError, .limited: false
    }
  }

  /// Whether a time-out of ours ended the attempt while its upstream was at work: it had begun its answer, or was asked for one in one piece, which nothing
  /// shows before its end.
  private func isTimedOutAtWork(_ image: inout RequestImage, _ record: inout RequestRecord) -> Bool {
    isTimedOut && (record.status == 200 || !image.wantsStream)
  }

  /// Tokens that an abandoned answer is taken to have had, all choices together: what such answers have, or what one has generated in the time that it
  /// ran. Where closing the connection stops a stream it is no more than the latter; and what has been seen of such a stream is all of it.
  private func abandonedOutput(
    _ image: inout RequestImage, _ attempt: inout Attempt, _ record: inout RequestRecord
  ) -> Int {
    guard let desk = services.desk else { return 0 }
    let expectation = desk.expectation(of: attempt.limitedModel)
    let most = min(image.tokensMax ?? .max, attempt.outputMax)
    let milliseconds = Int(clamping: services.reactor.now.nanoseconds(since: record.startedAt) / 1_000_000)
    let likely: Int
    switch image.wantsStream ? attempt.upstream.settings.provider.cancelBilling : .billsWhole {
    case .billsWhole: likely = expectation.abandoned(afterMilliseconds: milliseconds)
    // What has been seen of a stream that goes on to be seen is all of it.
    case .stops: likely = record.firstContentAt == nil ? max(1, expectation.paced(milliseconds)) : 0
    case .unknown:
      likely = record.firstContentAt == nil ? expectation.abandoned(afterMilliseconds: milliseconds) : 0
    }
    let single = min(likely, most)
    let (all, overflow) = single.multipliedReportingOverflow(by: min(max(1, image.generatedCount), 1024))
    return overflow ? 1 << 40 : all
  }
}
