internal import ChatProtocol
internal import GatewayConfiguration
internal import TokenAccounting

/// Counting what passes, and putting count and usage together at the end, whichever end it is.
extension Exchange {
  /// Answers that were not streamed and broke off are counted exactly up to this size, beyond it estimated: the event loop must not stand still.
  private static let exactAnswerBytesMax = 256 << 10

  /// A counter for an answer that begins.
  func newCounter() -> AnswerCounter? {
    guard let tokens else { return nil }
    // Limits hold for a model that is not counted as well.
    let measure =
      worker.reconciler.measure(tokens, consumer: record.consumer)
      ?? (grant != nil && snapshot.countsForLimits ? .general : nil)
    return measure.map { AnswerCounter($0, invisible: tokens.invisible) }
  }

  /// Reads an answer that came as one document, whole or as far as it came: the usage it tells, else the texts in it.
  func readTokens(_ body: UnsafeRawBufferPointer, isWhole: Bool) {
    let usage = isWhole ? ChunkScanner.usage(ofAnswer: body.bytes) : nil
    if isWhole, let charge { readOtherCost(body, charge, hasUsage: usage != nil) }
    if let usage {
      record.tokens.reported = usage
      record.tokens.isReportFinal = true
      return
    }
    guard var measure = tokens.flatMap({ worker.reconciler.measure($0, consumer: record.consumer) }) else { return }
    if body.count > Self.exactAnswerBytesMax { measure = .general }
    let fields = surface.isChunkStream ? ChunkScanner.scan(body.bytes) : EventScanner.scan(body.bytes)
    guard fields.texts.count > 0 else { return }
    var counter = AnswerCounter(measure, invisible: tokens?.invisible ?? InvisibleTokens())
    counter.take(fields, in: body.bytes)
    record.tokens.counted = counter.tally(finishedChoices: isWhole ? fields.finishedCount : 0)
  }

  /// The request ends: what was counted and what was told go into its record.
  func settleTokens() {
    if let relay {
      record.eventCount = relay.eventCount
      record.tokens.reported = relay.usage
      // An endpoint of which no end is known has told all it had to tell when its stream ended by itself.
      record.tokens.isReportFinal =
        relay.isUsageFinal || (answer == .eventStream && relay.usage != nil && record.outcome == .completed)
      record.tokens.counted = relay.counter?.tally(finishedChoices: relay.findings.finishedCount)
    } else if case .opaque(keeps: true) = answer, !kept.isEmpty, record.tokens.reported == nil {
      // Cut before its end: nothing of the answer says what it cost.
      kept.withUnsafeBytes { readTokens($0, isWhole: false) }
    }
    countPromptAtEnd()
    guard isFinished else { return }
    chargeByRule()
    chargeAbandoned()
  }
}
