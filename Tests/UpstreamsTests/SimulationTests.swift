import GatewayConfiguration
import Reactor
import Testing
import Transport

@testable import Upstreams

@Suite("Pools under chance")
struct SimulationTests {
  @Test("3,000 seeds of requests, deaths, refusals, time-outs and reloads over one to three shards keep every promise")
  func seeds() {
    for seed in 0..<3_000 as Range<UInt64> {
      let world = SimulatedUpstream(seed: seed)
      world.live(steps: 150)
      world.end()
      guard world.complaints.isEmpty else {
        Issue.record("seed \(seed): \(world.complaints.prefix(3))")
        return
      }
    }
  }
}

/// A model of the world around the states of an upstream's pools. It complains when asked for the impossible, and when a promise is broken.
final class SimulatedUpstream {
  private(set) var complaints: [String] = []
  private var random: Seeded
  private var now = MonotonicTime(nanoseconds: 1_000_000_000_000)
  private let permits: SessionPermits
  private var shards: [Shard] = []
  private var settings = PoolSettings()
  private var endpointCount: Int
  /// Permits on their way, and reports to the supervisor.
  private var permitsUnderWay: [Int] = []
  private var reports: [(shard: Int, report: PoolReport)] = []
  /// While the limit is lowered below what is out, no more may be taken.
  private var takenBefore = 0
  private var isEnding = false

  final class Shard {
    struct Waiter { let id: LeaseID; let isFresh: Bool; let deadline: MonotonicTime }

    var state: SessionPoolState
    var connecting: [SlotID: Int] = [:]
    var idle: Set<SlotID> = []
    var leased: [SlotID] = []
    var served: Set<SlotID> = []
    var waiters: [Waiter] = []
    init(_ state: consuming SessionPoolState) { self.state = state }
  }

  init(seed: UInt64) {
    random = Seeded(seed)
    settings.maxSessions = Int.random(in: 1...6, using: &random)
    settings.maxQueue = Int.random(in: 0...8, using: &random)
    settings.minIdle = Int.random(in: 0...3, using: &random)
    endpointCount = Int.random(in: 1...3, using: &random)
    let count = Int.random(in: 1...3, using: &random)
    permits = SessionPermits(maxSessions: settings.maxSessions, maxQueue: settings.maxQueue, shards: count)
    let balance = Balance.allCases.randomElement(using: &random) ?? .random
    for shard in 0..<count {
      shards.append(
        Shard(
          SessionPoolState(
            shard: shard, permits: permits, limits: PoolLimits(settings, shard: shard, shards: count),
            balance: balance, weights: (0..<endpointCount).map { _ in Int.random(in: 1...3, using: &random) })))
    }
  }

  private func complain(_ text: String) { complaints.append(text) }

  // MARK: Life

  func live(steps: Int) {
    for step in 0..<steps where complaints.isEmpty {
      event()
      check("step \(step)")
    }
  }

  private func event() {
    let shard = Int.random(in: 0..<shards.count, using: &random)
    switch Int.random(in: 0..<100, using: &random) {
    case 0..<30: lease(shard)
    case 30..<50: giveBack(shard, isReusable: random.chance(80))
    case 50..<70: finishConnect(shard, succeeds: random.chance(70))
    case 70..<74: dieIdle(shard)
    case 74..<78: cancel(shard)
    case 78..<88: deliver()
    case 88..<96: pass(.milliseconds(Int.random(in: 0...600, using: &random)))
    case 96: perform(shard, shards[shard].state.refill(now: now))
    case 97:
      let endpoint = Int.random(in: 0..<endpointCount, using: &random)
      perform(shard, shards[shard].state.markDown(endpoint, until: now + .seconds(1), now: now))
    default: reload()
    }
  }

  private func lease(_ index: Int) {
    let shard = shards[index]
    let avoiding = random.chance(20) ? Int.random(in: 0..<endpointCount, using: &random) : nil
    let wish = LeaseWish(fresh: random.chance(10), avoidingEndpoint: avoiding, random: random.next())
    switch shard.state.lease(wish, now: now) {
    case .use(let id):
      if shard.idle.remove(id) == nil { complain("leased \(id), which is not idle") }
      if wish.fresh { complain("a fresh wish got a kept session") }
      shard.leased.append(id)
    case .wait(let id, let actions):
      if let last = shard.waiters.last, last.id.number >= id.number { complain("numbers do not grow") }
      shard.waiters.append(.init(id: id, isFresh: wish.fresh, deadline: now + settings.queueTimeout))
      perform(index, actions, isInsideLease: true)
    case .refuse: break
    }
  }

