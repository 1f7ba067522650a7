internal import CLinux
internal import Glibc
public import HTTPWire
public import Reactor

/// One HTTP/1.1 connection to an upstream: connects, carries one request at a time, and is used again.
///
/// Answers are parsed in the reactor's receive buffer and handed on from there. What arrives while no request is under way closes the
/// session: late bytes of one answer are never taken for the next one's.
///
/// `@unchecked Sendable`: confined to its reactor's thread, like the pool actor and the exchange that pass it between them; the compiler cannot
/// see that the three share an isolation domain, and a hop between them would cost more than the request.
public final class UpstreamSession: EventHandler, TimerHandler, @unchecked Sendable {
  private enum Phase {
    case connecting
    case shakingHands
    case idle
    case awaitingHead
    case readingBody(BodyState)
    case closed
  }

  private enum BodyState {
    case length(remaining: Int)
    case chunked
    case untilClose
  }

  /// Names this session within its pool; the pool sets it.
  public var id = SlotID(index: .max, generation: 0)
  /// The endpoint's index within its upstream; the pool sets it.
  public var endpoint = 0
  /// Requests begun on this session so far.
  public private(set) var requestCount = 0
  /// When it last became idle; the pool reads it to expire sessions.
  public var idleSince: MonotonicTime

  private let reactor: Reactor
  private let context: UpstreamContext
  private let target: UpstreamTarget
  private weak var owner: (any UpstreamSessionOwner)?
  private var receiver: (any ResponseReceiver)?
  private var stream: ByteStream
  private var slot: SlotID?
  private var phase = Phase.connecting
  private var addressIndex = 0
  private var connectDeadline: MonotonicTime
  private var connectTimer: Reactor.TimerID?

  private var request: [UInt8] = []
  private var requestSent = 0
  private var method = HTTPMethod.get
  private var headBytes: [UInt8] = []
  private var headSearched = 0
  private var decoder = ChunkedDecoder(limits: .response)
  private var keepsAlive = false
  private var isPaused = false
  /// Whether any byte of the current answer has arrived: before the first one a stale session may be retried.
  public private(set) var hasReceived = false

  /// Makes a session; `connect` starts it. Call on the reactor's thread.
  public init(
    context: UpstreamContext, target: UpstreamTarget, owner: any UpstreamSessionOwner,
    connectDeadline: MonotonicTime
  ) {
    reactor = context.reactor
    self.context = context
    self.target = target
    self.owner = owner
    self.connectDeadline = connectDeadline
    stream = ByteStream(descriptor: -1, tls: nil)
    idleSince = context.reactor.now
  }

  /// Whether it can carry a request now.
  public var isIdle: Bool {
    if case .idle = phase { return true }
    return false
  }

  /// Whether it is closed.
  public var isClosed: Bool {
    if case .closed = phase { return true }
    return false
  }

  // MARK: Connecting

  /// Begins to connect. The owner is told how it ended, never from inside this call.
  public func connect() {
    connectTimer = reactor.startTimer(at: connectDeadline, self)
    tryNextAddress(after: .connectFailed(ECONNREFUSED))
  }

  private func tryNextAddress(after error: TransportError) {
    var error = error
    while addressIndex < target.addresses.count {
      let address = target.addresses[addressIndex]
      addressIndex += 1
      do throws(Socket.OpenError) {
        stream = ByteStream(descriptor: try Socket.connect(to: address), tls: nil)
        phase = .connecting
        slot = reactor.register(stream.descriptor, .writable, self)
        return
      } catch let openError {
        error = .connectFailed(openError.code)
      }
    }
    let final = error
    // Deferred: the owner is not called back from inside its own call.
    reactor.atEndOfTurn { [self] in failConnect(final) }
  }

  private func connectEnded() {
    let code = Socket.connectError(stream.descriptor)
    guard code == 0 else {
      dropSocket()
      return tryNextAddress(after: .connectFailed(code))
    }
    guard let tls = target.tls else { return becomeConnected() }
    do throws(TransportError) {
      stream.tls = try tls.makeSession(stream.descriptor)
      phase = .shakingHands
      continueHandshake()
    } catch {
      failConnect(error)
    }
  }

