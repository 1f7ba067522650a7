internal import GatewayConfiguration
internal import Glibc
internal import Quotas
internal import Reactor
internal import RedisClient
internal import Storage
internal import Transport

/// Where the limits' buckets are, for each reactor: one store in the process that all share, or a connection of each to Redis.
///
/// Made once at the start; another store takes a restart.
final class LimitStores: Sendable {
  private enum Kind: Sendable {
    case embedded(EmbeddedStore)
    /// By reactor.
    case redis([(client: RedisClient, store: RedisStore)], timeout: Duration)
  }

  private let kind: Kind

  private init(_ kind: Kind) { self.kind = kind }

  /// Whether buckets are outside of the process.
  var isRedis: Bool {
    if case .redis = kind { true } else { false }
  }

  /// Makes the stores that the settings ask for. Redis is connected to ahead of need and not waited for: without it limits go on as their settings say.
  ///
  /// - Parameters:
  ///   - archivePath: the file in which the process' own store keeps quotas and budgets; nil for memory alone. Not used with Redis.
  ///   - onEvent: told once per change, whichever reactor sees it first; on a reactor, or on the archive's thread. It must not wait for anything.
  /// - Throws: `GatewayStartError` for a file that cannot be used.
  static func make(
    _ settings: GatewaySettings, on group: ReactorGroup, resolver: Resolver, archivePath: String? = nil,
    onEvent: @escaping @Sendable (LimitStoreEvent) -> Void = { _ in }
  ) async throws(GatewayStartError) -> LimitStores {
    guard let redis = settings.redis else { return LimitStores(try embedded(archivePath, onEvent)) }
    let mapped = try RedisSettings(redis)
    let changes = Locked(RedisChanges(mapped.topology))
    let replaced = Locked<Set<String>>([])
    var shares: [(client: RedisClient, store: RedisStore)] = []
    for (index, reactor) in group.reactors.enumerated() {
      let share = await reactor.run {
        let client = RedisClient(
          mapped, on: reactor, resolver: resolver,
          onEvent: { event in
            // Told under the lock: in the order in which it was decided.
            changes.withLock { if $0.isNews(event, from: index) { onEvent(.redis(event)) } }
          })
        client.start()
        let store = RedisStore(
          client, timeout: redis.timeout, prefix: redis.prefix,
          onReplaced: { id in
            // The limit's name alone: what follows may be a client's word.
            let limit = String(id.prefix { $0 != ":" })
            if replaced.withLock({ $0.insert(limit).inserted }) { onEvent(.keyReplaced(limit: limit)) }
          })
        return (client: client, store: store)
      }
      shares.append(share)
    }
    return LimitStores(.redis(shares, timeout: redis.timeout))
  }

  private static func embedded(
    _ path: String?, _ onEvent: @escaping @Sendable (LimitStoreEvent) -> Void
  ) throws(GatewayStartError) -> Kind {
    do throws(StorageError) {
      let archive = try path.map { path throws(StorageError) in
        try BucketArchive(path: path) { onEvent(.archive($0)) }
      }
      if let setAside = archive?.setAside { onEvent(.setAside(setAside)) }
      return .embedded(try EmbeddedStore(archive: archive, clock: wallClockMilliseconds))
    } catch {
      throw GatewayStartError("limits: \(error).")
    }
  }

  /// Milliseconds since 1970.
  static func wallClockMilliseconds() -> Int {
    var now = timespec()
    clock_gettime(CLOCK_REALTIME, &now)
    return now.tv_sec * 1000 + now.tv_nsec / 1_000_000
  }

  /// The store for the desk of the reactor with that index, which must be one of the group's; to be used there alone.
  func storage(on index: Int) -> any BucketStorage {
    switch kind {
    case .embedded(let store): store
    case .redis(let shares, _): shares[index - shares[0].client.reactor.index].store
    }
  }

  /// Ends the connections, or writes what is not on disk yet, which is waited for. After the desks have left: what they gave back has one answer's time
  /// to arrive. Before the reactors end.
  func shutDown() async {
    switch kind {
    case .embedded(let store): store.flush()
    case .redis(let shares, let timeout):
      guard let first = shares.first?.client.reactor else { return }
      await first.sleep(until: MonotonicTime.readClock() + timeout)
      for (client, store) in shares {
        await client.reactor.run {
          store.close()
          client.close()
        }
      }
    }
  }

  /// How it stands with each server of the store, over all reactors; empty for the store in the process.
  func status() async -> [LimitStoreServer] {
    guard case .redis(let shares, _) = kind else { return [] }
    var servers: [LimitStoreServer] = []
    for (client, _) in shares {
      for seen in await client.reactor.run({ client.status }) {
        if let index = servers.firstIndex(where: { $0.endpoint == seen.endpoint }) {
          servers[index].add(seen)
        } else {
          var server = LimitStoreServer(endpoint: seen.endpoint)
          server.add(seen)
          servers.append(server)
        }
      }
    }
    return servers
  }
}

