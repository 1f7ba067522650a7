internal import CLinux
internal import Glibc
internal import HTTPWire
public import Reactor

/// A client's connection: reads requests one at a time, sends what it is told to, and notices when the client leaves.
///
/// A request that arrives whole in one read is handed on from the receive buffer without being copied. Everything kept for a client is
/// bounded: the head by `HTTPLimits`, the body by what the receiver allows, output by one read of the upstream, further
/// requests by `pipelinedBytesMax`.
public final class DownstreamConnection: EventHandler {
  enum Phase {
    /// Waiting for a request's head, or for the rest of it.
    case readingHead
    case readingBody(BodyState, bytesMax: Int)
    /// The request is complete; its answer is being made.
    case responding
    /// The answer is sent, the client is still sending: read and dropped until it stops.
    case lingering
    case closed
  }

  enum BodyState {
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
  public internal(set) var requestCount = 0

  let context: DownstreamContext
  /// As what it counts of its client's connections; nil when those are not counted.
  let client: ClientNetwork?
  var stream: ByteStream
  var slot: SlotID?
  var id = SlotID(index: .max, generation: 0)
  var phase = Phase.readingHead
  var input: [UInt8] = []
  var headSearched = 0
  var body: [UInt8] = []
  var output: [UInt8] = []
  var outputSent = 0
  /// Set when the answer has ended while bytes still wait: whether the connection lives on after them.
  var finishing: Bool?
  var mustClose = false
  var isBodyExpected = false
  var isInputPaused = false
  var isProcessing = false
  var lingerBytes = 0
  var bodyBegan = MonotonicTime(nanoseconds: 0)
  /// By when more of a body must have come for it to keep its least rate.
  var bodyRateDeadline = MonotonicTime.never
  /// Bytes that the body may grow to, all counted in the process's bound.
  var bodyRoom = 0
  /// The wait for more of them, and how often it has gone on.
  var memoryWait: UInt64?
  var memoryWaits = 0

  var deadline = MonotonicTime.never
  var answerDeadline = MonotonicTime.never
  var timer: (id: Reactor.TimerID, at: MonotonicTime)?

  static let lingerBytesMax = 64 << 20
  static let lingerTimeout = Duration.seconds(2)

  init(context: DownstreamContext, descriptor: Int32, address: SocketAddress?, client: ClientNetwork?) {
    self.context = context
    self.client = client
    reactor = context.reactor
    stream = ByteStream(descriptor: descriptor, tls: nil)
    self.address = address
  }

  func open(id: SlotID) {
    self.id = id
    do throws(SystemCallError) {
      slot = try reactor.register(stream.descriptor, [.readable, .peerClosed], self)
    } catch {
      // Nobody would ever be told what this client sends.
      context.notWatched()
      return close()
    }
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

  func keep(_ bytes: UnsafeRawBufferPointer) {
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

  func flush() {
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

  func read() {
    let room = UnsafeMutableRawBufferPointer(
      rebasing: reactor.receiveBuffer[Reactor.headRoom..<Reactor.headRoom + Reactor.readBytesMax])
    switch stream.receive(into: room) {
    case .bytes(let count): received(UnsafeMutableRawBufferPointer(rebasing: room[..<count]))
    case .wouldBlock: break
    case .end, .failed: leave(.left)
    }
  }

  func received(_ bytes: UnsafeMutableRawBufferPointer) {
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

  func keepForLater(_ bytes: UnsafeMutableRawBufferPointer) {
    input.append(contentsOf: bytes)
    if input.count > context.limits.pipelinedBytesMax {
      isInputPaused = true
      updateInterest()
    }
  }

  // MARK: Ending

  /// Closes in a way that lets the client read the answer: a close with unread bytes would reset the connection under it.
  func linger() {
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

  func close(abruptly: Bool = false) {
    guard !isClosed else { return }
    phase = .closed
    if let timer { reactor.cancelTimer(timer.id) }
    timer = nil
    if let slot { reactor.deregister(slot) }
    slot = nil
    stream.close(abruptly: abruptly)
    input = []
    releaseBody()
    output = []
    context.remove(id)
  }

  func updateInterest() {
    guard let slot else { return }
    var interest: Readiness = .peerClosed
    if !isInputPaused { interest.insert(.readable) }
    if !output.isEmpty { interest.insert(.writable) }
    if case .lingering = phase { interest = .readable }
    reactor.setInterest(slot, interest)
  }
}