  private func continueHandshake() {
    guard let tls = stream.tls, let slot else { return }
    switch tls.handshake() {
    case .done: becomeConnected()
    case .wantsRead: reactor.setInterest(slot, .readable)
    case .wantsWrite: reactor.setInterest(slot, .writable)
    case .failed(let reason): failConnect(.tlsFailed(reason))
    }
  }

  private func becomeConnected() {
    if let connectTimer { reactor.cancelTimer(connectTimer) }
    connectTimer = nil
    phase = .idle
    idleSince = reactor.now
    if let slot { reactor.setInterest(slot, .readable) }
    owner?.sessionConnected(self)
  }

  private func failConnect(_ error: TransportError) {
    guard !isClosed else { return }
    close()
    owner?.sessionConnectFailed(self, error)
  }

  /// The connect time-out.
  public func timerFired(token: UInt32) {
    switch phase {
    case .connecting, .shakingHands: failConnect(.connectTimedOut)
    default: break
    }
  }

  // MARK: One request

  /// Sends a request (head and body, ready for the wire) and hands the answer to `receiver`. The session must be idle.
  ///
  /// The bytes are held, not copied, until the kernel has taken all of them. A failure to send is told to the receiver in a later turn.
  public func begin(_ request: [UInt8], method: HTTPMethod, receiver: any ResponseReceiver) {
    precondition(isIdle, "a session carries one request at a time")
    self.request = request
    self.receiver = receiver
    self.method = method
    requestSent = 0
    requestCount += 1
    headSearched = 0
    hasReceived = false
    isPaused = false
    phase = .awaitingHead
    // What is there already answers an earlier request, or is the end of a server that has given up waiting. Nothing of this request
    // is sent then, so that it can be tried on another session.
    // Not asked when it became idle in this very turn: it has just been read empty.
    guard idleSince == reactor.now || !stream.hasInput else {
      return reactor.atEndOfTurn { [self] in
        if self.receiver === receiver { fail(.closedEarly) }
      }
    }
    sendRequest()
  }

  private func sendRequest() {
    let outcome = request.withUnsafeBytes { bytes in
      stream.send(UnsafeRawBufferPointer(rebasing: bytes[requestSent...]))
    }
    switch outcome {
    case .bytes(let count):
      requestSent += count
      if requestSent == request.count {
        let wasWaiting = isWaitingToSend
        request = []
        requestSent = 0
        isWaitingToSend = false
        if wasWaiting { updateInterest() }
        return
      }
    case .wouldBlock: break
    case .end, .failed:
      // An upstream that answers early (413, 401) and closes: what it said still waits to be read. Reading ends in an error otherwise.
      request = []
      requestSent = 0
      keepsAlive = false
      isWaitingToSend = false
      mustClose = true
      updateInterest()
      return
    }
    if !isWaitingToSend {
      isWaitingToSend = true
      updateInterest()
    }
  }

  private var isWaitingToSend = false
  private var mustClose = false

  /// Stops (or resumes) reading the answer: back-pressure from a client that does not read. Does nothing once the answer is complete:
  /// an idle session is always read, or it could not be told from a dead one.
  public func setPaused(_ paused: Bool) {
    guard paused != isPaused, !isClosed, !isIdle else { return }
    isPaused = paused
    updateInterest()
  }

  private func updateInterest() {
    guard !isClosed else { return }
    var interest: Readiness = isPaused ? [] : .readable
    if isWaitingToSend { interest.insert(.writable) }
    if let slot {
      reactor.setInterest(slot, interest)
    } else {
      slot = reactor.register(stream.descriptor, interest, self)
    }
  }

  /// Gives up on the answer under way and closes: the upstream sees it at once. The receiver hears nothing more.
  public func abandon() {
    receiver = nil
    close(abruptly: true)
  }

