public import Reactor
internal import Glibc

/// A TCP proxy on this machine whose bytes take their time: a server far away, or a network in trouble.
///
/// What arrives is held for `delay` and then sent on, so that a byte takes from one to two delays each way.
public final class SlowProxy: Sendable {
  /// How long bytes are held; may be changed at any time.
  public let delay = Locked(Duration.zero)
  /// Where new connections lead; may be changed at any time, as a failover behind one address does it.
  public let target: Locked<UInt16>
  /// Where it listens.
  public var port: UInt16 { listener.port }
  private let listener: RawListener
  private let isOver = Locked(false)

  /// A proxy in front of a port of this machine.
  public init(to target: UInt16) throws(TestKitError) {
    listener = try RawListener()
    self.target = Locked(target)
    detach { [listener, delay, isOver, target = self.target] in
      while !isOver.withLock({ $0 }) {
        guard let near = try? listener.accept(timeout: .seconds(1)) else { continue }
        guard let far = try? RawClient(port: target.withLock { $0 }) else {
          near.reset()
          continue
        }
        detach { Self.carry(from: near, to: far, delay, isOver) }
        detach { Self.carry(from: far, to: near, delay, isOver) }
      }
    }
  }

  deinit { isOver.withLock { $0 = true } }

  private static func carry(from: RawClient, to: RawClient, _ delay: Locked<Duration>, _ isOver: Locked<Bool>) {
    while !isOver.withLock({ $0 }) {
      switch from.readSome(timeout: .seconds(1)) {
      case .bytes(let bytes):
        usleep(UInt32(clamping: delay.withLock { $0 }.wholeNanoseconds / 1_000))
        guard (try? to.send(bytes)) != nil else { return to.halfClose() }
      case .timeout: continue
      case .end, .reset: return to.halfClose()
      }
    }
    to.halfClose()
  }
}
