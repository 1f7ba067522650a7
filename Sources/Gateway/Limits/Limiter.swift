internal import GatewayConfiguration
internal import Glibc
internal import Logging
internal import Quotas
internal import RateLimiting
internal import Reactor
internal import Transport

/// Makes the desks of all reactors, and hears of their changes.
final class Limiter: Sendable {
  private struct State: Sendable {
    var stores: LimitStores?
    var states = LimitStates()
  }

  /// The process' part of the desks' names: new at each start, so that what an earlier process had leased is not taken for its own.
  private let random = UInt64.random(in: 0...UInt64.max)
  private let nodeName: String?
  private let state = Locked(State())
  private let onEvent: @Sendable (LimitNews) -> Void

  init(nodeName: String?, onEvent: @escaping @Sendable (LimitNews) -> Void) {
    self.nodeName = nodeName
    self.onEvent = onEvent
  }

  /// Where buckets are; nil before limits are configured.
  var stores: LimitStores? {
    get { state.withLock { $0.stores } }
    set { state.withLock { $0.stores = newValue } }
  }

  /// Makes the stores, the first time that settings need them.
  func open(
    _ settings: GatewaySettings, on group: ReactorGroup, resolver: Resolver, dataDirectory: String?
  ) async throws(GatewayStartError) {
    guard stores == nil, !settings.limits.isEmpty || settings.redis != nil else { return }
    let archive = dataDirectory.map { "\($0)/limits.sqlite" }
    stores = try await LimitStores.make(settings, on: group, resolver: resolver, archivePath: archive) { [onEvent] in
      onEvent(.store($0))
    }
  }

  /// A desk at work, on its reactor; nil without stores.
  func makeDesk(_ plan: LimitPlan, on reactor: Reactor) -> LimitDesk? {
    guard let stores else { return nil }
    let node = LimitDesk.nodeName(nodeName, process: getpid(), random: random, reactor: reactor.index)
    let desk = LimitDesk(
      plan, on: reactor, storage: stores.storage(on: reactor.index), node: node, unixTime: Self.unixTime
    ) { [self] event in
      guard let news = state.withLock({ $0.states.note(event, from: reactor.index) }) else { return }
      onEvent(.limits(news))
    }
    desk.start()
    return desk
  }

  /// Seconds since 1970, from the clock that costs least: periods of the calendar begin within its tick.
  static func unixTime() -> Int {
    var now = timespec()
    clock_gettime(CLOCK_REALTIME_COARSE, &now)
    return now.tv_sec
  }
}

/// What happens to limits and is worth a line in the log.
enum LimitNews: Sendable {
  case store(LimitStoreEvent)
  case limits(LimitEvent)

  func log(to logger: Logger) {
    switch self {
    case .store(let event): logger.log(level: event.isTrouble ? .warning : .info, "\(event)")
    case .limits(.store(.away)):
      logger.warning("the limits' store does not answer; each limit does what its whenStoreIsAway says")
    case .limits(.store(.present)): logger.info("the limits' store answers; limits hold over all gateways")
    case .limits(.subjectsFull(let name, let most)):
      logger.warning(
        "a limit has as many subjects as it may; newcomers share one bucket until others are idle",
        metadata: ["limit": "\(name)", "maxSubjects": "\(most)"])
    case .limits(.limit(let name, let state)):
      logger.log(
        level: state == .present ? .info : .warning, "a limit has changed its state",
        metadata: ["limit": "\(name)", "state": "\(state.rawValue)"])
    }
  }
}

/// Makes of what each reactor's desk tells what is told once: trouble by the first that has it, its end by the last.
struct LimitStates: Sendable {
  private var away: Set<Int> = []
  private var limits: [String: [Int: LimitState]] = [:]
  private var full: Set<String> = []

  /// What is to be told of an event; nil when others have told it, or are still in trouble.
  mutating func note(_ event: LimitEvent, from reactor: Int) -> LimitEvent? {
    switch event {
    case .store(let condition):
      let wasAway = !away.isEmpty
      if condition == .away {
        away.insert(reactor)
        // What a limit that has been taken away meanwhile had told last says nothing of a later one of its name.
        if !wasAway { limits = [:] }
      } else {
        away.remove(reactor)
      }
      return wasAway == away.isEmpty ? event : nil
    case .subjectsFull(let name, _): return full.insert(name).inserted ? event : nil
    case .limit(let name, let state):
      let before = limits[name]?.count ?? 0
      limits[name, default: [:]][reactor] = state == .present ? nil : state
      let after = limits[name]?.count ?? 0
      if after == 0 { limits[name] = nil }
      return (before == 0) == (after == 0) ? nil : event
    }
  }
}
