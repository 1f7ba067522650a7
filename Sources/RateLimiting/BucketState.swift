/// One bucket as the store holds it, and the step that the store makes: the pure twin of ``LeaseScript``. The embedded store and the simulator run
/// this; a test proves against a real Redis that both answer alike on random schedules.
///
/// A step, in this order:
/// 1. **Time** never runs back: a clock that is behind the bucket by up to ten seconds counts as standing. Further behind, the bucket's time
///    was wrong, and is set to the clock without refill, so that a clock that once jumped ahead cannot stop a limit for hours.
/// 2. **Refill** since the last step, exact to the unit.
/// 3. **Adoption**: the caller has seen a higher version than the bucket has (the store restarted empty, or fell back to an older state). Its
///    snapshot is refilled too; the lower of the two levels counts, for each may lack what the other knows.
/// 4. **Adjustment** once for each sequence number; then cap at `burst`. Debts are carried in full, and the bucket is kept until they are repaid
///    (``BucketTerms/expiryMilliseconds(level:)``).
/// 5. **Grant** `min(want, max(least, level / (2 · nodes)))` if the level has `least` and what is to be kept; else `min(ahead, max(1, level / (2 · nodes)))`
///    for streams that run, and a time to wait.
public struct BucketState: Sendable, Hashable {
  /// How far behind a clock may be before the bucket is believed to be wrong instead.
  public static let clockBehindMillisecondsMax = 10_000
  /// A node that asked within this time counts as active.
  public static let memberMilliseconds = 10_000
  /// A node that has not asked for so long is forgotten, and with it which request was its last.
  public static let forgetMilliseconds = 60_000
  /// Nodes that one step forgets at most.
  static let forgottenMax = 8

  /// What is kept of a node: a plain array of these, for a bucket of one node is to be small.
  struct Member: Sendable, Hashable {
    let name: String
    /// When it was last active; ``unknown`` when the clock has been set back since. No optional: buckets are many, and it would take eight bytes more.
    var activeAt: Int
    /// Its last request and what that was granted.
    var sequence: Int
    var grant: Int

    static let unknown = Int.min

    /// Whether that was at `time` or before.
    func isActive(atMost time: Int) -> Bool { activeAt != Self.unknown && activeAt <= time }
  }

  /// Requests so far.
  public internal(set) var version = 0
  /// Units held; negative in debt.
  public internal(set) var level = 0
  /// Parts of a unit, of 1/`rate.period`.
  public internal(set) var carried = 0
  /// When the last step was, in milliseconds of the store's clock.
  public internal(set) var time = 0
  /// The burst of the last step: a quota whose amount changed is shifted by the difference.
  public internal(set) var burst = 0
  /// Nodes that have asked lately.
  var members: [Member] = []

  /// A bucket of which nothing is known.
  public init() {}

  /// A bucket as it was saved, its values moved into their ranges.
  public init(_ snapshot: BucketSnapshot, burst: Int) {
    let snapshot = snapshot.bounded
    (version, level, time) = (snapshot.version, snapshot.level, snapshot.time)
    self.burst = min(max(0, burst), LeaseRate.amountMax)
  }

  /// Takes what another process has left of it, and keeps who has asked here.
  mutating func adopt(_ snapshot: BucketSnapshot, burst: Int) {
    let members = members
    self = BucketState(snapshot, burst: burst)
    self.members = members
  }

