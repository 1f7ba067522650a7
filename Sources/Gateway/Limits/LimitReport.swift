public import Quotas
internal import RateLimiting

/// How the limits stand, over all reactors.
public struct LimitReport: Sendable, Equatable {
  /// Where buckets are.
  public enum StoreKind: String, Sendable {
    /// In the process.
    case embedded
    /// In Redis, Valkey, or a cluster of them.
    case redis
  }

  /// One limit.
  public struct Limit: Sendable, Equatable {
    /// Its name.
    public let name: String
    /// What it is doing; the worst of what it does on any reactor.
    public internal(set) var state: LimitState
    /// Requests that it refused since it was configured.
    public internal(set) var denied: Int
    /// Streams that it cut.
    public internal(set) var cut: Int
    /// Requests whose subject had no room of its own and shares one with others.
    public internal(set) var shared: Int
  }

  /// One of the store's servers.
  public struct Server: Sendable, Equatable {
    /// Where it is; before a sentinel has told, the master's name.
    public let endpoint: String
    /// Reactors that know it.
    public let reactors: Int
    /// Reactors with a connection to it.
    public let connected: Int
    /// Reactors that ask it nothing for a while, because it has failed.
    public let refusing: Int
    /// Why there is no connection, or nil.
    public let lastLoss: String?
  }

  /// In the configuration's order.
  public internal(set) var limits: [Limit] = []
  /// Nil while nothing is or was limited.
  public internal(set) var store: StoreKind?
  /// Whether the store answers every reactor.
  public internal(set) var isStorePresent = true
  /// Requests sent to the store so far, those for slots not counted.
  public internal(set) var asks = 0
  /// The same in the last whole second.
  public internal(set) var asksPerSecond = 0
  /// Subjects that are known; one that several reactors know counts as often.
  public internal(set) var subjects = 0
  /// Subjects that made room for others so far.
  public internal(set) var dropped = 0
  /// Slots that are held.
  public internal(set) var slots = 0
  /// Requests and streams that wait.
  public internal(set) var waiting = 0
  /// The store's servers; none for the one in the process.
  public internal(set) var servers: [Server] = []

  /// Adds a reactor's figures.
  mutating func add(_ gauges: LimitGauges) {
    for seen in gauges.limits {
      if let index = limits.firstIndex(where: { $0.name == seen.name }) {
        limits[index].state = LimitState.worse(limits[index].state, seen.state)
        limits[index].denied += seen.denied
        limits[index].cut += seen.cut
        limits[index].shared += seen.shared
      } else {
        limits.append(
          Limit(name: seen.name, state: seen.state, denied: seen.denied, cut: seen.cut, shared: seen.shared))
      }
    }
    if gauges.store == .away { isStorePresent = false }
    asks += gauges.asks
    asksPerSecond += gauges.asksPerSecond
    subjects += gauges.subjects
    dropped += gauges.dropped
    slots += gauges.slots
    waiting += gauges.waiting
  }
}

extension LimitState {
  /// From the best to the worst, as a client feels it.
  public static let all: [LimitState] = [.present, .local, .open, .closed]

  fileprivate static func worse(_ one: LimitState, _ other: LimitState) -> LimitState {
    all.last { $0 == one || $0 == other } ?? one
  }
}

extension Gateway {
  /// How the limits and their store stand.
  public func limitReport() async -> LimitReport {
    var report = LimitReport()
    guard let stores = limiter.stores else { return report }
    report.store = stores.isRedis ? .redis : .embedded
    for gauges in await limitGauges() { report.add(gauges) }
    report.servers = await stores.status().map {
      LimitReport.Server(
        endpoint: "\($0.endpoint)", reactors: $0.reactors, connected: $0.connected, refusing: $0.refusing,
        lastLoss: $0.lastLoss.map { "\($0)" })
    }
    return report
  }
}
