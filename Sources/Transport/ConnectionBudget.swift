internal import Synchronization

/// How many client connections a process may hold, counted over all its reactors: the kernel does not spread connections evenly, so
/// a share for each would stop one reactor while others have room.
public final class ConnectionBudget: Sendable {
  private let open = Atomic<Int>(0)
  private let most: Atomic<Int>
  private let unwatched = Atomic<Int>(0)

  /// A budget of `most` connections.
  public init(most: Int) { self.most = Atomic(most) }

  /// Sets another bound. Connections beyond a lower one stay; none is accepted until enough have closed.
  public func setMost(_ value: Int) { most.store(value, ordering: .relaxed) }

  /// Whether another connection fits.
  public var hasRoom: Bool { open.load(ordering: .relaxed) < most.load(ordering: .relaxed) }

  /// Connections that were accepted and closed at once, because the system refused to watch them (epoll).
  public var notWatchedCount: Int { unwatched.load(ordering: .relaxed) }

  func notWatched() { unwatched.add(1, ordering: .relaxed) }

  func opened() { open.add(1, ordering: .relaxed) }

  func closed() { open.subtract(1, ordering: .relaxed) }
}
