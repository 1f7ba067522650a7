import Reactor
import Transport

/// A TCP server that says as little HTTP as a pool's test needs, on a reactor of its own.
final class RawServer: Sendable {
  enum Manner: Sendable {
    /// Answers every request and keeps the connection.
    case keeps
    /// Answers and closes, without having said so.
    case closesAfterAnswer
    /// Closes at once.
    case closesAtOnce
  }

  struct Counts: Sendable {
    var accepted = 0
    var open = 0
    var openMax = 0
    var requests = 0
  }

  private struct State: @unchecked Sendable {
    var counts = Counts()
    var manner = Manner.keeps
    var listener: Listener?
    var connections: [ObjectIdentifier: RawConnection] = [:]
  }

  let address: SocketAddress
  private let reactor: Reactor
  private let state = Locked(State())

  /// Listens on `host`; a free port unless one is given. nil when it cannot.
  init?(_ reactor: Reactor, host: String = "127.0.0.1", port: UInt16 = 0, manner: Manner = .keeps) {
    guard let wanted = SocketAddress(literal: host, port: port), let descriptor = try? Socket.listen(on: wanted),
      let bound = Socket.localAddress(descriptor)
    else { return nil }
    self.reactor = reactor
    address = bound
    state.withLock { $0.manner = manner }
    reactor.execute { [self] in
      let listener = try! Listener(reactor: reactor, descriptor: descriptor, address: bound) {
        [weak self] connection, _ in
        self?.accepted(connection)
      }
      state.withLock { $0.listener = listener }
    }
  }

  var counts: Counts { state.withLock { $0.counts } }
  var port: UInt16 { address.port }

  func setManner(_ manner: Manner) { state.withLock { $0.manner = manner } }

  /// Closes all connections.
  func dropConnections() async {
    await onReactor { [self] in
      for connection in state.withLock({ Array($0.connections.values) }) { connection.close() }
    }
  }

  /// Stops listening and closes all connections.
  func stop() async {
    await onReactor { [self] in
      let listener = state.withLock { state in
        defer { state.listener = nil }
        return state.listener
      }
      listener?.close()
      for connection in state.withLock({ Array($0.connections.values) }) { connection.close() }
    }
  }

  private func onReactor(_ body: @escaping @Sendable () -> Void) async {
    await withCheckedContinuation { continuation in
      reactor.execute {
        body()
        continuation.resume()
      }
    }
  }

  private func accepted(_ descriptor: Int32) {
    let manner = state.withLock { state in
      state.counts.accepted += 1
      return state.manner
    }
    guard manner != .closesAtOnce else { return Socket.close(descriptor) }
    let connection = RawConnection(reactor, descriptor, self)
    state.withLock { state in
      state.counts.open += 1
      state.counts.openMax = max(state.counts.openMax, state.counts.open)
      state.connections[ObjectIdentifier(connection)] = connection
    }
  }

  fileprivate func closed(_ connection: RawConnection) {
    state.withLock { state in
      state.counts.open -= 1
      state.connections[ObjectIdentifier(connection)] = nil
    }
  }

  /// Whether the connection is to be closed after this answer.
  fileprivate func answered() -> Bool {
    state.withLock { state in
      state.counts.requests += 1
      if case .closesAfterAnswer = state.manner { return true }
      return false
    }
  }
}

/// One connection; every read that ends in an empty line is a request.
private final class RawConnection: EventHandler {
  private let reactor: Reactor
  private let descriptor: Int32
  private weak var server: RawServer?
  private var slot: SlotID?

  init(_ reactor: Reactor, _ descriptor: Int32, _ server: RawServer) {
    self.reactor = reactor
    self.descriptor = descriptor
    self.server = server
    slot = try! reactor.register(descriptor, .readable, self)
  }

  func ready(_ readiness: Readiness) {
    switch Socket.receive(descriptor, into: reactor.receiveBuffer) {
    case .bytes: answer()
    case .wouldBlock: break
    case .end, .failed: close()
    }
  }

  private func answer() {
    let closes = server?.answered() ?? true
    let bytes = Array("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok".utf8)
    _ = bytes.withUnsafeBytes { Socket.send(descriptor, $0) }
    if closes { close() }
  }

  func close() {
    guard let slot else { return }
    reactor.deregister(slot)
    self.slot = nil
    Socket.close(descriptor)
    server?.closed(self)
  }
}
