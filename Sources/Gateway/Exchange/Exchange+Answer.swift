internal import ChatProtocol
internal import CLinux
internal import GatewayConfiguration
internal import HTTPWire
internal import Quotas
internal import Reactor
internal import Routing
internal import ServerSentEvents
internal import Transport
internal import Upstreams

/// Relaying the answer: from the upstream's socket to the client's, through one buffer.
extension Exchange: ResponseReceiver {
  /// The upstream has answered: decides what kind of answer it is and prepares the client's head.
  func responseHead(
    _ head: ResponseHead, _ fields: [HeaderField], _ bytes: RawSpan, from session: UpstreamSession
  ) {
    guard !isFinished else { return }
    if AttemptPlan.isRefusal(head.status) && plan.hasAlternative(otherEndpoints: hasOtherEndpoints) {
      return attemptFailed(
        .refusedByUpstream, .foreignError(status: head.status, upstream: upstream.name),
        reason: "status \(head.status)")
    }
    let contentType = fields.firstValue(of: .contentType)
    let isJSON = contentType.map { Self.begins(bytes.extracting($0), "application/json") } ?? false
    if head.status == 401 {
      return attemptFailed(.refusedByUpstream, .unauthorized(upstream: upstream.name))
    }
    // With a stream open already, only a stream can go on in it.
    if isHeadSent && head.status != 200 {
      return attemptFailed(
        .refusedByUpstream, .foreignError(status: head.status, upstream: upstream.name), reason: "status \(head.status)"
      )
    }
    record.status = head.status
    let isEncoded = fields.firstValue(of: .contentEncoding) != nil
    if head.status >= 400 {
      answer = .error(status: head.status, isJSON: isJSON && !isEncoded)
      writeHead(head, fields, bytes, framing: .length, replacesBody: !isJSON || isEncoded)
      // An error is short: who has begun to tell it and stops does not get the time of a whole answer.
      setProgressDeadline(upstream.settings.timeouts.firstToken)
      return
    }
    let isEventStream = contentType.map { Self.begins(bytes.extracting($0), "text/event-stream") } ?? false
    if isEventStream && surface.isChunkStream && !isEncoded {
      answer = .chunkStream
      session.isReadInParts = true
      relay = StreamRelay(
        .chunks(choices: choiceCount, keepsUsage: wantsUsage), counter: newCounter(), grant: grant,
        eventBytesMax: Self.eventBytesMax)
      if progressDeadline == .never { setProgressDeadline(upstream.settings.timeouts.firstToken) }
    } else if isEventStream && !isEncoded {
      answer = .eventStream
      session.isReadInParts = true
      relay = StreamRelay(
        .other, counter: newCounter(), grant: grant, eventBytesMax: Self.passedEventBytesMax)
    } else {
      answer = .opaque(keeps: isJSON && !isEncoded)
      // Only the whole answer shows progress, not its parts: the total time-out stays.
      if !isEventStream { progressDeadline = .never }
    }
    if isHeadSent {
      guard answer == .chunkStream else {
        return attemptFailed(
          .refusedByUpstream, .foreignError(status: head.status, upstream: upstream.name), reason: "not a stream")
      }
      return
    }
    var length: Int?
    if case .length(let count) = head.framing, !isEventStream { length = count }
    writeHead(head, fields, bytes, framing: Self.framing(head.framing, isEventStream: isEventStream), length: length)
  }

  /// The largest event that is followed.
  static let eventBytesMax = 8 << 20
  /// The largest one of an endpoint that is passed through: there are pictures in them.
  static let passedEventBytesMax = 32 << 20

  private static func framing(_ upstream: BodyFraming, isEventStream: Bool) -> ClientFraming {
    switch upstream {
    case .none: .none
    case .length where !isEventStream: .length
    default: .chunked
    }
  }