  /// Makes one step and answers.
  ///
  /// - Parameters:
  ///   - node: the caller's name, unique and new for each process.
  ///   - clock: the store's clock, in milliseconds.
  public mutating func lease(_ request: LeaseRequest, _ terms: BucketTerms, node: String, clock: Int) -> LeaseReply {
    let now = settleTime(clock)
    let (adopted, moment) = recall(request.seen, terms, now)
    let place = members.firstIndex { $0.name == node }
    let last = place.map { members[$0] }
    let isRepeated = last?.sequence == request.sequence
    // An older request that was held up on its way: a newer one of the same node has been answered, nobody waits for this.
    let isStale = (last?.sequence ?? 0) > request.sequence
    if !isRepeated && !isStale { level += request.adjust }
    if level >= terms.burst { (level, carried) = (terms.burst, 0) }
    level = max(level, -LeaseRate.amountMax)

    let nodes = count(place, isActive: request.want > 0, moment)
    var grant = 0
    var wait: Int? = 0
    if isRepeated, let before = last?.grant, before > 0 {
      grant = before
    } else if request.want > 0 && !isStale {
      let least = max(1, min(request.least, request.want))
      let needed = least + max(0, request.keep)
      if level >= needed {
        grant = min(request.want, max(least, level / (2 * nodes)))
        level -= grant
      } else {
        if request.ahead > 0 && level > 0 { grant = min(request.ahead, max(1, level / (2 * nodes))) }
        level -= grant
        wait = terms.rate.milliseconds(for: needed - level, carried: carried, max: BucketTerms.waitMillisecondsMax)
      }
    }
    let active = request.want > 0 ? moment : moment - Self.memberMilliseconds - 1
    let kept = last.flatMap { isStale ? ($0.sequence, $0.grant) : nil } ?? (request.sequence, grant)
    let member = Member(name: node, activeAt: active, sequence: kept.0, grant: kept.1)
    if let place { members[place] = member } else { members.append(member) }
    forget(moment)
    version = min(version + 1, BucketSnapshot.versionMax)
    (time, burst) = (moment, terms.burst)
    let seen = BucketSnapshot(version: version, level: level, time: moment)
    return LeaseReply(grant: grant, seen: seen, waitMilliseconds: wait, nodes: nodes, adopted: adopted)
  }

  /// The time of this step, by rule 1.
  private mutating func settleTime(_ clock: Int) -> Int {
    guard version > 0, time > clock else { return clock }
    if time - clock <= Self.clockBehindMillisecondsMax { return time }
    time = clock
    for place in members.indices { members[place].activeAt = Member.unknown }
    return clock
  }

  /// Refill and adoption. A snapshot from the near future moves the time on; one from the far future is taken as of now.
  private mutating func recall(_ seen: BucketSnapshot, _ terms: BucketTerms, _ now: Int) -> (adopted: Bool, now: Int) {
    let isNew = version == 0
    let adopts = seen.version > version
    var now = now
    var seenTime = seen.time
    if adopts && seenTime > now {
      if seenTime - now <= Self.clockBehindMillisecondsMax { now = seenTime } else { seenTime = now }
    }
    if isNew {
      (level, carried) = (terms.initial, 0)
    } else {
      carried = min(carried, terms.rate.period - 1)
      if terms.rate.isNone { level += terms.burst - burst }
      let gain = terms.rate.gain(now - time, carried: carried)
      (level, carried) = (level + gain.units, gain.carried)
    }
    guard adopts else { return (false, now) }
    let gain = terms.rate.gain(now - seenTime, carried: 0)
    if isNew || seen.level + gain.units < level { (level, carried) = (seen.level + gain.units, gain.carried) }
    version = seen.version
    return (true, now)
  }

  /// Nodes that are active, the caller included if it wants units.
  private func count(_ caller: Int?, isActive: Bool, _ now: Int) -> Int {
    var active = isActive ? 1 : 0
    for (place, member) in members.enumerated() where place != caller {
      if member.activeAt >= now - Self.memberMilliseconds { active += 1 }
    }
    return max(1, active)
  }

  /// Forgets who is long gone, those first who are gone longest.
  private mutating func forget(_ now: Int) {
    let horizon = now - Self.forgetMilliseconds
    guard members.contains(where: { $0.isActive(atMost: horizon) }) else { return }
    let gone = members.filter { $0.isActive(atMost: horizon) }
    let oldest = gone.sorted { ($0.activeAt, $0.name) < ($1.activeAt, $1.name) }.prefix(Self.forgottenMax)
    members.removeAll { member in oldest.contains { $0.name == member.name } }
  }
}