  private func giveBack(_ index: Int, isReusable: Bool) {
    let shard = shards[index]
    guard let position = shard.leased.indices.randomElement(using: &random) else { return }
    let id = shard.leased.remove(at: position)
    shard.served.insert(id)
    let actions = shard.state.giveBack(id, isReusable: isReusable, now: now)
    // Unless something else is said, it is parked.
    shard.idle.insert(id)
    perform(index, actions)
  }

  private func finishConnect(_ index: Int, succeeds: Bool) {
    let shard = shards[index]
    guard let id = shard.connecting.keys.sorted(by: { $0.word < $1.word }).randomElement(using: &random) else { return }
    shard.connecting[id] = nil
    if succeeds {
      shard.idle.insert(id)
      perform(index, shard.state.connected(id, now: now))
    } else {
      let error = [TransportError.connectTimedOut, .connectFailed(111), .exhausted(24)].randomElement(using: &random)!
      perform(
        index,
        shard.state.connectFailed(id, error, now: now, jitter: UInt8.random(in: 0...255, using: &random)))
    }
  }

  private func dieIdle(_ index: Int) {
    let shard = shards[index]
    guard let id = shard.idle.sorted(by: { $0.word < $1.word }).randomElement(using: &random) else { return }
    shard.idle.remove(id)
    perform(index, shard.state.diedIdle(id, now: now))
  }

  private func cancel(_ index: Int) {
    let shard = shards[index]
    guard let position = shard.waiters.indices.randomElement(using: &random) else { return }
    shard.state.cancel(shard.waiters.remove(at: position).id)
  }

  private func pass(_ duration: Duration) {
    now = now + duration
    for index in shards.indices where shards[index].state.wakeAt <= now {
      perform(index, shards[index].state.tick(now: now))
      if shards[index].state.wakeAt <= now { complain("a tick wants another at once") }
    }
  }

  private func reload() {
    settings.maxSessions = Int.random(in: 1...6, using: &random)
    settings.maxQueue = Int.random(in: 0...8, using: &random)
    settings.minIdle = Int.random(in: 0...3, using: &random)
    takenBefore = permits.counts.taken
    let keeps = Int.random(in: 0..<endpointCount, using: &random)
    let weights = (0..<endpointCount).map { $0 == keeps || random.chance(70) ? 1 : nil }
    permitsUnderWay += permits.setLimits(maxSessions: settings.maxSessions, maxQueue: settings.maxQueue)
    for index in shards.indices {
      perform(
        index,
        shards[index].state.reconfigure(
          limits: PoolLimits(settings, shard: index, shards: shards.count), balance: .roundRobin,
          weights: weights, now: now))
    }
  }

  /// One message arrives: a permit at a shard, or a report at the supervisor.
  private func deliver() {
    if !permitsUnderWay.isEmpty {
      let shard = permitsUnderWay.removeFirst()
      perform(shard, shards[shard].state.permitArrived(now: now))
    } else if !reports.isEmpty {
      let (shard, report) = reports.removeFirst()
      supervise(shard, report)
    }
  }

  private func supervise(_ origin: Int, _ report: PoolReport) {
    switch report {
    case .starving:
      for index in shards.indices {
        while true {
          let actions = shards[index].state.yieldIdle()
          perform(index, actions)
          if actions.isEmpty { break }
        }
      }
    case .recovered(let endpoint):
      for index in shards.indices where index != origin {
        perform(index, shards[index].state.markRecovered(endpoint, now: now))
      }
    case .diedIdle: perform(origin, shards[origin].state.refill(now: now))
    case .connectFailed: break
    }
  }

  // MARK: What the pools ask for