  private static func begins(_ value: RawSpan, _ text: StaticString) -> Bool {
    value.withUnsafeBytes { bytes in
      guard bytes.count >= text.utf8CodeUnitCount else { return false }
      for position in 0..<text.utf8CodeUnitCount where bytes[position] | 0x20 != text.utf8Start[position] | 0x20 {
        return false
      }
      return true
    }
  }

  /// A piece of the answer.
  func responseBody(
    _ buffer: UnsafeMutableRawBufferPointer, _ payload: Range<Int>, isLast: Bool, from session: UpstreamSession
  ) {
    if isLast { giveBack(session) }
    guard !isFinished else { return }
    switch answer {
    case .none: break
    case .chunkStream, .eventStream: relayEvents(buffer, payload, isLast: isLast)
    case .opaque(let keeps): relayBytes(buffer, payload, keeps: keeps, isLast: isLast)
    case .error(let status, let isJSON):
      kept.append(contentsOf: buffer[payload].prefix(Self.keptErrorBytesMax - kept.count))
      let isTooLong = kept.count >= Self.keptErrorBytesMax
      if isTooLong { releaseUpstream(.abandoned) }
      if isLast || isTooLong { passErrorOn(status, isJSON, kept) }
    }
  }

  /// The upstream failed before its answer's end.
  func responseFailed(_ error: TransportError, from session: UpstreamSession) {
    let isStale = sessionWasKept && !session.hasReceived
    pool?.assumeIsolated { $0.discard(session, isStale ? .stale : .failed(error)) }
    self.session = nil
    guard !isFinished else { return }
    attemptFailed(isStale ? .staleSession : .broken, .transport(error, upstream: upstream.name))
  }

  private func giveBack(_ session: UpstreamSession) {
    self.session = nil
    progressDeadline = .never
    pool?.giveBackNow(session)
  }

  // MARK: Events

  private func relayEvents(_ buffer: UnsafeMutableRawBufferPointer, _ payload: Range<Int>, isLast: Bool) {
    let release: StreamRelay.Release
    do throws(SSEError) {
      release = try relay?.take(buffer, payload, isLast: isLast) ?? .inBuffer(payload)
    } catch {
      return attemptFailed(.broken, .eventTooLarge(upstream: upstream.name))
    }
    pass(release, of: buffer, isLast: isLast)
  }

  /// Passes on what the relay has released.
  ///
  /// - Parameter isLast: the upstream has ended its answer.
  func pass(_ release: StreamRelay.Release, of buffer: UnsafeMutableRawBufferPointer, isLast: Bool) {
    guard let findings = relay?.findings, let isStopped = relay?.isStopped else { return }
    if isStopped && isLast { endedAtLimit = true }
    // What waits behind a limit is not the end.
    let isLast = isLast && !isStopped
    let isComplete =
      findings.hasError || findings.isWhole(choices: choiceCount) || (answer == .eventStream && !findings.awaitsEnd)
    if !isCommitted {
      // The client has nothing yet, whatever stands in this read: the answer can still be another one.
      if findings.hasError && plan.hasAlternative(otherEndpoints: hasOtherEndpoints) {
        return attemptFailed(
          .refusedByUpstream, .foreignError(status: 502, upstream: upstream.name), reason: "error event")
      }
      if isLast && !isComplete { return attemptFailed(.broken, .incomplete(upstream: upstream.name)) }
    }
    if findings.progressed {
      if record.firstContentAt == nil { firstContent() }
      setProgressDeadline(upstream.settings.timeouts.betweenTokens)
    }
    let lacksUsage = isLast && isComplete && relay?.lacksUsage ?? false
    let end: End =
      !isLast || lacksUsage
      ? .open
      : isComplete
        ? .whole(addsDone: answer == .chunkStream && !findings.isDone && !findings.hasError) : .withError
    let holds = !findings.hasSubstance && !isLast && !isCommitted && held.count < Self.holdBackBytesMax
    switch release {
    case .inBuffer(let range):
      if findings.hasError { blankSecrets(buffer, range) }
      forwardOrHold(buffer, range, end, holds: holds)
    case .inLarge(let range):
      var large = relay?.takeLarge() ?? []
      large.withUnsafeMutableBytes {
        if findings.hasError { blankSecrets($0, range) }
        forwardOrHold($0, range, end, holds: holds)
      }
    }
    guard isLast else {
      if relay?.isDry ?? false { ranDry() }
      return
    }
    if lacksUsage { return endStream(findings) }
    if case .withError = end {
      attemptFailed(.broken, .incomplete(upstream: upstream.name))
    } else {
      endAnswer(findings.hasError ? .cut : .completed)
    }
  }

