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
public final class UpstreamSession: EventHandler, @unchecked Sendable {
  enum Phase {
    case connecting
    case shakingHands
    case idle
    case awaitingHead
    case readingBody(BodyState)
    case closed
  }

  enum BodyState {
    case length(remaining: Int)
    case chunked
    case untilClose
  }

  /// Names this session within its pool; the pool sets it.
  public var id = SlotID(index: .max, generation: 0)
  /// The endpoint's index within its upstream; the pool sets it.
  public var endpoint = 0
  /// Requests begun on this session so far.
  public internal(set) var requestCount = 0
  /// When it last became idle; the pool reads it to expire sessions.
  public var idleSince: MonotonicTime

  let reactor: Reactor
  let context: UpstreamContext
  let target: UpstreamTarget
  weak var owner: (any UpstreamSessionOwner)?
  var receiver: (any ResponseReceiver)?
  var stream: ByteStream
  var slot: SlotID?
  var phase = Phase.connecting
  var addressIndex = 0
  var connectDeadline: MonotonicTime
  var connectTimer: Reactor.TimerID?

  var outgoing = OutgoingRequest()
  var method = HTTPMethod.get
  var headBytes: [UInt8] = []
  var headSearched = 0
  var decoder = ChunkedDecoder(limits: .response)
  var keepsAlive = false
  var interimCount = 0
  var isPaused = false
  /// Whether what stood before a defect of the framing is of use to the receiver, as events are. A document that breaks off in its first piece is best not
  /// begun: another upstream may then answer in its place.
  public var isReadInParts = false
  /// Whether any byte of the current answer has arrived: before the first one a stale session may be retried.
  public internal(set) var hasReceived = false

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

  // MARK: One request

  /// Sends a request (head and body, ready for the wire) and hands the answer to `receiver`. The session must be idle.
  ///
  /// What the kernel does not take at once is kept. A failure to send is told to the receiver in a later turn.
  ///
  /// - Parameters:
  ///   - front: the request, or its beginning; need not outlive the call.
  ///   - rest: what follows it.
  public func begin(
    _ front: UnsafeRawBufferPointer, _ rest: RequestMessage = RequestMessage(), method: HTTPMethod,
    receiver: any ResponseReceiver
  ) {
    precondition(isIdle, "a session carries one request at a time")
    self.receiver = receiver
    self.method = method
    requestCount += 1
    headSearched = 0
    hasReceived = false
    isPaused = false
    isReadInParts = false
    phase = .awaitingHead
    // What is there already answers an earlier request, or is the end of a server that has given up waiting. Nothing of this request
    // is sent then, so that it can be tried on another session.
    // Not asked when it became idle in this very turn: it has just been read empty.
    guard idleSince == reactor.now || !stream.hasInput else {
      return reactor.atEndOfTurn { [self] in
        if self.receiver === receiver { fail(.closedEarly) }
      }
    }
    // Nearly always all of it goes at once, from where it lies.
    let outcome = stream.send(front)
    if case .bytes(let count) = outcome, count == front.count, rest.pieces.isEmpty { return }
    switch outcome {
    case .bytes(let count): keep(UnsafeRawBufferPointer(rebasing: front[count...]), rest)
    case .wouldBlock: keep(front, rest)
    case .end, .failed: sendingEnded(.broken)
    }
  }

  /// Sends a request that is held as one array.
  public func begin(_ request: [UInt8], method: HTTPMethod, receiver: any ResponseReceiver) {
    request.withUnsafeBytes { begin($0, method: method, receiver: receiver) }
  }

  private func keep(_ front: UnsafeRawBufferPointer, _ rest: RequestMessage) {
    if !front.isEmpty { outgoing.append(.copy([UInt8](front))) }
    for piece in rest.pieces { outgoing.append(piece) }
    sendRequest()
  }

  func sendRequest() { sendingEnded(outgoing.send(on: stream)) }

  private func sendingEnded(_ progress: OutgoingRequest.Progress) {
    let wasWaiting = isWaitingToSend
    isWaitingToSend = progress == .blocked
    if progress == .broken {
      // An upstream that answers early (413, 401) and closes: what it said still waits to be read. Reading ends in an error otherwise.
      outgoing.clear()
      keepsAlive = false
      mustClose = true
      return updateInterest()
    }
    if wasWaiting != isWaitingToSend { updateInterest() }
  }

  var isWaitingToSend = false
  var mustClose = false

  /// Stops (or resumes) reading the answer: back-pressure from a client that does not read. Does nothing once the answer is complete:
  /// an idle session is always read, or it could not be told from a dead one.
  public func setPaused(_ paused: Bool) {
    guard paused != isPaused, !isClosed, !isIdle else { return }
    isPaused = paused
    updateInterest()
  }

  func updateInterest() {
    guard !isClosed else { return }
    var interest: Readiness = isPaused ? [] : .readable
    if isWaitingToSend { interest.insert(.writable) }
    if let slot { return reactor.setInterest(slot, interest) }
    do throws(SystemCallError) {
      slot = try reactor.register(stream.descriptor, interest, self)
    } catch {
      let code = error.code
      // Deferred: whoever resumes the answer is not told of its end from inside that call.
      reactor.atEndOfTurn { [self] in lost(.broken(code)) }
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
    outgoing.clear()
    headBytes = []
    dropSocket(abruptly: abruptly)
  }

  func dropSocket(abruptly: Bool = false) {
    if let slot { reactor.deregister(slot) }
    slot = nil
    if stream.descriptor >= 0 { stream.close(abruptly: abruptly) }
    stream = ByteStream(descriptor: -1, tls: nil)
  }

  func fail(_ error: TransportError) {
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

  func read() {
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

  func ended() {
    if case .readingBody(.untilClose) = phase {
      complete(reactor.receiveBuffer, Reactor.headRoom..<Reactor.headRoom, isReusable: false)
    } else {
      lost(.closedEarly)
    }
  }

  func lost(_ error: TransportError) {
    if case .idle = phase {
      close()
      owner?.sessionDiedIdle(self)
    } else {
      fail(error)
    }
  }

  func received(_ count: Int) {
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
}
