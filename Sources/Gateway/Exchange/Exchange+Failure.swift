internal import ChatProtocol
internal import CLinux
internal import GatewayConfiguration
internal import HTTPWire
internal import Quotas
internal import Reactor
internal import Transport
internal import Upstreams

/// When an attempt fails: another one, or words for the client.
extension Exchange {
  /// Whether the upstream in use has endpoints besides the one that failed.
  var hasOtherEndpoints: Bool { upstream.settings.endpoints.count > 1 }

  /// An attempt has failed with `error`, were it the last.
  ///
  /// - Parameter reason: for the record, when the error's code does not say it.
  func attemptFailed(_ failure: AttemptPlan.Failure, _ error: GatewayError, reason: String? = nil) {
    record.failures.append("\(upstream.name): \(reason ?? "\(error.code)")")
    isTimedOut = failure == .timedOut
    releaseUpstream(isTimedOut ? .timedOut : .abandoned)
    let clientHasContent = isCommitted || record.firstContentAt != nil
    let totalIsOver = reactor.now >= totalDeadline
    let step =
      totalIsOver || (mayHaveBeenDone(failure) && !isRepeatable)
      ? .giveUp : plan.failed(failure, clientHasContent: clientHasContent, otherEndpoints: hasOtherEndpoints)
    switch step {
    case .again(let avoiding):
      forgetAnswer()
      attemptAgain(fresh: true, avoidingEndpoint: avoiding ? endpoint : nil)
    case .next:
      // Nothing was delivered by that candidate; the next one may have other limits and prices.
      settleReplacedAttempt()
      forgetAnswer()
      attemptAgain(fresh: false)
    case .giveUp: tell(error, outcome: clientHasContent ? .cut : .failed)
    }
  }

  /// Whether the upstream may have acted on the request although it did not answer.
  private func mayHaveBeenDone(_ failure: AttemptPlan.Failure) -> Bool {
    switch failure {
    case .broken, .timedOut: true
    case .noSession, .staleSession, .refusedByUpstream: false
    }
  }

  /// Whether doing it twice is as good as once: inference changes nothing but the bill, other endpoints create files and start batches
  /// (RFC 9110 section 9.2.2).
  private var isRepeatable: Bool { surface != .byRoute || (method != .post && method != .patch) }

  /// What an earlier attempt had begun to answer is as if it had never been.
  private func forgetAnswer() {
    answer = .none
    relay = nil
    kept = []
    pendingHead = []
    held = []
    heldSince = nil
    endedAtLimit = false
    lastRefusal = nil
    record.status = 0
  }

  /// Whether what was begun towards the client is an event stream, in which an error can be told.
  private var isStreamOpen: Bool { answer == .chunkStream || answer == .eventStream || !isCommitted }

  /// Tells the client: as an answer of its own, as the stream's last event, or, where neither is possible, by breaking off visibly.
  func tell(_ error: GatewayError, outcome: RequestOutcome) {
    if isCommitted, let findings = relay?.findings, findings.hasError || findings.isWhole(choices: choiceCount) {
      return endStream(findings)
    }
    record.errorCode = "\(error.code)"
    guard isHeadSent else {
      answerError(error, outcome: outcome)
      return
    }
    guard isStreamOpen, let event = error.event(on: surface) else {
      finish(outcome)
      // What was sent must still arrive. The missing end shows; only where the end of the connection is the end of the answer it must break.
      if framing == .close { connection.abort() } else { connection.finishResponse(keepAlive: false) }
      return
    }
    var bytes = OutputBytes(capacity: 512)
    if framing == .chunked {
      bytes.append(chunk: event.span.bytes)
      bytes.append(ChunkWriter.lastChunk)
    } else {
      bytes.append(event)
    }
    finish(outcome)
    bytes.withUnsafeBytes { _ = connection.send($0) }
    connection.finishResponse(keepAlive: framing == .chunked && connection.mayKeepAlive)
  }

  /// Ends a stream that has told all it had to tell, its upstream's failure behind that notwithstanding.
  func endStream(_ findings: StreamRelay.Findings) {
    var bytes = OutputBytes(capacity: 64)
    var closing = closingUsage()
    if answer == .chunkStream && !findings.isDone && !findings.hasError { closing.append(ClosingEvents.done) }
    if !closing.isEmpty {
      if framing == .chunked { bytes.append(chunk: closing.array.span.bytes) } else { bytes.append(closing.array) }
      record.bytesOut += closing.count
    }
    if framing == .chunked { bytes.append(ChunkWriter.lastChunk) }
    bytes.withUnsafeBytes { _ = connection.send($0) }
    endAnswer(findings.hasError ? .cut : .completed)
  }

  /// The upstream's own error: passed on as it is when it is JSON, in OpenAI's form otherwise.
  func passErrorOn(_ status: Int, _ isJSON: Bool, _ kept: [UInt8]) {
    var body = kept
    if !isJSON || kept.isEmpty || kept.count >= Self.keptErrorBytesMax {
      body = GatewayError.foreignError(status: status, upstream: upstream.name).body(on: surface)
    }
    for secret in upstream.secrets { Redaction.blank(secret, in: &body) }
    appendContentLength(body.count)
    var bytes = OutputBytes(capacity: pendingHead.count + body.count)
    bytes.append(pendingHead)
    // The length is that of a GET's answer; HEAD gets the head alone.
    if method != .head {
      bytes.append(body)
      record.bytesOut += body.count
    }
    isHeadSent = true
    bytes.withUnsafeBytes { _ = connection.send($0) }
    endAnswer(.upstreamError)
  }
}

/// Keeps secrets out of what goes to a client.
enum Redaction {
  /// Whether `secret` stands in `bytes`.
  static func contains(_ secret: [UInt8], _ bytes: UnsafeRawBufferPointer) -> Bool {
    guard !secret.isEmpty, bytes.count >= secret.count, let base = bytes.baseAddress else { return false }
    return memmem(base, bytes.count, secret, secret.count) != nil
  }

  /// Overwrites each occurrence of `secret`.
  static func blank(_ secret: [UInt8], in bytes: inout [UInt8]) {
    bytes.withUnsafeMutableBytes { blank(secret, in: $0) }
  }

  /// Overwrites each occurrence of `secret`.
  static func blank(_ secret: [UInt8], in bytes: UnsafeMutableRawBufferPointer) {
    guard !secret.isEmpty, let base = bytes.baseAddress else { return }
    var position = 0
    while position < bytes.count, let found = memmem(base + position, bytes.count - position, secret, secret.count) {
      memset(found, Int32(UInt8(ascii: "*")), secret.count)
      position = found - base + secret.count
    }
  }
}