  /// An upstream that complains of its key may show it.
  private func blankSecrets(_ buffer: UnsafeMutableRawBufferPointer, _ range: Range<Int>) {
    let released = UnsafeMutableRawBufferPointer(rebasing: buffer[range])
    for secret in upstream.secrets { Redaction.blank(secret, in: released) }
  }

  /// The usage that the client asked for and the upstream has not told; empty otherwise.
  func closingUsage() -> OutputBytes {
    var bytes = OutputBytes(capacity: 0)
    guard let relay, relay.lacksUsage, let identity = relay.identity else { return bytes }
    settleTokens()
    bytes.append(ClosingEvents.usage(record.tokens, of: identity, on: surface))
    return bytes
  }

  /// How a piece ends.
  enum End {
    /// More follows.
    case open
    /// The answer is complete with it; `addsDone`: the upstream forgot its `[DONE]`.
    case whole(addsDone: Bool)
    /// Nothing follows, and something is missing.
    case withError
  }

  private func firstContent() {
    record.firstContentAt = reactor.now
    // From here on the request cannot be sent again; its prompt may still have to be counted.
    original = nil
    if !keepsPrompt() { message = [] }
    countBodies()
  }

  /// While an answer is held back: opens the stream towards the client and sends a comment, which clients ignore. Nothing of the upstream's
  /// answer is in it, so another candidate's can still follow.
  private func showLife() {
    guard let heldSince else {
      heldSince = reactor.now
      return
    }
    guard reactor.now >= heldSince + Self.lifeSignInterval else { return }
    self.heldSince = reactor.now
    let sign: [UInt8] = Array(": waiting for the model\n\n".utf8)
    var bytes = OutputBytes(capacity: pendingHead.count + 64)
    if !isHeadSent { bytes.append(pendingHead) }
    isHeadSent = true
    pendingHead = []
    if framing == .chunked { bytes.append(chunk: sign.span.bytes) } else { bytes.append(sign) }
    record.bytesOut += sign.count
    if !bytes.withUnsafeBytes({ connection.send($0) }) { pause() }
  }

  private func forwardOrHold(
    _ buffer: UnsafeMutableRawBufferPointer, _ range: Range<Int>, _ end: End, holds: Bool
  ) {
    if holds {
      held.append(contentsOf: buffer[range])
      showLife()
    } else {
      forward(buffer, range, end)
    }
  }

  // MARK: Bytes

  private func relayBytes(
    _ buffer: UnsafeMutableRawBufferPointer, _ payload: Range<Int>, keeps: Bool, isLast: Bool
  ) {
    if record.firstContentAt == nil && !payload.isEmpty { firstContent() }
    if progressDeadline != .never { setProgressDeadline(upstream.settings.timeouts.betweenTokens) }
    if keeps && isLast && kept.isEmpty {
      // The whole answer in one piece: read where it lies.
      readTokens(UnsafeRawBufferPointer(rebasing: buffer[payload]), isWhole: true)
    } else if keeps {
      // Of what is too large to keep the end is kept: usage stands behind pictures and texts.
      if kept.count + payload.count > Self.keptAnswerBytesMax { kept = Array(kept.suffix(Self.keptAnswerEndBytes)) }
      kept.append(contentsOf: buffer[payload])
      if isLast { kept.withUnsafeBytes { readTokens($0, isWhole: true) } }
    }
    forward(buffer, payload, isLast ? .whole(addsDone: false) : .open)
    if isLast { endAnswer(.completed) }
  }

