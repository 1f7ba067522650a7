internal import ChatProtocol
internal import Quotas
internal import Reactor
internal import TokenAccounting

/// Counting the prompt, where somebody needs its count: a limit that is near its end, or the record of a request whose upstream did not tell it.
///
/// Upstreams nearly always tell. So a long prompt's body is kept until its answer has ended, and counted then if nothing was told; the short ones of streams are
/// counted at once, which costs less than keeping them. Without room for the body it is counted while the answer runs.
extension Exchange {
  /// So much is counted at once; what is longer is counted on in coming turns, and no other stream waits for more than this.
  fileprivate static let promptSliceBytes = 32 << 10
  /// So many slices are done at once where the count is needed now; what is left is projected.
  private static let slicesAtOnceMax = 8
  /// A longer prompt of a request that has ended is projected after so many slices more.
  fileprivate static let slicesAfterEndMax = 256
  /// A body up to this size is kept in case that its prompt must be counted.
  static let keptPromptBytesMax = 1 << 20

  /// Counts the prompt of a stream that is short, or of a request that limits count. `body` need not outlive the call.
  func countPrompt(_ body: UnsafeRawBufferPointer, _ findings: BodyFindings) {
    guard wantsStream || snapshot.countsForLimits, !isFinished, var counter = newPromptCounter(findings) else { return }
    promptCount = nil
    if counter.advance(body: body.bytes, bytesMax: Self.promptSliceBytes) {
      note(counter)
    } else {
      let count = PromptCount(counter: counter, message: [UInt8](body), bodyStart: 0)
      promptCount = count
      count.goOn(for: self)
    }
  }

  /// The answer has begun: whether the body stays because its prompt may have to be counted. If there is no room for it the prompt is counted from here on.
  func keepsPrompt() -> Bool {
    guard surface.promptShape != nil, record.tokens.countedPrompt == nil, promptCount == nil, tokens?.measure != nil
    else { return false }
    if message.count <= Self.keptPromptBytesMax, worker.promptMemory.keep(message.count, &promptHold) { return true }
    guard wantsStream || message.count <= Self.keptPromptBytesMax else { return false }
    promptCount = keptPromptCount()
    promptCount?.goOn(for: self)
    return false
  }

  /// Counts a prompt that was kept, for a limit that must know it now.
  func countKeptPrompt() {
    guard grant != nil, record.tokens.countedPrompt == nil, record.tokens.reported?.promptTokens == nil,
      let count = promptCount ?? keptPromptCount()
    else { return }
    note(count.counted(slicesMax: Self.slicesAtOnceMax))
    worker.promptMemory.release(untold: &promptHold)
    guard !count.isComplete else { return }
    promptCount = count
    count.goOn(for: self)
  }

  /// The request has ended, and its record waits for the count of a long prompt; false if there is nothing to wait for.
  func countsPromptOn() -> Bool {
    guard isSent, record.tokens.reported?.promptTokens == nil, relay?.usage?.promptTokens == nil else { return false }
    guard let count = promptCount ?? (record.tokens.countedPrompt == nil ? keptPromptCount() : nil) else {
      return false
    }
    note(count.counted(slicesMax: Self.slicesAtOnceMax))
    guard !count.isComplete else { return false }
    promptCount = count
    count.goOn(for: self, slicesMax: Self.slicesAfterEndMax)
    return true
  }

  /// Counts the prompt now, where nobody has told its tokens and the end of the answer must. ``countsPromptOn()`` has done so when the request has ended.
  func countPromptAtEnd() {
    guard record.tokens.reported?.promptTokens == nil, isSent else { return }
    guard !isFinished else { return }
    guard let count = promptCount ?? (record.tokens.countedPrompt == nil ? keptPromptCount() : nil) else { return }
    note(count.counted(slicesMax: Self.slicesAtOnceMax))
    if !count.isComplete { promptCount = count }
  }

  fileprivate func note(_ counter: PromptCounter) {
    record.tokens.countedPrompt = counter.projection
    record.tokens.promptSource = counter.isComplete ? counter.source : .estimated
    if counter.isComplete { promptCount = nil }
    grant?.recount(promptTokens: counter.projection)
  }

  /// A count of the message that is kept; it shares its memory.
  private func keptPromptCount() -> PromptCount? {
    guard !message.isEmpty else { return nil }
    return message.withUnsafeBytes { bytes in
      let body = UnsafeRawBufferPointer(rebasing: bytes[messageBodyStart...])
      return newPromptCounter(findAgain(body))
    }.map { PromptCount(counter: $0, message: message, bodyStart: messageBodyStart) }
  }

  private func newPromptCounter(_ findings: BodyFindings) -> PromptCounter? {
    guard let shape = surface.promptShape, case .json(let fields) = findings, let tokens,
      let measure = worker.reconciler.measure(tokens, consumer: record.consumer)
    else { return nil }
    return PromptCounter(fields, shape, measure: measure, template: tokens.template, media: tokens.media)
  }
}

/// A long prompt being counted, a slice a turn.
///
/// `@unchecked Sendable`: confined to the exchange's reactor; the closures that carry it run there.
final class PromptCount: @unchecked Sendable {
  private var counter: PromptCounter
  private let message: [UInt8]
  private let bodyStart: Int

  init(counter: PromptCounter, message: [UInt8], bodyStart: Int) {
    self.counter = counter
    self.message = message
    self.bodyStart = bodyStart
  }

  /// Counts on in coming turns. Of a request that has ended the record is written then.
  ///
  /// - Parameter slicesMax: what is left after so many is projected.
  func goOn(for exchange: Exchange, slicesMax: Int = .max) {
    exchange.reactor.execute { [self] in
      // The request may have asked another upstream meanwhile, or know its tokens.
      guard exchange.promptCount === self else { return }
      if advance() || slicesMax <= 1 {
        exchange.note(counter)
        if exchange.isFinished { exchange.close() }
      } else {
        goOn(for: exchange, slicesMax: slicesMax == .max ? .max : slicesMax - 1)
      }
    }
  }

  /// Whether it keeps bytes of its own, and does not share those of the message.
  var isOfCopy: Bool { bodyStart == 0 }
  /// Bytes that it keeps.
  var byteCount: Int { message.count }

  /// What the prompt will come to, judged by what has been counted.
  var projection: Int { counter.projection }
  /// Whether all has been counted.
  var isComplete: Bool { counter.isComplete }

  /// The count after at most so many further slices.
  func counted(slicesMax: Int) -> PromptCounter {
    for _ in 0..<slicesMax where advance() { break }
    return counter
  }

  private func advance() -> Bool {
    message.withUnsafeBytes { bytes in
      let body = UnsafeRawBufferPointer(rebasing: bytes[bodyStart...])
      return counter.advance(body: body.bytes, bytesMax: Exchange.promptSliceBytes)
    }
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
