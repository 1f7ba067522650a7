internal import HTTPWire
internal import Reactor

/// One accepted connection: reads requests one after another and sends each answer as its script says.
///
/// Written to the socket directly, so that a script decides on every byte, write and pause. A stream has one timer; an
/// event costs one `send` of bytes that were rendered before.
final class UpstreamConnection: EventHandler, TimerHandler {
  /// What a client may send ahead while it is being answered; then reading rests.
  private static let aheadBytesMax = 64 << 10
  /// How long a refused client has to read its refusal.
  private static let lingerTime = Duration.seconds(2)

  private enum Phase {
    case reading
    case answering
    /// Refused: waits for the client to leave.
    case lingering
    case closed
  }

  private let shard: Shard
  private let reactor: Reactor
  private let descriptor: Int32
  private let number: Int
  private var slot: SlotID?
  private var interest: Readiness = [.readable, .peerClosed]
  private var phase = Phase.reading
  private var isProcessing = false

  private var requestsCounted = 0
  /// Whether it only asked the simulator about itself.
  private(set) var isControl = false

  private var reader: RequestReader
  private var sender = AnswerSender()
  private var target = ""
  private var model = ""
  private var timer: Reactor.TimerID?

  init(shard: Shard, descriptor: Int32, number: Int) {
    self.shard = shard
    self.descriptor = descriptor
    self.number = number
    reactor = shard.reactor
    reader = RequestReader(bodyBytesMax: shard.bodyBytesMax, requiredAuthorization: shard.requiredAuthorization)
  }

  func start() {
    slot = try? reactor.register(descriptor, interest, self)
    if slot == nil { close() }
  }

  // MARK: Reading

  func ready(_ readiness: Readiness) {
    if !readiness.isDisjoint(with: [.readable, .peerClosed, .failed, .hungUp]) { receive(readiness) }
    if phase == .answering, readiness.contains(.writable) { send() }
  }