  private func perform(_ index: Int, _ actions: [PoolAction], isInsideLease: Bool = false) {
    let shard = shards[index]
    for action in actions {
      switch action {
      case .connect(let id, let endpoint):
        if shard.connecting[id] != nil || shard.idle.contains(id) || shard.leased.contains(id) {
          complain("\(id) is connected twice")
        }
        shard.connecting[id] = endpoint
      case .close(let id):
        if shard.leased.contains(id) { complain("closed \(id) in use") }
        if shard.idle.remove(id) == nil, shard.connecting.removeValue(forKey: id) == nil {
          complain("closed \(id), which is not there")
        }
      case .grant(let lease, let id): grant(shard, lease, id, isInsideLease)
      case .fail(let lease, _):
        if isInsideLease { complain("failed from inside lease") }
        if shard.waiters.first?.id != lease { complain("\(lease) failed out of turn or twice") }
        shard.waiters.removeAll { $0.id == lease }
      case .handPermit(let other):
        if other == index { complain("a shard hands a permit to itself") }
        permitsUnderWay.append(other)
      case .report(let report): reports.append((index, report))
      }
    }
  }

  private func grant(_ shard: Shard, _ lease: LeaseID, _ id: SlotID, _ isInsideLease: Bool) {
    if isInsideLease { complain("granted from inside lease") }
    if shard.idle.remove(id) == nil { complain("granted \(id), which is not free") }
    let isKept = shard.served.contains(id)
    let entitled = shard.waiters.first { !isKept || !$0.isFresh }
    if entitled?.id != lease { complain("\(lease) was served out of turn, before \(String(describing: entitled))") }
    shard.waiters.removeAll { $0.id == lease }
    shard.leased.append(id)
  }

  // MARK: Promises

  private func check(_ place: String) {
    var held = permitsUnderWay.count
    var waiting = 0
    for (index, shard) in shards.enumerated() {
      held += shard.connecting.count + shard.idle.count + shard.leased.count
      waiting += shard.waiters.count
      let gauges = shard.state.gauges
      if gauges.idle != shard.idle.count || gauges.leased != shard.leased.count
        || gauges.connecting != shard.connecting.count || gauges.waiting != shard.waiters.count
      {
        complain("\(place): shard \(index) counts \(gauges)")
      }
      if Int(gauges.opened) - Int(gauges.closed) != shard.idle.count + shard.leased.count {
        complain("\(place): shard \(index) opened \(gauges.opened), closed \(gauges.closed)")
      }
      if !shard.waiters.isEmpty { checkHope(index, place) }
    }
    let (taken, perShard, starving) = permits.counts
    if taken != held || perShard.reduce(0, +) != taken { complain("\(place): \(taken) permits out, \(held) held") }
    if taken > settings.maxSessions, taken > takenBefore {
      complain("\(place): \(taken) of \(settings.maxSessions) permits")
    }
    if taken <= settings.maxSessions { takenBefore = 0 } else { takenBefore = taken }
    if !starving.isEmpty, taken < settings.maxSessions { complain("\(place): \(starving) starve, permits are free") }
    if permits.queuedCount > waiting { complain("\(place): \(permits.queuedCount) places for \(waiting)") }
  }

  /// Who waits can hope for a connect, or for the next permit, and is not forgotten behind a deadline.
  private func checkHope(_ index: Int, _ place: String) {
    let shard = shards[index]
    let isNoted = permits.counts.starving.contains(index) || permitsUnderWay.contains(index)
    if shard.connecting.isEmpty && !isNoted { complain("\(place): shard \(index) waits without hope") }
    if let first = shard.waiters.first, shard.state.wakeAt > first.deadline {
      complain("\(place): shard \(index) sleeps past a deadline")
    }
  }

  /// No new requests: everybody who waits is served without a moment passing, then the upstream leaves and nothing is left.
  func end() {
    var rounds = 0
    while shards.contains(where: { !$0.waiters.isEmpty }) || !permitsUnderWay.isEmpty || !reports.isEmpty {
      rounds += 1
      guard rounds < 2_000, complaints.isEmpty else {
        complain("still waiting: \(shards.map(\.waiters.count)), permits \(permits.counts), \(permitsUnderWay)")
        return
      }
      for index in shards.indices {
        finishConnect(index, succeeds: true)
        giveBack(index, isReusable: random.chance(80))
      }
      deliver()
      check("end")
    }
    for index in shards.indices { perform(index, shards[index].state.drain()) }
    while shards.contains(where: { !$0.leased.isEmpty }) {
      for index in shards.indices { giveBack(index, isReusable: true) }
    }
    check("drained")
    let (taken, _, starving) = permits.counts
    if taken != 0 || !starving.isEmpty || permits.queuedCount != 0 {
      complain("left over: \(taken) permits, \(starving), \(permits.queuedCount) places")
    }
  }
}