  /// Closes. The owner is not told.
  public func close(abruptly: Bool = false) {
    guard !isClosed else { return }
    phase = .closed
    receiver = nil
    if let connectTimer { reactor.cancelTimer(connectTimer) }
    connectTimer = nil
    request = []
    headBytes = []
    dropSocket(abruptly: abruptly)
  }

  private func dropSocket(abruptly: Bool = false) {
    if let slot { reactor.deregister(slot) }
    slot = nil
    if stream.descriptor >= 0 { stream.close(abruptly: abruptly) }
    stream = ByteStream(descriptor: -1, tls: nil)
  }

  private func fail(_ error: TransportError) {
    guard !isClosed else { return }
    let receiver = receiver
    close()
    receiver?.responseFailed(error, from: self)
  }

  // MARK: Readiness

  /// The socket is ready.
  public func ready(_ readiness: Readiness) {
    switch phase {
    case .connecting: return connectEnded()
    case .shakingHands: return continueHandshake()
    case .closed: return
    case .idle, .awaitingHead, .readingBody: break
    }
    if isWaitingToSend && readiness.contains(.writable) { sendRequest() }
    if isPaused {
      // An error shows whether asked for or not, again and again: leave epoll until reading resumes and meets it.
      if readiness.contains(.failed) || readiness.contains(.hungUp), let slot {
        reactor.deregister(slot)
        self.slot = nil
      }
      return
    }
    if !readiness.isDisjoint(with: [.readable, .failed, .hungUp, .peerClosed]) { read() }
  }

  private func read() {
    let buffer = reactor.receiveBuffer
    let room = UnsafeMutableRawBufferPointer(
      rebasing: buffer[Reactor.headRoom..<Reactor.headRoom + Reactor.readBytesMax])
    switch stream.receive(into: room) {
    case .bytes(let count): received(count)
    case .wouldBlock: break
    case .end: ended()
    case .failed(let code): lost(.broken(code))
    }
  }

  private func ended() {
    if case .readingBody(.untilClose) = phase {
      complete(reactor.receiveBuffer, Reactor.headRoom..<Reactor.headRoom, isReusable: false)
    } else {
      lost(.closedEarly)
    }
  }

  private func lost(_ error: TransportError) {
    if case .idle = phase {
      close()
      owner?.sessionDiedIdle(self)
    } else {
      fail(error)
    }
  }

  private func received(_ count: Int) {
    let range = Reactor.headRoom..<Reactor.headRoom + count
    switch phase {
    case .awaitingHead:
      hasReceived = true
      receiveHead(range)
    case .readingBody(let body): receiveBody(body, range)
    case .idle:
      close()
      owner?.sessionDiedIdle(self)
    case .connecting, .shakingHands, .closed: break
    }
  }

  // MARK: The answer

  private func receiveHead(_ range: Range<Int>) {
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

  private var interimCount = 0

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

  private func receiveBody(_ body: BodyState, _ range: Range<Int>) {
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
      do throws(HTTPWireError) {
        let step = try decoder.compact(buffer, from: range.lowerBound, count: range.count)
        let payload = step.payloadStart..<step.payloadStart + step.payloadCount
        if step.ended {
          complete(buffer, payload, isReusable: step.consumed == range.count)
        } else if !payload.isEmpty {
          receiver?.responseBody(buffer, payload, isLast: false, from: self)
        }
      } catch {
        fail(.protocolViolation(error.message.description))
      }
    case .untilClose:
      receiver?.responseBody(buffer, range, isLast: false, from: self)
    }
  }

  private func complete(_ buffer: UnsafeMutableRawBufferPointer, _ payload: Range<Int>, isReusable: Bool) {
    let receiver = receiver
    self.receiver = nil
    // Bytes beyond the answer, a request not wholly sent or a peer that wants to close: not to be used again.
    if isReusable && keepsAlive && request.isEmpty && !mustClose {
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
