internal import ChatProtocol
internal import GatewayConfiguration
internal import Quotas
internal import RateLimiting
internal import Reactor
internal import TokenAccounting

/// What an answer may have cost that was abandoned: by its client, by a time-out, by the end of the process. The upstream tells nothing then, and may have
/// generated far more than was seen, or was seen by nobody: thoughts that it keeps, an answer in one piece.
extension Exchange {
  /// The request has ended: an abandoned answer is taken for what it may have cost.
  func chargeAbandoned() {
    guard grant != nil, isSent, surface.answersText, !record.tokens.isReportFinal, isAbandoned else { return }
    let counted = record.tokens.counted?.completion ?? 0
    let generated = max(counted, record.tokens.reported?.completionTokens ?? 0)
    let likely = abandonedOutput()
    guard likely > generated else { return }
    var tally = AnswerTally(source: .estimated)
    tally.completion = likely
    tally.reasoning = record.tokens.counted?.reasoning ?? 0
    record.tokens.counted = tally
  }

  /// An attempt is given up for another one: what it may have cost is charged to its limits.
  func settleReplacedAttempt() {
    guard let grant else { return }
    self.grant = nil
    guard isSent, isTimedOut, surface.answersText, record.status == 200 || !wantsStream else { return grant.abandon() }
    let output = max(abandonedOutput(), relay?.counter?.tally(finishedChoices: 0).completion ?? 0)
    record.abandonedTokens += output + grant.promptTokens
    grant.settle(prompt: grant.promptTokens, completion: output, teaches: false)
  }

  /// Whether somebody other than the upstream ended the answer, and no limit did.
  private var isAbandoned: Bool {
    switch record.outcome {
    case .clientLeft, .clientStalled, .shutDown: true
    case .cut, .failed: isTimedOutAtWork
    case .completed, .refused, .upstreamError, .limited: false
    }
  }

  /// Tokens that an abandoned answer is taken to have had, all choices together: what such answers have, or what one has generated in the time that it
  /// ran. Where closing the connection stops a stream it is no more than the latter; and what has been seen of such a stream is all of it.
  private func abandonedOutput() -> Int {
    guard let desk = worker.desk else { return 0 }
    let expectation = desk.expectation(of: limitedModel)
    let most = min(tokensMax ?? .max, outputMax)
    let milliseconds = Int(clamping: reactor.now.nanoseconds(since: record.startedAt) / 1_000_000)
    let likely: Int
    switch wantsStream ? upstream.settings.provider.cancelBilling : .billsWhole {
    case .billsWhole: likely = expectation.abandoned(afterMilliseconds: milliseconds)
    // What has been seen of a stream that goes on to be seen is all of it.
    case .stops: likely = record.firstContentAt == nil ? max(1, expectation.paced(milliseconds)) : 0
    case .unknown:
      likely = record.firstContentAt == nil ? expectation.abandoned(afterMilliseconds: milliseconds) : 0
    }
    let single = min(likely, most)
    let (all, overflow) = single.multipliedReportingOverflow(by: min(max(1, generatedCount), 1024))
    return overflow ? 1 << 40 : all
  }
}
