public import Reactor
internal import Glibc

/// A TCP proxy on this machine whose bytes take their time: a server far away, or a network in trouble.
///
/// What arrives is held for `delay` and then sent on, so that a byte takes from one to two delays each way.
public final class SlowProxy: Sendable {
  /// How long bytes are held; may be changed at any time.
  public let delay = Locked(Duration.zero)
  /// Where it listens.
  public var port: UInt16 { listener.port }
  private let listener: RawListener
  private let isOver = Locked(false)

  /// A proxy in front of a port of this machine.
  public init(to target: UInt16) throws(TestKitError) {
    listener = try RawListener()
    Self.startThread { [listener, delay, isOver] in
      while !isOver.withLock({ $0 }) {
        guard let near = try? listener.accept(timeout: .seconds(1)) else { continue }
        guard let far = try? RawClient(port: target) else {
          near.reset()
          continue
        }
        Self.startThread { Self.carry(from: near, to: far, delay, isOver) }
        Self.startThread { Self.carry(from: far, to: near, delay, isOver) }
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

  private static func startThread(_ body: @escaping @Sendable () -> Void) {
    final class Start: Sendable {
      let body: @Sendable () -> Void
      init(_ body: @escaping @Sendable () -> Void) { self.body = body }
    }
    var thread = pthread_t()
    let context = Unmanaged.passRetained(Start(body)).toOpaque()
    let code = pthread_create(
      &thread, nil,
      { context in
        guard let context else { return nil }
        Unmanaged<Start>.fromOpaque(context).takeRetainedValue().body()
        return nil
      }, context)
    precondition(code == 0, "no thread for the proxy")
    pthread_detach(thread)
  }
}
