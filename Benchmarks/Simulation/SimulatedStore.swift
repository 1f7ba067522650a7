import RateLimiting

/// The store and the net to it: requests take effect when they arrive, and answers come later, or never.
struct SimulatedStore {
  struct Reply {
    let node: Int
    /// The node's name when it asked: one that has crashed since does not get it.
    let incarnation: Int
    let sequence: Int
    let dueAt: Int
    let reply: LeaseReply
  }

  private static let key = "k"
  private let terms: LeaseTerms
  private let faults: [SimulationScenario.Fault]
  private let breakage: SimulationScenario.Breakage
  private var buckets = BucketStore()
  /// Older states, one a step for as long as a replica may be behind.
  private var history: [(time: Int, buckets: BucketStore)] = []
  private let keepsHistory: Int
  private var clockOffset = 1_000_000_000
  private var replies: [Reply] = []
  private(set) var calls = 0
  private var slowMilliseconds = 0
  private var isDown = false
  private var cutOff = 0

  init(_ scenario: SimulationScenario) {
    terms = scenario.terms
    faults = scenario.faults
    breakage = scenario.breakage
    keepsHistory = faults.map { if case .storeRolledBack(_, let by) = $0 { by } else { 0 } }.max() ?? 0
  }

  /// Applies what goes wrong between the last step and this one; gives back the nodes that crash.
  mutating func apply(from last: Int, to now: Int) -> [Int] {
    var crashed: [Int] = []
    (slowMilliseconds, isDown, cutOff) = (0, false, 0)
    if keepsHistory > 0 {
      history.append((now, buckets))
      while let first = history.first, first.time < now - keepsHistory { history.removeFirst() }
    }
    for fault in faults {
      switch fault {
      case .storeDown(let from, let until): if from <= now && now < until { isDown = true }
      case .storeSlow(let from, let until, let milliseconds):
        if from <= now && now < until { slowMilliseconds = max(slowMilliseconds, milliseconds) }
      case .partition(let from, let until, let nodes): if from <= now && now < until { cutOff = max(cutOff, nodes) }
      case .storeEmptied(let at): if last < at && at <= now { buckets.removeAll() }
      case .storeRolledBack(let at, _): if last < at && at <= now, let old = history.first { buckets = old.buckets }
      case .clockJumps(let at, let by): if last < at && at <= now { clockOffset += by }
      case .nodeCrashes(let at, let node): if last < at && at <= now { crashed.append(node) }
      }
    }
    return crashed
  }

  /// A request is sent; whether it arrives is the fault's affair.
  mutating func send(_ request: LeaseRequest, node: Int, incarnation: Int, now: Int, answerWithin: Int) {
    calls += 1
    guard !isDown, node >= cutOff else { return }
    var request = request
    switch breakage {
    case .none: break
    case .debtDropped: request.adjust = max(0, request.adjust)
    case .snapshotIgnored: request.seen = .none
    case .debtForgiven:
      request.adjust = max(request.adjust, -(terms.bucket.burst + (buckets[Self.key]?.level ?? terms.bucket.initial)))
    }
    let reply = buckets.lease(
      Self.key, request, terms.bucket, node: "\(node)-\(incarnation)", clock: now + clockOffset)
    replies.append(
      Reply(
        node: node, incarnation: incarnation, sequence: request.sequence, dueAt: now + answerWithin + slowMilliseconds,
        reply: reply))
  }

  /// Answers that have come by now.
  mutating func arrived(_ now: Int) -> [Reply] {
    guard !replies.isEmpty else { return [] }
    let arrived = replies.filter { $0.dueAt <= now }
    if !arrived.isEmpty { replies.removeAll { $0.dueAt <= now } }
    return arrived
  }
}
