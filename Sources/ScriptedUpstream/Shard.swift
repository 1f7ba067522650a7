internal import HTTPWire
internal import Reactor

/// The simulator's part on one reactor.
///
/// `@unchecked Sendable`: it is handed to its reactor once and touched on that reactor's thread alone from then on.
final class Shard: @unchecked Sendable {
  let reactor: Reactor
  let seen: SeenLog
  let book: AnswerBook
  let requiredAuthorization: [UInt8]?
  let bodyBytesMax: Int
  let bodyBytesKeptMax: Int
  var parser = RequestHeadParser()

  private let shared: SharedState
  private var listener: Listener?
  private var connections: [ObjectIdentifier: UpstreamConnection] = [:]

  init(_ reactor: Reactor, _ shared: SharedState) {
    self.reactor = reactor
    self.shared = shared
    seen = shared.seen
    book = AnswerBook(shared)
    requiredAuthorization = shared.settings.requiredKey.map { Array("Bearer \($0)".utf8) }
    bodyBytesMax = shared.settings.bodyBytesMax
    bodyBytesKeptMax = shared.settings.bodyBytesKeptMax
  }

  /// Starts to accept on the descriptor, which it owns from now on.
  func start(_ descriptor: Int32, _ address: SocketAddress) {
    listener = try? Listener(reactor: reactor, descriptor: descriptor, address: address) {
      [unowned self] descriptor, _ in
      let connection = UpstreamConnection(
        shard: self, descriptor: descriptor, number: shared.nextConnectionNumber())
      connections[ObjectIdentifier(connection)] = connection
      seen.connectionOpened()
      connection.start()
    }
  }

  /// Lets go of a connection; one that only asked the simulator about itself was never counted.
  func closed(_ connection: UpstreamConnection) {
    let known = connections.removeValue(forKey: ObjectIdentifier(connection))
    if known != nil, !connection.isControl { seen.connectionClosed() }
  }

  func stop() {
    listener?.close()
    listener = nil
    for connection in Array(connections.values) { connection.close() }
  }
}
