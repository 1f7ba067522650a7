internal import ChatProtocol
internal import Lifecycle
internal import TokenAccounting

/// Counting what passes, and putting count and usage together at the end, whichever end it is.
enum AnswerTokens {
  /// Answers that were not streamed and broke off are counted exactly up to this size, beyond it estimated: the event loop must not stand still.
  private static let exactBytesMax = 256 << 10

  /// A counter for an answer that begins.
  static func counter(
    _ image: inout RequestImage, _ attempt: inout Attempt, _ snapshot: GatewaySnapshot, _ services: RequestServices
  ) -> AnswerCounter? {
    // Limits hold for a model that is not counted as well.
    let measure =
      services.reconciler.measure(attempt.tokens, consumer: image.consumerName)
      ?? (attempt.grant != nil && snapshot.countsForLimits ? .general : nil)
    return measure.map { AnswerCounter($0, invisible: attempt.tokens.invisible) }
  }

  /// Reads an answer that came as one document, whole or as far as it came: the usage it tells, else the texts in it.
  static func read(
    _ document: UnsafeRawBufferPointer, isWhole: Bool, _ image: inout RequestImage, _ attempt: inout Attempt,
    _ limits: inout RequestLimits, _ record: inout RequestRecord, _ services: RequestServices
  ) {
    let usage = isWhole ? ChunkScanner.usage(ofAnswer: document.bytes) : nil
    if isWhole, let charge = image.charge {
      readOtherCost(document, charge, hasUsage: usage != nil, &attempt, &limits, &record)
    }
    if let usage {
      record.tokens.reported = usage
      record.tokens.isReportFinal = true
      return
    }
    guard var measure = services.reconciler.measure(attempt.tokens, consumer: image.consumerName) else { return }
    if document.count > exactBytesMax { measure = .general }
    let fields =
      image.surface.isChunkStream ? ChunkScanner.scan(document.bytes) : EventScanner.scan(document.bytes)
    guard fields.texts.count > 0 else { return }
    var counter = AnswerCounter(measure, invisible: attempt.tokens.invisible)
    counter.take(fields, in: document.bytes)
    record.tokens.counted = counter.tally(finishedChoices: isWhole ? fields.finishedCount : 0)
  }

  /// Takes over what was read of a long document while it passed.
  static func read(
    _ long: LongDocument, _ image: inout RequestImage, _ limits: inout RequestLimits, _ record: inout RequestRecord
  ) {
    if image.charge == .pictures { limits.picturesMade = min(long.dataCount, 1024) }
    if let usage = long.usage {
      record.tokens.reported = usage
      record.tokens.isReportFinal = true
    } else if let tally = long.tally, tally.completion > 0 {
      record.tokens.counted = tally
    }
  }

  /// Reads what an answer tells of its cost beside usage.
  private static func readOtherCost(
    _ document: UnsafeRawBufferPointer, _ charge: RequestCharge, hasUsage: Bool, _ attempt: inout Attempt,
    _ limits: inout RequestLimits, _ record: inout RequestRecord
  ) {
    switch charge {
    case .pictures: limits.picturesMade = min(ChunkScanner.pictures(ofAnswer: document.bytes) ?? 0, 1024)
    case .sound:
      guard !hasUsage, let seconds = ChunkScanner.seconds(ofAnswer: document.bytes) else { break }
      record.tokens.countedPrompt = RequestCharge.tokens(ofSeconds: seconds, attempt.tokens)
      record.tokens.promptSource = .estimated
    default: break
    }
  }

  /// What has been counted of a stream and told by it so far goes into the record.
  ///
  /// - Parameter isPassed: of an endpoint of which no end is known: it has told all it had to tell when its stream ended by itself.
  static func note(
    _ meter: AnswerMeter, _ findings: AnswerFindings, isPassed: Bool, _ record: inout RequestRecord
  ) {
    record.eventCount = meter.eventCount
    record.tokens.reported = meter.usage
    record.tokens.isReportFinal =
      meter.isUsageFinal || (isPassed && meter.usage != nil && record.outcome == .completed)
    record.tokens.counted = meter.counter?.tally(finishedChoices: findings.finishedCount)
  }
}
