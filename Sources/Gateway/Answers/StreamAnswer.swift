internal import ChatProtocol
internal import Lifecycle
internal import Quotas
internal import Reactor
internal import ServerSentEvents
internal import TokenAccounting

/// An answer that comes as events: what a read of it came to, and whether it is whole.
///
/// An object: only streams pay for its room, and no use of it can copy what is large in it.
final class StreamAnswer {
  /// The largest event that is followed.
  private static let eventBytesMax = 8 << 20
  /// The largest one of an endpoint that is passed through: there are pictures in them.
  private static let passedEventBytesMax = 32 << 20
  /// Beginnings of such a stream may repeat the whole request.
  private static let passedHoldsBytesMax = 256 << 10

  var pipeline: AnswerPipeline
  /// Events may be taken out, added to and ended; of others not all is known.
  let isChunks: Bool
  private let choices: Int
  /// Whether it must tell its end to be whole.
  private let tellsEnd: Bool

  /// What has been read so far, at the end of a read.
  struct Standing {
    /// The upstream told of a failure inside the stream.
    var hasError: Bool
    /// This read brought progress.
    var progressed: Bool
    /// It has brought progress so far.
    var hasProgress: Bool
    /// Nothing follows, here or behind a limit.
    var isEnd: Bool
    var isComplete: Bool
    /// The upstream has told that it is: nothing that is counted follows.
    var isOver: Bool
    /// A limit was reached.
    var isDry: Bool
    /// Bytes wait behind it.
    var isStopped: Bool
    /// What the client has with what was released.
    var delivered: Delivered
    var end: AnswerWriter.End
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
  func take(
    _ buffer: UnsafeMutableRawBufferPointer, _ payload: Range<Int>, isLast: Bool, _ grant: LimitGrant?
  ) throws(SSEError) -> AnswerPipeline.Release {
    try released(pipeline.take(buffer, payload, isLast: isLast), buffer, grant)
  }

  /// The limits have given more: takes what has waited.
  func goOn(isLast: Bool, _ grant: LimitGrant?) throws(SSEError) -> AnswerPipeline.Release {
    pipeline.budget.allow(grant?.allowance ?? 0, isNearLimit: true)
    return try released(pipeline.goOn(isLast: isLast), UnsafeMutableRawBufferPointer(start: nil, count: 0), grant)
  }

  /// Asks the limits as often as the budget is used up.
  private func released(
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
  func account(_ grant: LimitGrant) {
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
  @inline(__always)
  func standing(isLast: Bool) -> Standing {
    let hasError = pipeline.findings.hasError
    let isStopped = pipeline.isStopped
    let isWhole = pipeline.findings.isWhole(choices: choices)
    let isOver = hasError || isWhole
    let isComplete = isOver || (!isChunks && !tellsEnd && !pipeline.findings.awaitsEnd)
    var standing = Standing(
      hasError: hasError, progressed: pipeline.findings.progressed, hasProgress: pipeline.findings.hasProgress,
      // What waits behind a limit is not the end.
      isEnd: isLast && !isStopped, isComplete: isComplete, isOver: isOver, isDry: pipeline.isDry, isStopped: isStopped,
      delivered: pipeline.findings.delivered(choices: choices), end: .open)
    if standing.isEnd, isComplete, !pipeline.lacksUsage, !pipeline.errorIsBare {
      standing.end = .whole(addsDone: isChunks && !pipeline.findings.isDone && !hasError)
    }
    return standing
  }

  /// Whether a client that has all that was released has the whole answer, whatever happens to its upstream behind that.
  var isComplete: Bool {
    pipeline.findings.hasError && !pipeline.errorIsBare || pipeline.findings.isWhole(choices: choices)
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
