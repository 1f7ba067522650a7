internal import CLinux
internal import Glibc
internal import HTTPWire
public import Reactor

/// A client's connection: reads requests one at a time, sends what it is told to, and notices when the client leaves.
///
/// A request that arrives whole in one read is handed on from the receive buffer without being copied. Everything kept for a client is
/// bounded: the head by `HTTPLimits`, the body by what the receiver allows, output by one read of the upstream, further
/// requests by `pipelinedBytesMax`.
public final class DownstreamConnection: EventHandler, TimerHandler {
  private enum Phase {
    /// Waiting for a request's head, or for the rest of it.
    case readingHead
    case readingBody(BodyState, bytesMax: Int)
    /// The request is complete; its answer is being made.
    case responding
    /// The answer is sent, the client is still sending: read and dropped until it stops.
    case lingering
    case closed
  }

  private enum BodyState {
    case length(Int)
    case chunked(ChunkedDecoder)
  }

  /// The client's address; nil for an address family without one.
  public let address: SocketAddress?
  /// The client's host as text.
  public private(set) lazy var host: String = address?.host ?? ""
  /// The reactor that it lives on.
  public let reactor: Reactor
  /// Who is told about the client while it is being answered. Cleared when the answer ends.
  public var observer: (any DownstreamObserver)?
  /// Requests read so far.
  public private(set) var requestCount = 0

  private let context: DownstreamContext
  private var stream: ByteStream
  private var slot: SlotID?
  private var id = SlotID(index: .max, generation: 0)
  private var phase = Phase.readingHead
  private var input: [UInt8] = []
  private var headSearched = 0
  private var body: [UInt8] = []
  private var output: [UInt8] = []
  private var outputSent = 0
  /// Set when the answer has ended while bytes still wait: whether the connection lives on after them.
  private var finishing: Bool?
  private var mustClose = false
  private var isBodyExpected = false
  private var isInputPaused = false
  private var isProcessing = false
  private var lingerBytes = 0
  private var bodyBegan = MonotonicTime(nanoseconds: 0)

  private var deadline = MonotonicTime.never
  private var answerDeadline = MonotonicTime.never
  private var timer: (id: Reactor.TimerID, at: MonotonicTime)?

  private static let lingerBytesMax = 64 << 20
  private static let lingerTimeout = Duration.seconds(2)
  /// The first piece of a body's storage; it grows with what arrives, not with what Content-Length claims.
  private static let bodyReserveMax = 64 << 10

  init(context: DownstreamContext, descriptor: Int32, address: SocketAddress?) {
    self.context = context
    reactor = context.reactor
    stream = ByteStream(descriptor: descriptor, tls: nil)
    self.address = address
  }

  func open(id: SlotID) {
    self.id = id
    slot = reactor.register(stream.descriptor, [.readable, .peerClosed], self)
    setDeadline(after: context.limits.idleTimeout)
  }

  /// Whether a request is being answered.
  public var isResponding: Bool {
    if case .responding = phase { return true }
    return false
  }

  /// Whether the connection is closed.
  public var isClosed: Bool {
    if case .closed = phase { return true }
    return false
  }

  // MARK: Sending

  /// Sends bytes of the answer.
  ///
  /// - Returns: true when the kernel took all of them; false when some wait: write nothing more until `downstreamDrained`.
  @discardableResult
  public func send(_ bytes: UnsafeRawBufferPointer) -> Bool {
    guard !isClosed else { return true }
    guard output.isEmpty else {
      output.append(contentsOf: bytes)
      return false
    }
    switch stream.send(bytes) {
    case .bytes(let count) where count == bytes.count: return true
    case .bytes(let count): keep(UnsafeRawBufferPointer(rebasing: bytes[count...]))
    case .wouldBlock: keep(bytes)
    case .end, .failed:
      // Deferred: the sender is not told from inside its own call that its client is gone.
      reactor.atEndOfTurn { [self] in leave(.left) }
    }
    return false
  }

  private func keep(_ bytes: UnsafeRawBufferPointer) {
    output.append(contentsOf: bytes)
    outputSent = 0
    setDeadline(after: context.limits.writeTimeout)
    updateInterest()
  }

  /// Ends the answer: the next request may be read, or the connection closes.
  ///
  /// - Parameter keepAlive: false when the answer said `connection: close`, or when it was cut.
  public func finishResponse(keepAlive: Bool) {
    guard isResponding else { return }
    answerDeadline = .never
    let keepAlive = keepAlive && mayKeepAlive
    guard output.isEmpty else {
      finishing = keepAlive
      return
    }
    observer = nil
    if keepAlive {
      phase = .readingHead
      setDeadline(after: input.isEmpty ? context.limits.idleTimeout : context.limits.headTimeout)
      if isInputPaused {
        isInputPaused = false
        updateInterest()
      }
      if !input.isEmpty && !isProcessing {
        reactor.atEndOfTurn { [self] in processInput() }
      }
    } else {
      linger()
    }
  }

