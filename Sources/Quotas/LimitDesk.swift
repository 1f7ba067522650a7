public import RateLimiting
public import Reactor

/// Where requests of one reactor ask whether they may begin, and streams whether they may go on.
///
/// A node towards the store is one desk, not one process: reactors share nothing but the store, and their leases are counted each.
///
/// `@unchecked Sendable`: confined to its reactor.
public final class LimitDesk: @unchecked Sendable {
  /// Models of which is learned how long their answers are.
  static let modelsMax = 4096

  /// The reactor that it belongs to.
  public let reactor: Reactor
  let bucket: DistributedTokenBucket
  let slots: SlotBook
  let storage: any BucketStorage
  let unixTime: () -> Int
  let onEvent: (LimitEvent) -> Void
  private(set) var plan: LimitPlan
  var sets = LimitSetTable()
  var recent: RecentSets
  /// The values of the request that is looked up: kept, so that no array is made for each.
  var values: ContiguousArray<String?> = []
  var gauge: [LimitGauge]
  var expectations: ContiguousArray<OutputExpectation> = []
  private var models: [String: Int] = [:]
  var waits: [UInt64: LimitWait] = [:]
  var nextWait: UInt64 = 0
  private var askWindow = (second: 0, asksAtStart: 0, last: 0)

  /// A desk.
  ///
  /// - Parameters:
  ///   - storage: the store: an ``EmbeddedStore`` that all desks share, or a ``RedisStore`` of this reactor.
  ///   - node: the desk's name towards the store, unique and new for each process and reactor: ``nodeName(_:reactor:random:)``.
  ///   - unixTime: seconds since 1970.
  ///   - onEvent: told of changes, on the reactor.
  public init(
    _ plan: LimitPlan, on reactor: Reactor, storage: any BucketStorage, node: String, unixTime: @escaping () -> Int,
    onEvent: @escaping (LimitEvent) -> Void = { _ in }
  ) {
    self.reactor = reactor
    self.storage = storage
    self.plan = plan
    recent = RecentSets(values: plan.orderedParts.count + 1)
    self.unixTime = unixTime
    self.onEvent = onEvent
    bucket = DistributedTokenBucket(reactor: reactor, storage: storage, node: node)
    slots = SlotBook(reactor: reactor, storage: storage, node: node)
    gauge = plan.limits.map { LimitGauge(name: $0.name, state: Self.state($0, storage.condition)) }
  }

  /// A name that no other desk has had: the gateway's own if it has one, its process, a random number, and the reactor.
  public static func nodeName(_ name: String?, process: Int32, random: UInt64, reactor: Int) -> String {
    "\(name.map { "\($0)-" } ?? "")\(process)-\(String(random, radix: 36))-\(reactor)"
  }

  /// Begins work. On the reactor, before the first request.
  public func start() {
    bucket.here { $0.report(to: self) }
    slots.owner = self
    storage.observer = self
    slots.setActive(plan.limits.contains(where: \.isConcurrency))
  }

  /// Gives back what is held, as the process ends; grants that are still out are not waited for. On the reactor; the store's answers are not waited for.
  public func leave() {
    bucket.here { $0.leave() }
    slots.leave()
  }

  /// Other limits from now on. Grants that are out keep theirs; a limit of the same name goes on with what is used of it.
  public func reconfigure(_ new: LimitPlan) {
    let old = gauge
    plan = new
    sets.removeAll()
    recent = RecentSets(values: new.orderedParts.count + 1)
    slots.setActive(new.limits.contains(where: \.isConcurrency))
    gauge = new.limits.map { limit in
      var fresh = old.first { $0.name == limit.name } ?? LimitGauge(name: limit.name, state: .present)
      fresh.state = Self.state(limit, storage.condition)
      return fresh
    }
  }

  /// How it stands.
  public var gauges: LimitGauges {
    let asks = bucket.here { $0.asks }
    noteAsks(asks)
    return LimitGauges(
      limits: gauge, store: storage.condition, asks: asks, asksPerSecond: askWindow.last,
      subjects: bucket.here { $0.count } + slots.count,
      dropped: bucket.here { $0.counts.dropped }, slots: slots.inUse, waiting: waits.count)
  }

  /// How long answers of a model are.
  public func expectation(of model: String) -> OutputExpectation {
    models[model].map { expectations[$0] } ?? OutputExpectation()
  }

  /// Where it is learned how long a model's answers are; -1 if too many are known already.
  func place(ofModel model: String) -> Int {
    if let known = models[model] { return known }
    guard models.count < Self.modelsMax else { return -1 }
    models[model] = expectations.count
    expectations.append(OutputExpectation())
    return expectations.count - 1
  }

  var now: Int { Int(clamping: reactor.now.nanoseconds / 1_000_000) }

  private func noteAsks(_ asks: Int) {
    let second = now / 1000
    guard second != askWindow.second else { return }
    askWindow = (second, asks, (asks - askWindow.asksAtStart) / max(1, second - askWindow.second))
  }

  private static func state(_ limit: LimitPlan.Limit, _ condition: StoreCondition) -> LimitState {
    guard condition == .away else { return .present }
    switch limit.rule.absence {
    case .local: return .local
    case .open: return .open
    case .closed: return .closed
    }
  }
}

extension LimitDesk: BucketStorageObserver {
  /// Each limit does what its settings say.
  public func storeChanged(_ condition: StoreCondition) {
    onEvent(.store(condition))
    for limit in plan.limits {
      let state = Self.state(limit, condition)
      guard gauge[limit.number].state != state else { continue }
      gauge[limit.number].state = state
      onEvent(.limit(name: limit.name, state))
    }
    bucket.here { $0.storeChanged() }
    slots.storeChanged()
  }
}