/// A server of the store, as the reactors see it.
struct LimitStoreServer: Sendable, Equatable {
  /// The server; before a sentinel has told, the master's name with port 0.
  let endpoint: RedisEndpoint
  /// Reactors that know it.
  var reactors = 0
  /// Reactors with a connection to it.
  var connected = 0
  /// Reactors that ask it nothing for a while, because it has failed.
  var refusing = 0
  /// Why a connection to it was lost or could not be made, on the first reactor that has none.
  var lastLoss: RedisLoss?

  init(endpoint: RedisEndpoint) { self.endpoint = endpoint }

  mutating func add(_ status: RedisNodeStatus) {
    reactors += 1
    if status.isConnected { connected += 1 }
    if case .closed = status.breaker {} else { refusing += 1 }
    lastLoss = lastLoss ?? status.lastLoss
  }
}

/// A change that an operator may want to read in the log.
enum LimitStoreEvent: Sendable, Equatable, CustomStringConvertible {
  case redis(RedisEvent)
  /// A limit's key at the store held something else, and was dropped: told once a limit.
  case keyReplaced(limit: String)
  /// Writing to disk fails, or succeeds again.
  case archive(StorageError?)
  /// The file on disk could not be used.
  case setAside(SetAsideArchive)

  /// Whether something is wrong since then.
  var isTrouble: Bool {
    switch self {
    case .redis(.disconnected), .redis(.breakerOpened), .archive(.some), .setAside, .keyReplaced: true
    case .redis(.connected), .redis(.breakerClosed), .redis(.clusterChanged), .archive(nil): false
    }
  }

  /// What happened, without secrets.
  var description: String {
    switch self {
    case .redis(.connected(let endpoint)): "the limits' store at \(endpoint) is connected"
    case .redis(.disconnected(let endpoint, let loss)): "no connection to the limits' store at \(endpoint): \(loss)"
    case .redis(.breakerOpened(let endpoint)):
      "the limits' store at \(endpoint) has failed several times and is not asked for a while"
    case .redis(.breakerClosed(let endpoint)): "the limits' store at \(endpoint) answers again"
    case .redis(.clusterChanged(let masters)):
      "the limits' cluster is served by \(masters.map(\.description).joined(separator: ", "))"
    case .keyReplaced(let limit):
      "a key of limit '\(limit)' at the limits' store held another type and was replaced; does another program use these keys?"
    case .archive(let error?): "quotas and budgets are not kept on disk: \(error)"
    case .archive(nil): "quotas and budgets are kept on disk again"
    case .setAside(let archive): "\(archive)"
    }
  }
}

/// Makes of what each reactor's client tells what is told once: trouble by the first that has it, the end of it by the last.
struct RedisChanges: Sendable {
  /// Causes that are remembered for one server, so that the same few are not told in turn.
  static let causesMax = 16

  private struct Server: Sendable {
    var lost: Set<Int> = []
    var refused: Set<Int> = []
    var causes: [RedisLoss] = []
    /// Where it was connected, when that was told last; nil since trouble was.
    var connected: RedisEndpoint?

    mutating func connected(_ endpoint: RedisEndpoint, _ reactor: Int) -> Bool {
      lost.remove(reactor)
      guard lost.isEmpty, connected != endpoint else { return false }
      connected = endpoint
      causes = []
      return true
    }

    mutating func disconnected(_ loss: RedisLoss, _ reactor: Int) -> Bool {
      lost.insert(reactor)
      connected = nil
      guard causes.count < RedisChanges.causesMax, !causes.contains(loss) else { return false }
      causes.append(loss)
      return true
    }

    mutating func refuses(_ reactor: Int) -> Bool {
      defer { refused.insert(reactor) }
      return refused.isEmpty
    }

    mutating func admits(_ reactor: Int) -> Bool { refused.remove(reactor) != nil && refused.isEmpty }
  }

  private let isCluster: Bool
  /// By endpoint in a cluster. Otherwise there is one server, wherever it is at the time, under nil.
  private var servers: [RedisEndpoint?: Server] = [:]
  private var masters: Set<RedisEndpoint> = []

  init(_ topology: RedisTopology) {
    if case .cluster = topology { isCluster = true } else { isCluster = false }
  }

  /// Whether an event of a reactor's client is to be told.
  mutating func isNews(_ event: RedisEvent, from reactor: Int) -> Bool {
    switch event {
    case .connected(let endpoint): return servers[key(endpoint), default: Server()].connected(endpoint, reactor)
    case .disconnected(let endpoint, let loss):
      return servers[key(endpoint), default: Server()].disconnected(loss, reactor)
    case .breakerOpened(let endpoint): return servers[key(endpoint), default: Server()].refuses(reactor)
    case .breakerClosed(let endpoint): return servers[key(endpoint), default: Server()].admits(reactor)
    case .clusterChanged(let found):
      // Each reactor learns it by itself. Of servers that have left nothing more is heard.
      let found = Set(found)
      guard masters != found else { return false }
      masters = found
      servers = servers.filter { server in server.key.map(found.contains) ?? true }
      return true
    }
  }

  private func key(_ endpoint: RedisEndpoint) -> RedisEndpoint? { isCluster ? endpoint : nil }
}
