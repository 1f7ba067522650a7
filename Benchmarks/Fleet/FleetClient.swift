import Glibc
import Reactor

/// One client: asks for a stream over a connection of its own, counts what comes, and asks again.
final class FleetClient: EventHandler, TimerHandler {
  private let load: FleetLoad
  private var descriptor: Int32 = -1
  private var slot: SlotID?
  private var isConnecting = false
  private var reader = ResponseReader()
  private var answer = FleetAnswer()
  private var firstBytes: [UInt8] = []
  private var events = 0
  private var tokens = 0
  private var lastByte = MonotonicTime(nanoseconds: 0)

  /// Whether a request is under way.
  private(set) var isBusy = false

  init(_ load: FleetLoad) { self.load = load }

  /// Time to ask.
  func timerFired(token: UInt32) { ask() }

  /// Ends a request that has been silent since before this time.
  func endIfSilent(since: MonotonicTime) {
    guard isBusy, lastByte < since else { return }
    load.counts.hung += 1
    ended(after: 0)
  }

  func ready(_ readiness: Readiness) {
    if isConnecting { return connected() }
    let buffer = UnsafeMutableRawBufferPointer(rebasing: load.reactor.receiveBuffer[..<Reactor.readBytesMax])
    switch Socket.receive(descriptor, into: buffer) {
    case .bytes(let count): take(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
    case .wouldBlock: break
    case .end: broken("the connection was closed after \(answer.textEvents) of \(events) events")
    case .failed(let code):
      broken("the connection failed after \(answer.textEvents) events: \(String(cString: strerror(code)))")
    }
  }

  private func ask() {
    guard !load.isOver else { return }
    if let wait = load.fixedWindow?.waitMilliseconds() {
      load.counts.refused += 1
      return again(after: min(wait, FleetPlan.retryMillisecondsMax))
    }
    isBusy = true
    reader.reset()
    answer = FleetAnswer()
    firstBytes = []
    tokens = 0
    events = load.nextLength()
    lastByte = MonotonicTime.readClock()
    do {
      descriptor = try Socket.connect(to: load.address)
      isConnecting = true
      slot = try load.reactor.register(descriptor, .writable, self)
    } catch {
      broken("\(error)")
    }
  }

  private func connected() {
    guard Socket.connectError(descriptor) == 0, let slot else { return broken("cannot connect") }
    isConnecting = false
    Socket.disableDelay(descriptor)
    load.reactor.setInterest(slot, .readable)
    let request = load.request(events)
    guard case .bytes(request.count) = request.withUnsafeBytes({ Socket.send(descriptor, $0) }) else {
      return broken("a request did not fit into a new connection")
    }
  }

  private func take(_ bytes: UnsafeRawBufferPointer) {
    let now = MonotonicTime.readClock()
    lastByte = now
    let wasBegun = reader.status != 0
    var arrived = 0
    let progress = reader.feed(bytes) { body in
      answer.feed(body) { arrived += load.table.added(by: $0) }
      if firstBytes.count < 300 { firstBytes.append(contentsOf: body.prefix(300)) }
    }
    // The prompt counts when the answer begins.
    if !wasBegun, reader.status == 200 { arrived += load.plan.promptTokens }
    tokens += arrived
    load.delivered(arrived, now)
    switch progress {
    case .unfinished: break
    case .wrong(let why): broken(why)
    case .complete: complete()
    }
  }

  private func complete() {
    switch reader.status {
    case 200 where reader.isEventStream: streamEnded()
    case 429:
      load.counts.refused += 1
      ended(after: reader.retryMilliseconds ?? FleetPlan.retryMillisecondsMax)
    default:
      broken("status \(reader.status): \(String(decoding: firstBytes.prefix(300), as: UTF8.self))")
    }
  }

  private func streamEnded() {
    if answer.hasError {
      load.counts.errors += 1
      return ended(after: 0)
    }
    guard let finish = answer.finish, answer.isDone else {
      return broken(
        "a stream ended after \(answer.textEvents) of \(events) events, finish_reason \(answer.finish == nil ? "missing" : "there"), "
          + "[DONE] \(answer.isDone ? "there" : "missing")")
    }
    let usage = answer.usage.map { $0.prompt + $0.completion }
    if finish == .stop {
      guard answer.textEvents == events else {
        return broken("finish_reason stop after \(answer.textEvents) of \(events) events")
      }
      load.counts.done += 1
      if usage != tokens { load.counts.miscounted += 1 }
    } else {
      load.counts.cut += 1
      if let usage { load.counts.cutDifferenceMax = max(load.counts.cutDifferenceMax, abs(usage - tokens)) }
    }
    ended(after: 0)
  }

  private func broken(_ why: String) {
    load.counts.note(why)
    // Not at once: what is in trouble must not be hammered.
    ended(after: 50)
  }

  private func ended(after milliseconds: Int) {
    if descriptor >= 0 {
      if let slot { load.reactor.deregister(slot) }
      Socket.close(descriptor)
    }
    slot = nil
    descriptor = -1
    isConnecting = false
    isBusy = false
    if tokens > 0 { load.fixedWindow?.ended(tokens) }
    tokens = 0
    again(after: min(milliseconds, FleetPlan.retryMillisecondsMax))
    load.clientRests()
  }

  private func again(after milliseconds: Int) {
    guard !load.isOver else { return }
    _ = load.reactor.startTimer(at: MonotonicTime.readClock() + .milliseconds(max(1, milliseconds)), self)
  }
}
