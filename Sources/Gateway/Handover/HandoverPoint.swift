internal import Glibc
internal import Logging
internal import Reactor

/// One listening address as its present owner offers it to a successor: answers under the address' name, notices who has taken over, and takes
/// the place back when that process ends before this one.
///
/// `@unchecked Sendable`: confined to its reactor's thread.
final class HandoverPoint: EventHandler, @unchecked Sendable {
  private let reactor: Reactor
  private let address: SocketAddress
  /// The socket of the name. Predecessors and successors have copies of it: the name is never free while one of them lives.
  private let name: Int32
  private var slot: SlotID?
  /// Copies of the listening sockets, to be sent.
  private let copies: [Int32]
  /// The connection to the predecessor.
  private let link: Int32?
  private var peers: [ObjectIdentifier: HandoverPeer] = [:]
  private var successor: HandoverPeer?
  /// A successor went, and left the place to one of its own.
  private var isOutlived = false
  private let logger: Logger
  private let changed: @Sendable (SocketAddress, Bool) -> Void

  private static let peersMax = 8

  /// - Parameter changed: told when a successor has taken over (true), and when it has ended (false).
  init(
    reactor: Reactor, address: SocketAddress, name: Int32, copies: [Int32], link: Int32?, logger: Logger,
    changed: @escaping @Sendable (SocketAddress, Bool) -> Void
  ) {
    self.reactor = reactor
    self.address = address
    self.name = name
    self.copies = copies
    self.link = link
    self.logger = logger
    self.changed = changed
  }

  /// Begins to answer, and tells the predecessor that it need not any more.
  func begin() {
    if let link { _ = LocalSocket.send(link, HandoverMessage.accepting(process: getpid()).text) }
    listen()
  }

  private func listen() {
    do throws(SystemCallError) {
      slot = try reactor.register(name, .readable, self)
    } catch {
      logger.warning("listeners cannot be handed over", metadata: ["problem": "\(error)"])
    }
  }

  /// Whether connections that wait in the queues are left to another process.
  var isTaken: Bool { isOutlived || successor != nil || peers.values.contains { $0.hasCopies } }

  /// Ends all of it; descriptors that others have live on with them.
  func leave() {
    if let link {
      if successor != nil || isOutlived { _ = LocalSocket.send(link, HandoverMessage.succeeded.text) }
      Socket.close(link)
    }
    if let slot { reactor.deregister(slot) }
    slot = nil
    for peer in peers.values { peer.close() }
    peers = [:]
    for descriptor in copies + [name] { Socket.close(descriptor) }
  }

  func ready(_ readiness: Readiness) {
    guard let connection = LocalSocket.accept(name) else { return }
    guard let user = LocalSocket.peer(connection)?.user, user == geteuid() || user == 0, peers.count < Self.peersMax,
      let peer = HandoverPeer(connection, on: reactor, point: self)
    else { return Socket.close(connection) }
    peers[ObjectIdentifier(peer)] = peer
  }

  /// Sends copies of all descriptors; false when that fails.
  func give(to connection: Int32) -> Bool {
    var rest = ([name] + copies)[...]
    while !rest.isEmpty {
      let part = rest.prefix(LocalSocket.descriptorsMax)
      rest = rest.dropFirst(part.count)
      let message = HandoverMessage.sockets(process: getpid(), remaining: rest.count)
      guard LocalSocket.send(connection, message.text, Array(part)) else { return false }
    }
    return true
  }

  func succeeded(by process: Int32, _ peer: HandoverPeer) {
    successor = peer
    if let slot { reactor.deregister(slot) }
    slot = nil
    logger.info("listeners handed over", metadata: ["address": "\(address)", "to_process": "\(process)"])
    changed(address, true)
  }

  func gone(_ peer: HandoverPeer) {
    peers[ObjectIdentifier(peer)] = nil
    guard successor === peer else { return }
    successor = nil
    if peer.isOutlived {
      isOutlived = true
      return
    }
    logger.warning("the process that took over has ended: this one goes on", metadata: ["address": "\(address)"])
    listen()
    changed(address, false)
  }
}

/// A process that asks for the listeners. Confined to the reactor's thread.
final class HandoverPeer: EventHandler, TimerHandler {
  private let connection: Int32
  private let reactor: Reactor
  private unowned let point: HandoverPoint
  private var slot: SlotID?
  private var timer: Reactor.TimerID?
  /// It has copies, and will accept from them once it is ready, or has begun to.
  private(set) var hasCopies = false
  /// It has said that a successor of its own goes on.
  private(set) var isOutlived = false

  /// How long it may take to ask.
  private static let askPatience = Duration.seconds(1)
  /// How long it may take until it accepts: its start reads files and asks a store.
  private static let startPatience = Duration.seconds(120)

  /// Nil when the reactor cannot watch it.
  init?(_ connection: Int32, on reactor: Reactor, point: HandoverPoint) {
    self.connection = connection
    self.reactor = reactor
    self.point = point
    guard let slot = try? reactor.register(connection, .readable, self) else { return nil }
    self.slot = slot
    timer = reactor.startTimer(at: reactor.now + Self.askPatience, self)
  }

  func ready(_ readiness: Readiness) {
    while slot != nil {
      switch LocalSocket.receive(connection) {
      case .wouldBlock: return
      case .end: return end()
      case .message(let text, let descriptors):
        for descriptor in descriptors { Socket.close(descriptor) }
        switch HandoverMessage(text) {
        case .take where !hasCopies:
          guard point.give(to: connection) else { return end() }
          hasCopies = true
          restartTimer(Self.startPatience)
        case .accepting(let process) where hasCopies && timer != nil:
          stopTimer()
          point.succeeded(by: process, self)
        case .succeeded: isOutlived = true
        default: return end()
        }
      }
    }
  }

  func timerFired(token: UInt32) {
    timer = nil
    end()
  }

  private func end() {
    close()
    point.gone(self)
  }

  func close() {
    stopTimer()
    guard let slot else { return }
    reactor.deregister(slot)
    self.slot = nil
    Socket.close(connection)
  }

  private func restartTimer(_ patience: Duration) {
    stopTimer()
    timer = reactor.startTimer(at: reactor.now + patience, self)
  }

  private func stopTimer() {
    if let timer { reactor.cancelTimer(timer) }
    timer = nil
  }
}