  /// Breaks the connection off, so that the client does not take a truncated answer for a whole one.
  public func abort() {
    observer = nil
    close(abruptly: true)
  }

  /// Whether the connection can be used again after the answer under way. Not while part of the request's body is still to come: what follows
  /// could not be told from a next request.
  public var mayKeepAlive: Bool { !mustClose && !isBodyExpected }

  /// Closes now if it only waits for a further request, after the answer under way otherwise. A connection that has sent nothing yet is let
  /// speak first: its request is most likely on its way, and its client may take the end for a failure.
  func closeWhenIdle() {
    mustClose = true
    if case .readingHead = phase, input.isEmpty, requestCount > 0, !stream.hasInput { close() }
  }

  /// Whether a request is being read or answered, or part of an answer still waits to be sent.
  var isBusy: Bool {
    switch phase {
    case .readingHead: !input.isEmpty
    case .readingBody, .responding: true
    case .lingering, .closed: false
    }
  }

  /// Whether it is open and has sent nothing yet.
  var isSilent: Bool { requestCount == 0 && !isClosed && !isBusy }

  // MARK: Readiness

  /// The socket is ready.
  public func ready(_ readiness: Readiness) {
    if readiness.contains(.writable) && !output.isEmpty { flush() }
    guard !isClosed else { return }
    if readiness.contains(.readable) && !isInputPaused {
      read()
    } else if !readiness.isDisjoint(with: [.failed, .hungUp]) || readiness.contains(.peerClosed) {
      leave(.left)
    }
  }

  private func flush() {
    let outcome = output.withUnsafeBytes { bytes in
      stream.send(UnsafeRawBufferPointer(rebasing: bytes[outputSent...]))
    }
    switch outcome {
    case .bytes(let count):
      outputSent += count
      setDeadline(after: context.limits.writeTimeout)
    case .wouldBlock: return
    case .end, .failed: return leave(.left)
    }
    guard outputSent == output.count else { return }
    output = []
    outputSent = 0
    if case .readingBody = phase {
      setBodyDeadline()
    } else {
      deadline = .never
    }
    updateInterest()
    if let keepAlive = finishing {
      finishing = nil
      finishResponse(keepAlive: keepAlive)
    } else {
      observer?.downstreamDrained()
    }
  }

  private func read() {
    let room = UnsafeMutableRawBufferPointer(
      rebasing: reactor.receiveBuffer[Reactor.headRoom..<Reactor.headRoom + Reactor.readBytesMax])
    switch stream.receive(into: room) {
    case .bytes(let count): received(UnsafeMutableRawBufferPointer(rebasing: room[..<count]))
    case .wouldBlock: break
    case .end, .failed: leave(.left)
    }
  }

  private func received(_ bytes: UnsafeMutableRawBufferPointer) {
    switch phase {
    case .responding: keepForLater(bytes)
    case .lingering:
      lingerBytes += bytes.count
      if lingerBytes > Self.lingerBytesMax { close() }
    case .closed: break
    case .readingHead, .readingBody:
      if input.isEmpty {
        process(bytes)
      } else {
        input.append(contentsOf: bytes)
        processInput()
      }
    }
  }

  private func keepForLater(_ bytes: UnsafeMutableRawBufferPointer) {
    input.append(contentsOf: bytes)
    if input.count > context.limits.pipelinedBytesMax {
      isInputPaused = true
      updateInterest()
    }
  }

  // MARK: Requests

  private func processInput() {
    guard !isResponding, !isClosed, !isProcessing, !input.isEmpty else { return }
    var pending: [UInt8] = []
    swap(&pending, &input)
    pending.withUnsafeMutableBytes { process($0) }
  }

