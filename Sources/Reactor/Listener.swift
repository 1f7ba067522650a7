internal import CLinux
internal import Glibc

/// Accepts connections on one reactor.
///
/// Accepts at most `acceptsPerTurnMax` a turn, so that a storm of new connections does not starve the running streams. When the process has no
/// descriptor left, or the owner asks for a pause, it stops accepting for `pauseDuration`; the kernel's backlog keeps who waits.
public final class Listener: EventHandler, TimerHandler {
  /// How many connections one turn of the loop accepts at most.
  public static let acceptsPerTurnMax = 64
  /// How many accepts of a turn may fail before accepting rests.
  private static let failuresMax = 16
  /// How long accepting rests when no descriptor is left.
  public static let pauseDuration = Duration.milliseconds(50)

  private let reactor: Reactor
  private var descriptor: Int32
  private var slot: SlotID?
  private let accepted: (Int32, SocketAddress?) -> Void
  private let mayAccept: () -> Bool
  private let makeRoom: () -> Bool

  /// Where it listens, with the port that the kernel chose if 0 was asked.
  public let address: SocketAddress

  /// Starts listening; call on the reactor's thread. `accepted` owns the descriptors that it is given.
  ///
  /// - Parameters:
  ///   - mayAccept: asked before each accept; false pauses (for instance at the connection limit).
  ///   - makeRoom: asked when somebody waits and `mayAccept` says no, or no descriptor is left; true: one has been closed.
  /// - Throws: when the reactor cannot watch the socket, which is closed then.
  public init(
    reactor: Reactor, descriptor: Int32, address: SocketAddress,
    mayAccept: @escaping () -> Bool = { true },
    makeRoom: @escaping () -> Bool = { false },
    accepted: @escaping (Int32, SocketAddress?) -> Void
  ) throws(SystemCallError) {
    self.reactor = reactor
    self.descriptor = descriptor
    self.address = Socket.localAddress(descriptor) ?? address
    self.mayAccept = mayAccept
    self.makeRoom = makeRoom
    self.accepted = accepted
    do throws(SystemCallError) {
      slot = try reactor.register(descriptor, .readable, self)
    } catch {
      Socket.close(descriptor)
      throw error
    }
  }

  /// Stops listening and closes the socket. Connections that the kernel had not yet handed over are reset with the socket's last descriptor: so
  /// accept what waits first, unless another process has a descriptor for it and goes on accepting.
  public func close(acceptingWaiting: Bool = true) {
    guard descriptor >= 0 else { return }
    if acceptingWaiting { acceptWaiting(limit: 4096, isReady: false) }
    if let slot { reactor.deregister(slot) }
    slot = nil
    Socket.close(descriptor)
    descriptor = -1
  }

  /// False leaves what arrives to the others that accept from the same socket.
  public var isAccepting = true {
    didSet {
      guard let slot, isAccepting != oldValue, !reactor.changeInterest(slot, isAccepting ? .readable : []) else {
        return
      }
      restartTimer()
    }
  }

  /// Accepts what has arrived.
  public func ready(_ readiness: Readiness) {
    acceptWaiting(limit: Self.acceptsPerTurnMax, isReady: true)
  }

  /// The pause is over.
  public func timerFired(token: UInt32) {
    guard let slot else { return }
    if !reactor.changeInterest(slot, isAccepting ? .readable : []) { restartTimer() }
  }

  private func acceptWaiting(limit: Int, isReady: Bool) {
    var failures = 0
    for position in 0..<limit {
      guard descriptor >= 0 else { return }
      if !mayAccept() {
        // Nobody gives way before it is known that somebody waits: that is so of the first alone. The others come in the next turn.
        guard position == 0 else { return }
        guard isReady, makeRoom(), mayAccept() else { return pause() }
      }
      let (accepted, address, outcome) = Socket.accept(descriptor)
      switch outcome {
      case .bytes: self.accepted(accepted, address)
      case .wouldBlock, .end: return
      case .failed(let code):
        switch code {
        case EMFILE, ENFILE, ENOBUFS, ENOMEM:
          if !makeRoom() { return pause() }
        // The connection was gone before it was accepted (accept(2) lists these): try the next.
        default:
          failures += 1
          // Were it no connection's but the listener's own, it would be so in the next turn too.
          if failures == Self.failuresMax { return pause() }
        }
      }
    }
  }

  private func pause() {
    guard let slot else { return }
    // Where that is refused the next turn tries again: a busy wait, but no deaf port.
    guard reactor.changeInterest(slot, []) else { return }
    restartTimer()
  }

  private func restartTimer() { _ = reactor.startTimer(at: reactor.now + Self.pauseDuration, self) }
}
