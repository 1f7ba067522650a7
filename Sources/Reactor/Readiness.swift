internal import CLinux

/// What the kernel says of a descriptor.
public struct Readiness: OptionSet, Sendable {
  /// The epoll bits.
  public let rawValue: UInt32

  /// Wraps epoll bits.
  public init(rawValue: UInt32) { self.rawValue = rawValue }

  /// Bytes (or an end, or an error) can be read.
  public static let readable = Readiness(rawValue: EPOLLIN.rawValue)
  /// Bytes can be written, or a connect has finished.
  public static let writable = Readiness(rawValue: EPOLLOUT.rawValue)
  /// The peer has shut down its writing side.
  public static let peerClosed = Readiness(rawValue: EPOLLRDHUP.rawValue)
  /// The socket is in error (reset).
  public static let failed = Readiness(rawValue: EPOLLERR.rawValue)
  /// Both directions are closed.
  public static let hungUp = Readiness(rawValue: EPOLLHUP.rawValue)
}

/// Something that owns a descriptor on a reactor.
///
/// Its methods are called on the reactor's thread, never re-entrantly from inside a registration call.
public protocol EventHandler: AnyObject {
  /// The descriptor is ready. The reactor has already dropped events of an earlier owner of the same slot.
  func ready(_ readiness: Readiness)
}

/// Something that waits for a time on a reactor.
public protocol TimerHandler: AnyObject {
  /// The timer started with `token` has come due. Called on the reactor's thread.
  func timerFired(token: UInt32)
}