  /// Reads as many requests as the bytes hold; what is left is kept.
  private func process(_ bytes: UnsafeMutableRawBufferPointer) {
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
        isBodyExpected = false
        context.receiver.requestComplete(UnsafeRawBufferPointer(rebasing: rest[..<length]), on: self)
        return headEnd + length
      }
      phase = .readingBody(.length(length), bytesMax: bytesMax)
      body.reserveCapacity(min(length, Self.bodyReserveMax))
    case .chunked:
      phase = .readingBody(.chunked(ChunkedDecoder()), bytesMax: bytesMax)
    }
    bodyBegan = reactor.now
    setDeadline(after: context.limits.bodyTimeout)
    if head.expectsContinue && rest.isEmpty {
      let answer: StaticString = "HTTP/1.1 100 Continue\r\n\r\n"
      send(UnsafeRawBufferPointer(start: answer.utf8Start, count: answer.utf8CodeUnitCount))
    }
    return headEnd
  }

  /// Consumes all bytes that belong to the body.
  private func readBody(_ state: BodyState, _ bytesMax: Int, _ bytes: UnsafeMutableRawBufferPointer) -> Int {
    setBodyDeadline()
    switch state {
    case .length(let length):
      let count = min(length - body.count, bytes.count)
      body.append(contentsOf: bytes[..<count])
      if body.count == length { completeBody() }
      return count
    case .chunked(var decoder):
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
          context.receiver.requestComplete(UnsafeRawBufferPointer(rebasing: payload), on: self)
          return step.consumed
        }
        body.append(contentsOf: payload)
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
    complete.withUnsafeBytes { context.receiver.requestComplete($0, on: self) }
  }

  private func rejectTooLarge(_ bytesMax: Int) {
    reject(
      RequestRejection(status: 413, message: "The request body is larger than the \(bytesMax) bytes that are accepted.")
    )
  }

  private func reject(_ rejection: RequestRejection) {
    mustClose = true
    input = []
    body = []
    phase = .responding
    deadline = .never
    context.receiver.requestRejected(rejection, on: self)
  }

  // MARK: Ending

  /// Closes in a way that lets the client read the answer: a close with unread bytes would reset the connection under it.
  private func linger() {
    input = []
    phase = .lingering
    Socket.shutdownSending(stream.descriptor)
    isInputPaused = false
    updateInterest()
    setDeadline(after: Self.lingerTimeout)
  }

  func leave(_ reason: DownstreamGone) {
    guard !isClosed else { return }
    let observer = observer
    self.observer = nil
    // An answer that was ended and only lingers is whole: a reset would take what of it the client has not received.
    var isLingering = false
    if case .lingering = phase { isLingering = true }
    close(abruptly: reason != .left && !isLingering)
    observer?.downstreamGone(reason)
  }

  private func close(abruptly: Bool = false) {
    guard !isClosed else { return }
    phase = .closed
    if let timer { reactor.cancelTimer(timer.id) }
    timer = nil
    if let slot { reactor.deregister(slot) }
    slot = nil
    stream.close(abruptly: abruptly)
    input = []
    body = []
    output = []
    context.remove(id)
  }

  private func updateInterest() {
    guard let slot else { return }
    var interest: Readiness = .peerClosed
    if !isInputPaused { interest.insert(.readable) }
    if !output.isEmpty { interest.insert(.writable) }
    if case .lingering = phase { interest = .readable }
    reactor.setInterest(slot, interest)
  }

  // MARK: Time

  /// A body must go on, and come at `bodyBytesPerSecondMin` on the whole: a byte now and then is no progress.
  private func setBodyDeadline() {
    let limit = context.limits.bodyTimeout
    let earned = Duration.seconds(body.count / DownstreamLimits.bodyBytesPerSecondMin)
    let whole = bodyBegan + limit + earned
    let next = reactor.now + limit
    deadline = min(whole, next)
    armTimer(for: deadline)
  }

  /// Moves the deadline. The timer behind it is only brought forward, never back: it looks again when it fires, so that moving the deadline
  /// with each event costs a store.
  private func setDeadline(after duration: Duration) {
    deadline = reactor.now + duration
    armTimer(for: deadline)
  }

  /// Has the observer told when `deadline` comes: the one timer of the connection serves its answers too, so that a request on a kept
  /// connection starts and cancels none. The observer sets another deadline then, if the answer goes on; `never` takes it back.
  public func setAnswerDeadline(_ deadline: MonotonicTime) {
    answerDeadline = deadline
    if deadline != .never { armTimer(for: deadline) }
  }

  private func armTimer(for deadline: MonotonicTime) {
    if let timer {
      if timer.at <= deadline { return }
      reactor.cancelTimer(timer.id)
    }
    timer = (reactor.startTimer(at: deadline, self), deadline)
  }

  /// The deadline may have come.
  public func timerFired(token: UInt32) {
    timer = nil
    let next = min(deadline, answerDeadline)
    guard !isClosed, next != .never else { return }
    guard reactor.now >= next else { return armTimer(for: next) }
    if reactor.now >= answerDeadline {
      answerDeadline = .never
      if deadline != .never { armTimer(for: deadline) }
      observer?.answerDeadlineReached()
      return
    }
    switch phase {
    case .readingHead where input.isEmpty: close()
    case .readingHead: reject(RequestRejection(status: 408, message: "The request's head did not arrive in time."))
    case .readingBody: reject(RequestRejection(status: 408, message: "The request's body did not arrive in time."))
    case .responding: leave(.stalled)
    case .lingering: close()
    case .closed: break
    }
  }
}
