internal import ChatProtocol
internal import Quotas
internal import Reactor
internal import TokenAccounting

/// Counting the prompt.
///
/// A stream's is counted when it has been sent, or before that for limits: while the upstream reads it too, so that nobody waits for the count. That of an answer in one
/// piece is counted only if the upstream does not tell it, for it nearly always does, and a count of every short request would cost a
/// third of it.
extension Exchange {
  /// So much is counted at once; what is longer is counted on in coming turns, and no other stream waits for more than this.
  fileprivate static let promptSliceBytes = 32 << 10
  /// A prompt that must be counted in one go, at the end, is counted exactly up to this size and estimated beyond.
  private static let exactPromptBytesMax = 256 << 10
  /// So many slices of a count that is under way are done at once when the request ends before it; what is left is projected.
  private static let slicesAtEndMax = 8
  /// A request that waits for its answer in one piece is kept up to this size in case that its prompt must be counted.
  static let keptPromptBytesMax = 1 << 20

  /// Counts the prompt of a stream that has been sent, or of a request that limits count. `body` need not outlive the call.
  func countPrompt(_ body: UnsafeRawBufferPointer, _ findings: BodyFindings) {
    guard wantsStream || snapshot.countsForLimits, !isFinished, var counter = newPromptCounter(findings) else { return }
    promptCount = nil
    if counter.advance(body: body.bytes, bytesMax: Self.promptSliceBytes) {
      note(counter)
    } else {
      let count = PromptCount(counter: counter, body: [UInt8](body), exchange: self)
      promptCount = count
      count.goOn(after: reactor)
    }
  }

  /// Counts the prompt at the end, where nobody has told its tokens.
  func countPromptAtEnd() {
    guard record.tokens.reported?.promptTokens == nil, isSent else { return }
    if let promptCount { return note(promptCount.counted(slicesMax: Self.slicesAtEndMax)) }
    guard record.tokens.countedPrompt == nil, !message.isEmpty else { return }
    message.withUnsafeBytes { bytes in
      let body = UnsafeRawBufferPointer(rebasing: bytes[messageBodyStart...])
      let isLong = body.count > Self.exactPromptBytesMax
      guard var counter = newPromptCounter(findAgain(body), measure: isLong ? .general : nil) else { return }
      while !counter.advance(body: body.bytes, bytesMax: body.count) {}
      note(counter)
    }
  }

  fileprivate func note(_ counter: PromptCounter) {
    record.tokens.countedPrompt = counter.projection
    record.tokens.promptSource = counter.isComplete ? counter.source : .estimated
    if counter.isComplete { promptCount = nil }
    grant?.recount(promptTokens: counter.projection)
  }

  private func newPromptCounter(_ findings: BodyFindings, measure: TokenMeasure? = nil) -> PromptCounter? {
    guard let shape = surface.promptShape, case .json(let fields) = findings, let tokens,
      var measured = worker.reconciler.measure(tokens, consumer: record.consumer)
    else { return nil }
    if let measure { measured = measure }
    return PromptCounter(fields, shape, measure: measured, template: tokens.template, media: tokens.media)
  }
}

/// A long prompt being counted, a slice a turn.
///
/// `@unchecked Sendable`: confined to the exchange's reactor; the closures that carry it run there.
final class PromptCount: @unchecked Sendable {
  private var counter: PromptCounter
  private let body: [UInt8]
  private weak var exchange: Exchange?

  init(counter: PromptCounter, body: [UInt8], exchange: Exchange) {
    self.counter = counter
    self.body = body
    self.exchange = exchange
  }

  func goOn(after reactor: Reactor) {
    reactor.execute { [self] in
      // The request may have ended meanwhile, or asked another upstream.
      guard let exchange, !exchange.isFinished, exchange.promptCount === self else { return }
      if advance() { exchange.note(counter) } else { goOn(after: reactor) }
    }
  }

  /// What the prompt will come to, judged by what has been counted.
  var projection: Int { counter.projection }

  /// The count after at most so many further slices.
  func counted(slicesMax: Int) -> PromptCounter {
    for _ in 0..<slicesMax where advance() { break }
    return counter
  }

  private func advance() -> Bool {
    body.withUnsafeBytes { counter.advance(body: $0.bytes, bytesMax: Exchange.promptSliceBytes) }
  }
}

extension Surface {
  /// How the endpoint's requests hold what the model reads; nil where it reads no text.
  var promptShape: PromptShape? {
    switch self {
    case .chatCompletions: .chat
    case .completions: .completion
    case .embeddings: .embedding
    case .messages: .messages
    case .responses: .responses
    default: nil
    }
  }
}
