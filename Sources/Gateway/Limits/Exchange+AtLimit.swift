internal import ChatProtocol
internal import GatewayConfiguration
internal import HTTPWire
internal import Quotas
internal import RateLimiting
internal import Reactor
internal import ServerSentEvents
internal import TokenAccounting
internal import Transport
internal import Upstreams

/// A limit is reached while the answer streams: its upstream is held, and the stream goes on when there is more, or ends with words.
extension Exchange {
  /// The end of an answer comes with its last text or right behind it: so long it is waited for, and less than the upstream is to notice a cut.
  static let endGrace = Duration.milliseconds(50)

  /// The last event that the limits allowed has been forwarded.
  func ranDry() {
    guard let grant, let relay, limitWait == nil, !isFinished else { return }
    // Nothing that is counted comes behind the end of the answer.
    guard !relay.findings.isWhole(choices: choiceCount), !relay.findings.hasError else {
      if lastRefusal != nil { setProgressDeadline(upstream.settings.timeouts.betweenTokens) }
      lastRefusal = nil
      return
    }
    if let lastRefusal { return cutAtLimit(lastRefusal) }
    // What the prompt was taken for is not good enough here.
    countKeptPrompt()
    switch grant.waitForMore(self) {
    case .more: goOnAfterLimit()
    case .refused(let refusal): cutAtLimit(refusal)
    case .waiting(let id):
      limitWait = id
      // While it waits for the limit the upstream cannot be late.
      progressDeadline = .never
      session?.setPaused(true)
    }
  }

  /// No more comes in time. With nothing behind the last event that event may have been the answer's end as well, above all where the upstream was
  /// told the same bound: then the end follows in a moment.
  func cutAtLimit(_ refusal: LimitRefusal) {
    guard let relay, !relay.isStopped, session != nil else { return endAtLimit(refusal) }
    guard lastRefusal == nil else { return }
    lastRefusal = refusal
    if !isPaused { session?.setPaused(false) }
    setProgressDeadline(Self.endGrace)
  }

  /// There is more: what came meanwhile goes out, the upstream is read again.
  func goOnAfterLimit() {
    let wasLast = endedAtLimit
    if session != nil { setProgressDeadline(upstream.settings.timeouts.betweenTokens) }
    if !isPaused { session?.setPaused(false) }
    do throws(SSEError) {
      guard let release = try relay?.goOn(isLast: wasLast) else { return }
      var none = [UInt8]()
      none.withUnsafeMutableBytes { pass(release, of: $0, isLast: wasLast) }
    } catch {
      attemptFailed(.broken, .eventTooLarge(upstream: upstream.name))
    }
  }

  /// No more comes in time: the upstream is cancelled at once, the client told as the limit says.
  func endAtLimit(_ refusal: LimitRefusal) {
    record.limit = refusal.limit
    record.outcome = .limited
    releaseUpstream(.abandoned)
    guard refusal.exceeded != .error, let closing = truncation(refusal) else {
      return tell(.limited(refusal, random: worker.random.nextWord()), outcome: .limited)
    }
    var bytes = OutputBytes(capacity: closing.count + 64)
    if framing == .chunked {
      bytes.append(chunk: closing.span.bytes)
      bytes.append(ChunkWriter.lastChunk)
    } else {
      bytes.append(closing)
    }
    record.bytesOut += closing.count
    bytes.withUnsafeBytes { _ = connection.send($0) }
    endAnswer(.limited)
  }

  /// The events of a stream that ends as one does whose length was bounded; nil where there are no such words.
  private func truncation(_ refusal: LimitRefusal) -> [UInt8]? {
    guard let relay else { return nil }
    settleTokens()
    switch surface {
    case .chatCompletions, .completions:
      guard let identity = relay.identityAtLimit else { return nil }
      let unfinished = (0..<choiceCount).filter { !relay.findings.isFinished(choice: $0) }
      var events = ClosingEvents.truncation(unfinished, refusal, of: identity, on: surface)
      if wantsUsage { events += ClosingEvents.usage(record.tokens, of: identity, on: surface) }
      return events + Array("\(ClosingEvents.done)".utf8)
    case .messages:
      return ClosingEvents.truncatedMessage(
        block: relay.isPartEnded ? nil : relay.partAtLimit, refusal, record.tokens)
    case .responses:
      guard let identity = relay.identity else { return nil }
      return ClosingEvents.truncatedResponse(
        refusal, record.tokens, of: identity, sequence: relay.eventCount)
    default: return nil
    }
  }
}
