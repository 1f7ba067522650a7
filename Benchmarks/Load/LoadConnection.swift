import Glibc
import Reactor

/// One client connection: asks, checks the answer as it comes in, asks again.
final class LoadConnection: EventHandler {
  private let generator: LoadGenerator
  private var descriptor: Int32 = -1
  private var slot: SlotID?
  private var isConnecting = false
  private var reader = ResponseReader()
  private var checker = AnswerChecker()
  private var asked = MonotonicTime(nanoseconds: 0)
  /// When the request was due, if it was to come at a time.
  private var due: MonotonicTime?
  private var hasText = false

  /// Whether a request is under way.
  private(set) var isBusy = false

  /// Whether at least one event of the current answer has come.
  var hasBegun: Bool { isBusy && checker.pieces > 0 }

  init(_ generator: LoadGenerator) { self.generator = generator }

  /// Asks the next request, connecting first if need be.
  ///
  /// - Parameter due: since when its time is counted; nil: since it is sent.
  func ask(due: MonotonicTime? = nil) {
    isBusy = true
    self.due = due
    hasText = false
    reader.reset()
    checker = AnswerChecker()
    if descriptor < 0 { connect() } else { send() }
  }

  /// Closes the connection.
  func disconnect() {
    guard descriptor >= 0 else { return }
    if let slot { generator.reactor.deregister(slot) }
    slot = nil
    Socket.close(descriptor)
    descriptor = -1
  }

  func ready(_ readiness: Readiness) {
    if isConnecting { return connected() }
    let buffer = UnsafeMutableRawBufferPointer(rebasing: generator.reactor.receiveBuffer[..<Reactor.readBytesMax])
    switch Socket.receive(descriptor, into: buffer) {
    case .bytes(let count): take(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
    case .wouldBlock: break
    case .end: broken("the connection was closed")
    case .failed(let code): broken("the connection failed: \(String(cString: strerror(code)))")
    }
  }

  private func connect() {
    do {
      descriptor = try Socket.connect(to: generator.address)
      isConnecting = true
      slot = try generator.reactor.register(descriptor, .writable, self)
    } catch {
      broken("\(error)")
    }
  }

  private func connected() {
    let code = Socket.connectError(descriptor)
    guard code == 0, let slot else { return broken("cannot connect: \(String(cString: strerror(code)))") }
    isConnecting = false
    generator.reactor.setInterest(slot, .readable)
    send()
  }

  private func send() {
    asked = due ?? MonotonicTime.readClock()
    let request = generator.nextRequest()
    guard case .bytes(request.count) = Socket.send(descriptor, request) else {
      return broken("a request of \(request.count) bytes did not fit into an idle connection")
    }
  }

  private func take(_ bytes: UnsafeRawBufferPointer) {
    guard isBusy else { return broken("\(bytes.count) bytes that nobody asked for") }
    // One reading of the clock for each read: what one read brings arrived together.
    let now = MonotonicTime.readClock()
    var isRight = true
    let progress = reader.feed(bytes) { body in
      isRight = isRight && checker.feed(body, generator.referenceBytes, generator.pieces) { finished($0, $1, now) }
    }
    guard isRight else {
      return broken("byte \(checker.offset) of the body, in event \(checker.pieces), is not the upstream's")
    }
    switch progress {
    case .unfinished: break
    case .wrong(let why): broken(why)
    case .complete: complete(now)
    }
  }

  @inline(__always)
  private func finished(_ piece: Int, _ stamp: UInt32, _ now: MonotonicTime) {
    guard generator.isStream else { return }
    generator.countEvent()
    guard generator.textEvents.contains(piece) else { return }
    if !hasText {
      hasText = true
      generator.recordFirstText(now.nanoseconds(since: asked))
    }
    generator.recordDelay(microseconds: UInt32(truncatingIfNeeded: now.nanoseconds / 1000) &- stamp)
  }

  private func complete(_ now: MonotonicTime) {
    guard reader.status == 200 else { return broken("status \(reader.status)") }
    guard reader.isEventStream == generator.isStream else { return broken("the content type is not the upstream's") }
    guard checker.pieces == generator.pieces.count else {
      return broken("the answer ended after \(checker.pieces) of \(generator.pieces.count) events")
    }
    isBusy = false
    if reader.closes { disconnect() }
    generator.answered(self, now.nanoseconds(since: asked))
  }

  private func broken(_ why: String) {
    disconnect()
    isConnecting = false
    isBusy = false
    generator.failed(self, why)
  }
}