  private func receive(_ readiness: Readiness) {
    // A client that leaves while it is being answered is gone for us, also when it has sent something ahead or has only
    // ended its sending side: clients of HTTP do not do that and read on.
    if phase == .answering, !readiness.isDisjoint(with: [.peerClosed, .failed, .hungUp]) { return peerGone() }
    let buffer = UnsafeMutableRawBufferPointer(rebasing: reactor.receiveBuffer[..<Reactor.readBytesMax])
    switch Socket.receive(descriptor, into: buffer) {
    case .bytes(let count):
      guard phase != .lingering else { return }
      reader.append(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
      if phase == .answering { return updateInterest(wantsWrite: interest.contains(.writable)) }
      process()
    case .wouldBlock: break
    case .end, .failed: peerGone()
    }
  }

  /// Answers complete requests, one at a time.
  private func process() {
    guard !isProcessing else { return }
    isProcessing = true
    defer { isProcessing = false }
    while phase == .reading {
      do {
        switch try reader.next(&shard.parser) {
        case .needMore: return
        case .needContinue: sendContinue()
        case .bodyTooLong: refuse(413, "The body is too long.")
        case .complete(let complete): answer(complete)
        }
      } catch {
        refuse(error.status, String(describing: error.message))
      }
    }
  }

  private func sendContinue() {
    let line: StaticString = "HTTP/1.1 100 Continue\r\n\r\n"
    _ = Socket.send(descriptor, UnsafeRawBufferPointer(start: line.utf8Start, count: line.utf8CodeUnitCount))
  }

  // MARK: Answering

  private func answer(_ complete: RequestReader.Complete) {
    target = complete.request.path
    // Remembered first, so that a test that has its answer finds its request.
    if target.hasPrefix("/_script/") {
      becomeControl()
    } else {
      requestsCounted += 1
      record(complete)
    }
    let (answer, model) = complete.body.withUnsafeBytes { shard.book.answer(complete.request, $0) }
    self.model = model
    sender.begin(answer)
    phase = .answering
    let script = sender.script
    let delay = sender.isStream ? script.headDelay : script.headDelay + script.firstDelay
    if delay > .zero {
      updateInterest(wantsWrite: false)
      startTimer(at: reactor.now + delay)
    } else {
      send()
    }
  }

  /// A connection whose first request is for the simulator's own endpoints leaves no trace in what it looks at.
  private func becomeControl() {
    guard requestsCounted == 0, !isControl else { return }
    isControl = true
    shard.seen.connectionIsControl()
  }

  private func record(_ complete: RequestReader.Complete) {
    shard.seen.request(
      SeenRequest(
        headBytes: complete.head, body: Array(complete.body.prefix(shard.bodyBytesKeptMax)),
        bodyByteCount: complete.body.count, connection: number, atNanoseconds: reactor.now.nanoseconds))
  }

  private func send() {
    switch sender.send(to: descriptor, now: reactor.now) {
    case .wantsWrite: updateInterest(wantsWrite: true)
    case .wait(let deadline):
      updateInterest(wantsWrite: false)
      if deadline < .never { startTimer(at: deadline) }
    case .gone: peerGone()
    case .finished(let ending): finish(ending)
    }
  }

  private func finish(_ ending: Answer.Ending) {
    if !isControl { shard.seen.answered(isWhole: sender.isWhole, tokens: sender.tokensSent) }
    phase = .reading
    switch ending {
    case .close: return close()
    case .reset:
      Socket.resetOnClose(descriptor)
      return close()
    case .keepAlive, .stall: break
    case .late(let bytes): sendLate(bytes, after: sender.script.gap)
    }
    sender.end()
    updateInterest(wantsWrite: false)
    process()
  }

  /// Sends what nobody asked for, unless a next request has come by then.
  private func sendLate(_ bytes: [UInt8], after delay: Duration) {
    let late = LateSender { [weak self] in
      guard let self, phase == .reading, slot != nil else { return }
      _ = bytes.withUnsafeBytes { Socket.send(self.descriptor, $0) }
    }
    if delay > .zero {
      _ = reactor.startTimer(at: reactor.now + delay, late)
    } else {
      late.timerFired(token: 0)
    }
  }

  /// Answers what is not HTTP and closes, but lets the client read why.
  private func refuse(_ status: Int, _ message: String) {
    shard.seen.requestMalformed()
    let body = PlainBody.error(message, type: "invalid_request_error", code: nil)
    let bytes = Head(status: status, length: body.count, closes: true).bytes + body
    _ = bytes.withUnsafeBytes { Socket.send(descriptor, $0) }
    Socket.shutdownSending(descriptor)
    phase = .lingering
    startTimer(at: reactor.now + Self.lingerTime)
  }

  // MARK: Ends and times

  func timerFired(token: UInt32) {
    timer = nil
    switch phase {
    case .answering: send()
    case .lingering: close()
    case .reading, .closed: break
    }
  }

  private func startTimer(at deadline: MonotonicTime) {
    if let timer { reactor.cancelTimer(timer) }
    timer = reactor.startTimer(at: deadline, self)
  }

  private func updateInterest(wantsWrite: Bool) {
    guard let slot else { return }
    var wanted: Readiness = [.peerClosed]
    if phase != .answering || reader.waitingCount < Self.aheadBytesMax { wanted.insert(.readable) }
    if wantsWrite { wanted.insert(.writable) }
    guard wanted != interest else { return }
    interest = wanted
    reactor.setInterest(slot, wanted)
  }

  private func peerGone() {
    if phase == .answering, !isControl {
      shard.seen.cancelled(
        SeenCancel(
          target: target, model: model, closedAtNanoseconds: MonotonicTime.readClock().nanoseconds,
          lastSentAtNanoseconds: sender.lastSentAt.nanoseconds, tokensSent: sender.tokensSent))
    }
    close()
  }

  /// Closes the socket and forgets everything.
  func close() {
    guard let slot else { return }
    self.slot = nil
    phase = .closed
    if let timer { reactor.cancelTimer(timer) }
    reactor.deregister(slot)
    Socket.close(descriptor)
    sender.end()
    shard.closed(self)
  }
}

/// A timer of its own for bytes after an answer, because the connection's may serve the next request by then.
private final class LateSender: TimerHandler {
  private let send: () -> Void
  init(_ send: @escaping () -> Void) { self.send = send }
  func timerFired(token: UInt32) { send() }
}
