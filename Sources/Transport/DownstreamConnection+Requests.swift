internal import HTTPWire
internal import Reactor

/// Reading requests: heads, bodies, and what is refused.
extension DownstreamConnection {
  func processInput() {
    guard !isResponding, !isClosed, !isProcessing, !input.isEmpty, memoryWait == nil else { return }
    var pending: [UInt8] = []
    swap(&pending, &input)
    pending.withUnsafeMutableBytes { process($0) }
  }

  /// Reads as many requests as the bytes hold; what is left is kept.
  func process(_ bytes: UnsafeMutableRawBufferPointer) {
    isProcessing = true
    defer { isProcessing = false }
    var start = 0
    while start < bytes.count {
      let rest = UnsafeMutableRawBufferPointer(rebasing: bytes[start...])
      let consumed: Int
      switch phase {
      case .readingHead: consumed = readHead(rest)
      case .readingBody(let state, let bytesMax): consumed = readBody(state, bytesMax, rest)
      case .responding:
        keepForLater(rest)
        return
      case .lingering, .closed: return
      }
      guard consumed > 0 else {
        input.append(contentsOf: rest)
        return
      }
      start += consumed
    }
  }

  /// Consumes a whole head (and the body if it is complete), or nothing.
  private func readHead(_ bytes: UnsafeMutableRawBufferPointer) -> Int {
    do throws(HTTPWireError) {
      let span = UnsafeRawBufferPointer(bytes).bytes
      switch try context.parser.parse(span, searchedBytes: headSearched) {
      case .incomplete(let searched):
        if headSearched == 0 { setDeadline(after: context.limits.headTimeout) }
        headSearched = searched
        return 0
      case .head(let end):
        headSearched = 0
        return beginRequest(span, headEnd: end, bytes)
      }
    } catch {
      headSearched = 0
      reject(RequestRejection(status: error.status, message: error.message.description))
      return bytes.count
    }
  }

  private func beginRequest(_ span: RawSpan, headEnd: Int, _ bytes: UnsafeMutableRawBufferPointer) -> Int {
    let head = context.parser.head
    requestCount += 1
    if !head.keepAlive { mustClose = true }
    deadline = .never
    phase = .responding
    isBodyExpected = head.framing.hasBody
    guard let bytesMax = context.receiver.requestHead(head, context.parser.fields, span, on: self) else {
      return isBodyExpected ? bytes.count : headEnd
    }
    let rest = UnsafeMutableRawBufferPointer(rebasing: bytes[headEnd...])
    switch head.framing {
    case .none, .untilClose:
      context.receiver.requestComplete([].withUnsafeBytes { $0 }, on: self)
      return headEnd
    case .length(let length):
      guard length <= bytesMax else {
        rejectTooLarge(bytesMax)
        return bytes.count
      }
      if rest.count >= length {
        guard length < BodyMemory.countedBytesMin || context.memory.hasRoom(length) else {
          context.memory.noteRefused()
          rejectForMemory()
          return bytes.count
        }
        isBodyExpected = false
        context.receiver.requestComplete(UnsafeRawBufferPointer(rebasing: rest[..<length]), on: self)
        return headEnd + length
      }
      guard length <= context.memory.bodyBytesMax else {
        rejectTooLarge(context.memory.bodyBytesMax)
        return bytes.count
      }
      phase = .readingBody(.length(length), bytesMax: bytesMax)
    case .chunked:
      phase = .readingBody(.chunked(ChunkedDecoder()), bytesMax: bytesMax)
    }
    beginBodyRate()
    if head.expectsContinue && rest.isEmpty {
      let answer: StaticString = "HTTP/1.1 100 Continue\r\n\r\n"
      send(UnsafeRawBufferPointer(start: answer.utf8Start, count: answer.utf8CodeUnitCount))
    }
    return headEnd
  }

  /// Consumes all bytes that belong to the body.
  private func readBody(_ state: BodyState, _ bytesMax: Int, _ bytes: UnsafeMutableRawBufferPointer) -> Int {
    switch state {
    case .length(let length):
      let count = min(length - body.count, bytes.count)
      guard makeBodyRoom(count, bytesMax: length) else { return isWaitingForMemory ? 0 : bytes.count }
      body.append(contentsOf: bytes[..<count])
      bodyProgressed(count)
      if body.count == length { completeBody() }
      return count
    case .chunked(var decoder):
      // Framing is payload until it is decoded, and decoding moves it.
      guard makeBodyRoom(bytes.count, bytesMax: bytesMax) else { return isWaitingForMemory ? 0 : bytes.count }
      do throws(HTTPWireError) {
        let step = try decoder.compact(bytes, from: 0, count: bytes.count)
        guard body.count + step.payloadCount <= bytesMax else {
          rejectTooLarge(bytesMax)
          return bytes.count
        }
        let payload = bytes[step.payloadStart..<step.payloadStart + step.payloadCount]
        if step.ended && body.isEmpty {
          phase = .responding
          deadline = .never
          isBodyExpected = false
          releaseBody()
          context.receiver.requestComplete(UnsafeRawBufferPointer(rebasing: payload), on: self)
          return step.consumed
        }
        body.append(contentsOf: payload)
        bodyProgressed(step.payloadCount)
        phase = .readingBody(.chunked(decoder), bytesMax: bytesMax)
        if step.ended { completeBody() }
        return step.consumed
      } catch {
        reject(RequestRejection(status: error.status, message: error.message.description))
        return bytes.count
      }
    }
  }

  private func completeBody() {
    var complete: [UInt8] = []
    swap(&complete, &body)
    phase = .responding
    deadline = .never
    isBodyExpected = false
    // Counted until the receiver has made of it what it needs. The room is this body's no longer: the receiver may end the answer, and another begin.
    let room = bodyRoom
    bodyRoom = 0
    complete.withUnsafeBytes { context.receiver.requestComplete($0, on: self) }
    context.memory.release(room)
  }

  private var isWaitingForMemory: Bool { memoryWait != nil }

  func rejectTooLarge(_ bytesMax: Int) {
    reject(
      RequestRejection(status: 413, message: "The request body is larger than the \(bytesMax) bytes that are accepted.")
    )
  }

  func reject(_ rejection: RequestRejection) {
    mustClose = true
    input = []
    releaseBody()
    phase = .responding
    deadline = .never
    context.receiver.requestRejected(rejection, on: self)
  }
}
