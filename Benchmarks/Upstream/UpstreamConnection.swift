import CLinux
import Reactor

/// One connection of a gateway to the upstream.
final class UpstreamConnection: EventHandler, TimerHandler {
  /// What a request with its body may come to.
  private static let requestBytesMax = 1 << 20

  private let server: UpstreamServer
  private let descriptor: Int32
  private var slot: SlotID?
  /// Of a request that came in parts.
  private var partial: [UInt8] = []
  /// What the kernel would not take yet.
  private var unsent: [UInt8] = []
  private var nextEvent: Int?
  private var due = MonotonicTime(nanoseconds: 0)
  private var isClosed = false

  /// The running gap, if there is one.
  var timer: Reactor.TimerID?

  init(_ server: UpstreamServer, _ descriptor: Int32) {
    self.server = server
    self.descriptor = descriptor
  }

  func begin() { slot = server.reactor.register(descriptor, .readable, self) }

  func ready(_ readiness: Readiness) {
    if readiness.contains(.writable) { return sendRest() }
    let buffer = UnsafeMutableRawBufferPointer(rebasing: server.reactor.receiveBuffer[..<Reactor.readBytesMax])
    switch Socket.receive(descriptor, into: buffer) {
    case .bytes(let count): take(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
    case .wouldBlock: break
    case .end, .failed: close()
    }
  }

  func timerFired(token: UInt32) {
    timer = nil
    sendNext()
  }

  /// Sends the running stream's next event, stamped with the time of its sending.
  func sendNext() {
    guard !isClosed, unsent.isEmpty, let index = nextEvent else { return }
    let answers = server.answers
    let event = answers.events[index]
    answers.stamp(event, MonotonicTime.readClock().nanoseconds)
    nextEvent = index + 1 < answers.events.count ? index + 1 : nil
    send(UnsafeRawBufferPointer(rebasing: answers.bytes[event.range]))
    guard !isClosed, unsent.isEmpty, nextEvent != nil else { return }
    // From when it was due, so that the pace does not drift by the length of a turn.
    due = due + server.gap
    server.scheduleNext(self, due: due)
  }

  // MARK: Requests

  private func take(_ bytes: UnsafeRawBufferPointer) {
    if partial.isEmpty, let length = Self.requestLength(bytes), length == bytes.count { return answer(bytes) }
    partial.append(contentsOf: bytes)
    guard partial.count <= Self.requestBytesMax else { return close() }
    let isWhole = partial.withUnsafeBytes { Self.requestLength($0) == $0.count }
    guard isWhole else { return }
    let request = partial
    partial.removeAll(keepingCapacity: true)
    request.withUnsafeBytes { answer($0) }
  }

  private func answer(_ request: UnsafeRawBufferPointer) {
    guard let base = request.baseAddress else { return }
    if memcmp(base, "GET ", 4) == 0 { return send(server.answers.models) }
    let text = "\"stream\":true"
    guard memmem(base, request.count, text, text.utf8.count) != nil else { return send(server.answers.whole) }
    nextEvent = 0
    due = MonotonicTime.readClock()
    sendNext()
  }

  /// Bytes of the request at the beginning of `bytes`, head and body; nil while the head is not whole.
  private static func requestLength(_ bytes: UnsafeRawBufferPointer) -> Int? {
    guard let base = bytes.baseAddress, let end = memmem(base, bytes.count, "\r\n\r\n", 4) else { return nil }
    let headLength = UnsafeRawPointer(end) - base + 4
    var line = base
    while let feed = memchr(line, 0x0a, headLength - (line - base)), UnsafeRawPointer(feed) - base + 1 < headLength {
      line = UnsafeRawPointer(feed) + 1
      guard strncasecmp(line.assumingMemoryBound(to: CChar.self), "content-length:", 15) == 0 else { continue }
      var length = 0
      var position = line + 15
      while position < base + headLength {
        let byte = position.load(as: UInt8.self)
        if byte == 0x0d || length > requestBytesMax { break }
        if byte >= 0x30 && byte <= 0x39 { length = length * 10 + Int(byte) - 0x30 }
        position += 1
      }
      return headLength + length
    }
    return headLength
  }

  // MARK: Sending

  private func send(_ bytes: UnsafeRawBufferPointer) {
    switch Socket.send(descriptor, bytes) {
    case .bytes(bytes.count): break
    case .bytes(let count): keep(bytes[count...])
    case .wouldBlock: keep(bytes[...])
    case .end, .failed: close()
    }
  }

  private func keep(_ rest: Slice<UnsafeRawBufferPointer>) {
    unsent.append(contentsOf: rest)
    if let slot { server.reactor.setInterest(slot, .writable) }
  }

  private func sendRest() {
    let bytes = unsent
    unsent.removeAll(keepingCapacity: true)
    bytes.withUnsafeBytes { send($0) }
    guard !isClosed, unsent.isEmpty, let slot else { return }
    server.reactor.setInterest(slot, .readable)
    if nextEvent != nil {
      due = MonotonicTime.readClock()
      server.scheduleNext(self, due: due)
    }
  }

  private func close() {
    guard !isClosed else { return }
    isClosed = true
    if let slot { server.reactor.deregister(slot) }
    if let timer { server.reactor.cancelTimer(timer) }
    Socket.close(descriptor)
  }
}
