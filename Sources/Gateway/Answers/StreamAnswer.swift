internal import ChatProtocol
internal import Lifecycle
internal import Quotas
internal import Reactor
internal import ServerSentEvents
internal import TokenAccounting

/// An answer that comes as events: what a read of it came to, and whether it is whole.
struct StreamAnswer {
  /// The largest event that is followed.
  private static let eventBytesMax = 8 << 20
  /// The largest one of an endpoint that is passed through: there are pictures in them.
  private static let passedEventBytesMax = 32 << 20
  /// Beginnings of such a stream may repeat the whole request.
  private static let passedHoldsBytesMax = 256 << 10

  /// Changed in place, never moved: it holds buffers.
  var pipeline: AnswerPipeline
  /// Events may be taken out, added to and ended; of others not all is known.
  let isChunks: Bool
  private let choices: Int
  /// Whether it must tell its end to be whole.
  private let tellsEnd: Bool

  /// What has been read so far, at the end of a read.
  struct Standing {
    let findings: AnswerFindings
    /// Nothing follows, here or behind a limit.
    let isEnd: Bool
    let isComplete: Bool
    /// The upstream has told that it is: nothing that is counted follows.
    let isOver: Bool
    /// A limit was reached.
    let isDry: Bool
    /// Bytes wait behind it.
    let isStopped: Bool
    let delivered: Delivered
    let end: AnswerWriter.End
  }

  init(isChunks: Bool, _ image: inout RequestImage, _ counter: AnswerCounter?, _ grant: LimitGrant?) {
    self.isChunks = isChunks
    choices = image.choiceCount
    tellsEnd = image.surface.answersText
    pipeline = AnswerPipeline(
      isChunks
        ? .chunks(choices: image.choiceCount, keepsUsage: image.wantsUsage)
        : image.surface.answersText ? .typed : .other, counter: counter,
      budget: grant.map { AnswerBudget(left: $0.allowance) } ?? .unlimited,
      eventBytesMax: isChunks ? Self.eventBytesMax : Self.passedEventBytesMax,
      holdsBytesMax: isChunks ? AnswerPipeline.holdsBytesUsual : Self.passedHoldsBytesMax, tailRoom: Reactor.tailRoom)
  }

  /// Takes a piece of the body.
  mutating func take(
    _ buffer: UnsafeMutableRawBufferPointer, _ payload: Range<Int>, isLast: Bool, _ grant: LimitGrant?
  ) throws(SSEError) -> AnswerPipeline.Release {
    try released(pipeline.take(buffer, payload, isLast: isLast), buffer, grant)
  }

  /// The limits have given more: takes what has waited.
  mutating func goOn(isLast: Bool, _ grant: LimitGrant?) throws(SSEError) -> AnswerPipeline.Release {
    pipeline.budget.allow(grant?.allowance ?? 0, isNearLimit: true)
    return try released(pipeline.goOn(isLast: isLast), UnsafeMutableRawBufferPointer(start: nil, count: 0), grant)
  }

  /// Asks the limits as often as the budget is used up.
  private mutating func released(
    _ first: AnswerPipeline.Release, _ buffer: UnsafeMutableRawBufferPointer, _ grant: LimitGrant?
  ) throws(SSEError) -> AnswerPipeline.Release {
    var release = first
    while release == .asksForMore {
      if let grant { account(grant) }
      release = try pipeline.proceed(buffer)
    }
    return release
  }

  /// Tells the limits what has been spent, and fills the budget as they say.
  mutating func account(_ grant: LimitGrant) {
    let spent = pipeline.budget.takeSpent()
    switch grant.spend(output: spent.output, reasoning: spent.reasoning) {
    case .ample: pipeline.budget.allow(grant.allowance, isNearLimit: false)
    case .low: pipeline.budget.allow(grant.allowance, isNearLimit: true)
    case .dry: pipeline.budget.runDry()
    }
  }

  /// How it stands after a read.
  ///
  /// - Parameter isLast: the upstream has ended its answer.
  func standing(isLast: Bool) -> Standing {
    let findings = pipeline.findings
    let isStopped = pipeline.isStopped
    // What waits behind a limit is not the end.
    let isEnd = isLast && !isStopped
    let isWhole = findings.isWhole(choices: choices)
    let isOver = findings.hasError || isWhole
    let isComplete = isOver || (!isChunks && !tellsEnd && !findings.awaitsEnd)
    let isSaid = isEnd && isComplete && !pipeline.lacksUsage && !pipeline.errorIsBare
    return Standing(
      findings: findings, isEnd: isEnd, isComplete: isComplete, isOver: isOver, isDry: pipeline.isDry, isStopped: isStopped,
      delivered: findings.delivered(choices: choices),
      end: isSaid ? .whole(addsDone: isChunks && !findings.isDone && !findings.hasError) : .open)
  }

  /// Whether a client that has all that was released has the whole answer, whatever happens to its upstream behind that.
  var isComplete: Bool {
    let findings = pipeline.findings
    return findings.hasError && !pipeline.errorIsBare || findings.isWhole(choices: choices)
  }

  /// What is missing to an answer that is complete: usage that the client asked for, `[DONE]`.
  func closing(_ tokens: TokenRecord, in dialect: Dialect) -> [UInt8] {
    guard isChunks else { return [] }
    var events: [UInt8] = []
    if pipeline.lacksUsage, let identity = pipeline.identity {
      events += OpenAIClosings.usage(tokens, of: identity, in: dialect)
    }
    if !pipeline.findings.isDone && !pipeline.findings.hasError { events += Array("\(OpenAIClosings.done)".utf8) }
    return events
  }
}
