internal import HTTPWire
internal import Reactor

/// Reading an answer: its head, then its body by whichever framing it has.
extension UpstreamSession {
  func receiveHead(_ range: Range<Int>) {
    let buffer = reactor.receiveBuffer
    if headBytes.isEmpty {
      let piece = UnsafeRawBufferPointer(rebasing: buffer[range])
      guard let end = parseHead(piece) else {
        if !isClosed && isAwaitingHead { headBytes.append(contentsOf: piece) }
        return
      }
      continueBehindHead(range.lowerBound + end..<range.upperBound)
    } else {
      headBytes.append(contentsOf: buffer[range])
      let pending = headBytes
      guard let end = pending.withUnsafeBytes({ parseHead($0) }) else { return }
      headBytes = []
      // What follows the head came with this read: it moves to the buffer's regular place.
      let rest = pending.count - end
      // Always so, for without this read's bytes the head had no end; and checked, for the copy is not.
      guard rest <= Reactor.readBytesMax else { return fail(.protocolViolation("bytes behind a head")) }
      let body = Reactor.headRoom..<Reactor.headRoom + rest
      pending.withUnsafeBytes { bytes in
        UnsafeMutableRawBufferPointer(rebasing: buffer[body]).copyMemory(
          from: UnsafeRawBufferPointer(rebasing: bytes[end...]))
      }
      continueBehindHead(body)
    }
  }

  private var isAwaitingHead: Bool {
    if case .awaitingHead = phase { return true }
    return false
  }

  /// Parses a head and tells the receiver of a final one; nil when it is incomplete, or when the session has failed.
  private func parseHead(_ bytes: UnsafeRawBufferPointer) -> Int? {
    do throws(HTTPWireError) {
      let span = bytes.bytes
      switch try context.parser.parse(span, searchedBytes: headSearched, requestMethod: method) {
      case .incomplete(let searched):
        headSearched = searched
        return nil
      case .head(let end):
        headSearched = 0
        let head = context.parser.head
        if head.isInterim {
          interimCount += 1
          // It announced a body that it may not have: what comes behind the answer may be anybody's.
          if !head.keepAlive { mustClose = true }
          guard interimCount <= 16 else {
            fail(.protocolViolation("more than 16 interim answers"))
            return nil
          }
          return end
        }
        interimCount = 0
        keepsAlive = head.keepAlive && !mustClose
        phase = .readingBody(Self.bodyState(head.framing))
        decoder = ChunkedDecoder(limits: .response)
        receiver?.responseHead(head, context.parser.fields, span, from: self)
        return isClosed ? nil : end
      }
    } catch {
      fail(.protocolViolation(error.message.description))
      return nil
    }
  }

  private static func bodyState(_ framing: BodyFraming) -> BodyState {
    switch framing {
    case .none: .length(remaining: 0)
    case .length(let count): .length(remaining: count)
    case .chunked: .chunked
    case .untilClose: .untilClose
    }
  }

  private func continueBehindHead(_ range: Range<Int>) {
    switch phase {
    case .awaitingHead:
      // Behind an interim head.
      if !range.isEmpty { receiveHead(range) }
    case .readingBody(let body):
      if case .length(remaining: 0) = body { return receiveBody(body, range) }
      if !range.isEmpty { receiveBody(body, range) }
    default: break
    }
  }

  func receiveBody(_ body: BodyState, _ range: Range<Int>) {
    let buffer = reactor.receiveBuffer
    switch body {
    case .length(let remaining):
      if range.count < remaining {
        phase = .readingBody(.length(remaining: remaining - range.count))
        receiver?.responseBody(buffer, range, isLast: false, from: self)
      } else {
        let payload = range.lowerBound..<range.lowerBound + remaining
        complete(buffer, payload, isReusable: range.count == remaining)
      }
    case .chunked:
      let (step, defect) = decoder.compactToDefect(buffer, from: range.lowerBound, count: range.count)
      let payload = step.payloadStart..<step.payloadStart + step.payloadCount
      if step.ended {
        complete(buffer, payload, isReusable: step.consumed == range.count)
      } else if !payload.isEmpty, defect == nil || isReadInParts {
        receiver?.responseBody(buffer, payload, isLast: false, from: self)
      }
      // The receiver may have had enough with what stood before it.
      if let defect, !isClosed { fail(.protocolViolation(defect.message.description)) }
    case .untilClose:
      receiver?.responseBody(buffer, range, isLast: false, from: self)
    }
  }

  func complete(_ buffer: UnsafeMutableRawBufferPointer, _ payload: Range<Int>, isReusable: Bool) {
    let receiver = receiver
    self.receiver = nil
    // Bytes beyond the answer, a request not wholly sent or a peer that wants to close: not to be used again.
    if isReusable && keepsAlive && outgoing.isEmpty && !mustClose {
      phase = .idle
      idleSince = reactor.now
      if isPaused {
        isPaused = false
        updateInterest()
      }
    } else {
      close()
    }
    receiver?.responseBody(buffer, payload, isLast: true, from: self)
  }
}
