internal import Reactor
internal import Synchronization

/// How many client connections a process may hold, counted over all its reactors: the kernel does not spread connections evenly, so
/// a share for each would stop one reactor while others have room.
///
/// When all places are taken, those go that wait for nothing but their client: see ``ConnectionEviction``.
public final class ConnectionBudget: Sendable {
  /// How many of other reactors' connections go at once when a reactor has none of its own to let go.
  static let evictedElsewhereMax = 4

  private let open = Atomic<Int>(0)
  private let most: Atomic<Int>
  private let mostOfClient = Atomic<Int>(0)
  private let refusedByClient = Atomic<Int>(0)
  private let unwatched = Atomic<Int>(0)
  private let evictedIdle = Atomic<Int>(0)
  private let evictedLingering = Atomic<Int>(0)
  private let evictedHeads = Atomic<Int>(0)
  /// Reactors that are being asked to let connections go.
  private let asked = Atomic<Int>(0)
  private let clients = Locked<[ClientNetwork: Int]>([:])
  private let members = Locked<[Member]>([])

  private struct Member: Sendable {
    weak var context: DownstreamContext?
    let reactor: Reactor
  }

  /// A budget of `most` connections.
  public init(most: Int) { self.most = Atomic(most) }

  /// Sets other bounds. Connections beyond a lower one stay; none is accepted until enough have closed.
  ///
  /// - Parameter ofClient: the most that one client address may hold; 0 for no such bound.
  public func setMost(_ value: Int, ofClient: Int = 0) {
    most.store(value, ordering: .relaxed)
    mostOfClient.store(ofClient, ordering: .relaxed)
  }

  /// Whether another connection fits.
  public var hasRoom: Bool { open.load(ordering: .relaxed) < most.load(ordering: .relaxed) }

  /// How the places stand.
  public var counts: ConnectionCounts {
    ConnectionCounts(
      open: open.load(ordering: .relaxed), most: most.load(ordering: .relaxed),
      evictedIdle: evictedIdle.load(ordering: .relaxed), evictedLingering: evictedLingering.load(ordering: .relaxed),
      evictedHeads: evictedHeads.load(ordering: .relaxed),
      refusedByClientLimit: refusedByClient.load(ordering: .relaxed),
      refusedBySystem: unwatched.load(ordering: .relaxed))
  }

  // MARK: What connections tell

  func opened() { open.add(1, ordering: .relaxed) }

  func closed(_ client: ClientNetwork?) {
    open.subtract(1, ordering: .relaxed)
    guard let client else { return }
    clients.withLock { clients in
      guard let count = clients[client] else { return }
      clients[client] = count > 1 ? count - 1 : nil
    }
  }

  /// The system refused to watch an accepted connection.
  func notWatched() { unwatched.add(1, ordering: .relaxed) }

  func evicted(_ kind: ConnectionEviction.Kind) {
    switch kind {
    case .idle: evictedIdle.add(1, ordering: .relaxed)
    case .lingering: evictedLingering.add(1, ordering: .relaxed)
    case .readingHead: evictedHeads.add(1, ordering: .relaxed)
    }
  }

  /// What a client's connection counts as.
  enum ClientAdmission {
    /// There is no bound for each client.
    case uncounted
    case counted(ClientNetwork)
    /// The client holds as many as it may.
    case refused
  }

  func enter(_ address: SocketAddress?) -> ClientAdmission {
    let most = mostOfClient.load(ordering: .relaxed)
    guard most > 0, let client = address.flatMap(ClientNetwork.init) else { return .uncounted }
    let isTaken = clients.withLock { clients in
      guard clients[client, default: 0] < most else { return false }
      clients[client, default: 0] += 1
      return true
    }
    guard isTaken else {
      refusedByClient.add(1, ordering: .relaxed)
      return .refused
    }
    return .counted(client)
  }

  // MARK: Places elsewhere

  func join(_ context: DownstreamContext) {
    let member = Member(context: context, reactor: context.reactor)
    members.withLock { members in
      members.removeAll { $0.context == nil }
      members.append(member)
    }
  }

  /// Has the other reactors let some connections go. They answer in a turn of their own.
  func makeRoomElsewhere(than context: DownstreamContext) {
    let others = members.withLock { $0.filter { $0.context !== context } }
    guard !others.isEmpty, asked.compareExchange(expected: 0, desired: others.count, ordering: .relaxed).exchanged
    else { return }
    for other in others {
      other.reactor.execute { [self, weak context = other.context] in
        asked.subtract(1, ordering: .relaxed)
        context?.evict(atMost: Self.evictedElsewhereMax)
      }
    }
  }
}

/// How the places for client connections stand.
public struct ConnectionCounts: Sendable, Equatable {
  /// Connections held.
  public var open: Int
  /// Connections that may be held.
  public var most: Int
  /// Closed to make room while they waited for a next request.
  public var evictedIdle: Int
  /// Closed to make room while their client was still sending behind its answer.
  public var evictedLingering: Int
  /// Closed to make room inside a request's head.
  public var evictedHeads: Int
  /// Closed when they were accepted, because their client held as many as it may.
  public var refusedByClientLimit: Int
  /// Closed when they were accepted, because the system refused to watch them (epoll).
  public var refusedBySystem: Int
}
