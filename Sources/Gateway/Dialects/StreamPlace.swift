internal import Lifecycle
internal import TokenAccounting

/// Where a stream has come to that is to be ended.
struct StreamPlace {
  /// What its events have in common; nil before it is known.
  var identity: AnswerIdentity?
  /// Choices that have no end yet.
  var unfinished: [Int] = []
  /// The part that is open; nil when none is.
  var openPart: Int?
  /// Events so far.
  var eventCount = 0
  /// The client asked for usage.
  var wantsUsage = false

  init(_ pipeline: AnswerPipeline?, _ image: inout RequestImage, atLimit: Bool) {
    guard let pipeline else { return }
    identity = image.surface.isChunkStream && atLimit ? pipeline.identityAtLimit : pipeline.identity
    let findings = pipeline.findings
    unfinished = (0..<image.choiceCount).filter { !findings.isFinished(choice: $0) }
    openPart = pipeline.isPartEnded ? nil : pipeline.partAtLimit
    eventCount = pipeline.meter.eventCount
    wantsUsage = image.wantsUsage
  }
}