  // MARK: Sending

  /// Sends what lies at `range`, framed, together with whatever waits to go before it: in one send, from where it lies.
  func forward(_ buffer: UnsafeMutableRawBufferPointer, _ range: Range<Int>, _ end: End) {
    // Checked once, here, for all that is written behind the range: a `[DONE]`, a chunk's end and the last chunk are fewer bytes.
    guard let base = buffer.baseAddress, range.upperBound <= buffer.count - Reactor.tailRoom else {
      return forwardCopy(buffer, range, end)
    }
    isCommitted = true
    var start = range.lowerBound
    var finish = range.upperBound
    if held.count + pendingHead.count + ChunkWriter.headRoom > start { sendHeld() }
    if !held.isEmpty {
      start -= held.count
      held.withUnsafeBytes { UnsafeMutableRawBufferPointer(rebasing: buffer[start...]).copyMemory(from: $0) }
      held = []
    }
    if case .whole(addsDone: true) = end { finish += Self.write(ClosingEvents.done, at: base + finish) }
    record.bytesOut += finish - start
    if framing == .chunked {
      if finish > start {
        let payloadStart = start
        start = ChunkWriter.writeSizeLine(count: finish - start, before: start, in: buffer) ?? payloadStart
        finish += Self.write(ChunkWriter.chunkEnd, at: base + finish)
      }
      if case .whole = end { finish += Self.write(ChunkWriter.lastChunk, at: base + finish) }
    }
    if !isHeadSent {
      isHeadSent = true
      start -= pendingHead.count
      pendingHead.withUnsafeBytes { UnsafeMutableRawBufferPointer(rebasing: buffer[start...]).copyMemory(from: $0) }
      pendingHead = []
    }
    guard finish > start else { return }
    if !connection.send(UnsafeRawBufferPointer(rebasing: buffer[start..<finish])) { pause() }
  }

  /// For bytes without room behind them.
  private func forwardCopy(_ buffer: UnsafeMutableRawBufferPointer, _ range: Range<Int>, _ end: End) {
    var copy = [UInt8](repeating: 0, count: ChunkWriter.headRoom)
    copy.append(contentsOf: buffer[range])
    copy.append(contentsOf: repeatElement(0, count: Reactor.tailRoom))
    let payload = ChunkWriter.headRoom..<ChunkWriter.headRoom + range.count
    copy.withUnsafeMutableBytes { forward($0, payload, end) }
  }

  private static func write(_ text: StaticString, at target: UnsafeMutableRawPointer) -> Int {
    memcpy(target, text.utf8Start, text.utf8CodeUnitCount)
    return text.utf8CodeUnitCount
  }

  /// Sends the head and what was held back by themselves: the rare case of more than the buffer's head room holds.
  private func sendHeld() {
    var bytes = OutputBytes(capacity: pendingHead.count + held.count + 32)
    if !isHeadSent { bytes.append(pendingHead) }
    isHeadSent = true
    pendingHead = []
    let events = held
    held = []
    if framing == .chunked {
      bytes.append(chunk: events.span.bytes)
    } else {
      bytes.append(events)
    }
    record.bytesOut += events.count
    if !bytes.withUnsafeBytes({ connection.send($0) }) { pause() }
  }

  /// The client does not keep up: its upstream is not read until it does.
  private func pause() {
    isPaused = true
    // While the client is slow the upstream cannot be: its time does not run.
    progressDeadline = .never
    session?.setPaused(true)
  }

  /// The answer is complete and sent.
  func endAnswer(_ outcome: RequestOutcome) {
    let keepAlive = framing != .close && connection.mayKeepAlive
    finish(outcome)
    connection.finishResponse(keepAlive: keepAlive)
  }
}
