/// What a node has seen of a group of concurrency limits at the store: sent along with each request, so that a store that has forgotten learns it.
public struct ConcurrencyMark: Sendable, Hashable {
  /// Since when the store remembers, in milliseconds of its clock; 0: nothing has been seen.
  public var epoch: Int
  /// Requests that it has had since.
  public var version: Int

  /// A mark.
  public init(epoch: Int, version: Int) {
    self.epoch = epoch
    self.version = version
  }

  /// Nothing seen yet.
  public static let none = ConcurrencyMark(epoch: 0, version: 0)
}

/// What a node says to the store of one concurrency limit and subject: how many slots it holds, and how many it would like to.
public struct ConcurrencyRequest: Sendable, Hashable {
  /// Counts up with each request of a node: what comes late and out of order changes nothing.
  public var sequence: Int
  /// Slots that its requests hold. They count in any case, for their streams run.
  public var held: Int
  /// Slots that it would like to hold, those that it holds included.
  public var want: Int
  /// What it would hold by itself: more is not given while the store may have forgotten what others hold.
  public var alone: Int
  /// What the store had counted for it, as it last said.
  public var counted: Int
  /// It has had no answer for some seconds.
  public var wasAway: Bool
  /// What it has seen.
  public var seen: ConcurrencyMark

  /// A request.
  public init(
    sequence: Int, held: Int, want: Int, alone: Int, counted: Int = 0, wasAway: Bool = false,
    seen: ConcurrencyMark = .none
  ) {
    self.sequence = sequence
    self.held = held
    self.want = want
    self.alone = alone
    self.counted = counted
    self.wasAway = wasAway
    self.seen = seen
  }
}

/// What the store answers.
public struct ConcurrencyReply: Sendable, Hashable {
  /// Slots that now count for the node.
  public var count: Int
  /// Slots that count for all nodes.
  public var taken: Int
  /// Nodes that have asked lately, this one included.
  public var nodes: Int
  /// The store's mark after it.
  public var mark: ConcurrencyMark
  /// The store may have forgotten what other nodes hold, and gives no more than each would hold alone.
  public var isRecovering: Bool
  /// A key of the store held something else, and was dropped.
  public var replaced: Bool

  /// A reply.
  public init(
    count: Int, taken: Int, nodes: Int, mark: ConcurrencyMark, isRecovering: Bool, replaced: Bool = false
  ) {
    self.count = count
    self.taken = taken
    self.nodes = nodes
    self.mark = mark
    self.isRecovering = isRecovering
    self.replaced = replaced
  }
}

/// What the store knows of all limits of one group: which nodes there are, and since when it remembers. Without it a store that is empty because nobody asks could not
/// be told from one that has lost everything.
public struct ConcurrencyGroup: Sendable, Hashable {
  /// The limits and subjects of a cluster are spread over so many groups, so that they are not all on one server.
  public static let countInCluster = 16

  var mark = ConcurrencyMark.none
  /// Until then nodes that hold something may not have said so.
  var recoversUntil = 0
  /// When each node was last heard.
  var nodes: [String: Int] = [:]

  /// Nothing is known.
  public init() {}

  /// The same after its mark is lost: for tests of what a store does that has lost a part.
  package var withoutMark: ConcurrencyGroup {
    var group = ConcurrencyGroup()
    group.nodes = nodes
    return group
  }

  /// Notes who asks and what he has seen.
  mutating func step(_ request: ConcurrencyRequest, _ node: String, isMissed: Bool, _ now: Int) {
    recoversUntil = min(recoversUntil, now + ConcurrencyState.recoveryMilliseconds)
    let seen = request.seen
    let isNew = mark.epoch == 0
    // A node of an older epoch has been missed already.
    let isBehind =
      seen.epoch > mark.epoch || (seen.epoch == mark.epoch && (seen.version > mark.version || isMissed))
    let hasForgotten = seen.epoch > 0 && (isNew || isBehind || seen.epoch != mark.epoch)
    if isNew || isBehind {
      let epoch = max(now, seen.epoch + 1, mark.epoch + 1, 1)
      mark = ConcurrencyMark(epoch: min(epoch, BucketSnapshot.versionMax), version: 0)
    }
    if hasForgotten || request.wasAway { recoversUntil = now + ConcurrencyState.recoveryMilliseconds }
    mark.version = min(mark.version + 1, BucketSnapshot.versionMax)
    nodes = nodes.mapValues { min($0, now) }.filter { $0.value > now - ConcurrencyState.lifeMilliseconds }
    nodes[node] = now
  }
}

/// The slots of one concurrency limit and subject as the store holds them, the pure twin of ``ConcurrencyScript``: for each node how many it holds, and until when that
/// counts. No counter of all: a node that dies leaks nothing. No name for a slot: an answer that is lost leaks none either, for the node's next word replaces the last.
///
/// A step, in this order:
/// 1. **Group**: a node that has seen more than the store knows, or whose slots are missing, shows that the store has forgotten. A new epoch begins, which tells all nodes to
///    say at once what they hold; for ``recoveryMilliseconds`` no node is given more than it would hold alone.
/// 2. **Expiry** of nodes that were not heard for ``lifeMilliseconds``.
/// 3. **Count** `max(held, min(want, limit − others))`, in a recovery `max(held, min(want, limit − others, alone))`.
public struct ConcurrencyState: Sendable, Hashable {
  /// What a node holds counts for so long after its last word.
  public static let lifeMilliseconds = 15_000
  /// So long after a loss nodes may not have said what they hold: they say something each second.
  public static let recoveryMilliseconds = 2500
  /// Slots of one node, at most.
  public static let slotsMax = 1 << 20

  private struct Holder: Sendable, Hashable {
    var count: Int
    var sequence: Int
    var expiresAt: Int
  }

  private var holders: [String: Holder] = [:]

  /// Nothing is taken.
  public init() {}

  /// Slots that are taken.
  public var taken: Int { holders.values.reduce(0) { $0 + $1.count } }

  /// Makes one step.
  ///
  /// - Parameters:
  ///   - node: the caller's name, unique and new for each process and reactor.
  ///   - clock: the store's clock in milliseconds.
  ///   - group: of the limit and subject.
  public mutating func step(
    _ request: ConcurrencyRequest, node: String, limit: Int, clock now: Int, _ group: inout ConcurrencyGroup
  ) -> ConcurrencyReply {
    expire(now)
    let own = holders[node]
    group.step(request, node, isMissed: request.counted > 0 && own == nil, now)
    let isRecovering = group.recoversUntil > now
    let others = taken - (own?.count ?? 0)
    var count = own?.count ?? 0
    if own == nil || count == 0 || (own?.sequence ?? 0) <= request.sequence {
      let held = min(max(0, request.held), Self.slotsMax)
      let want = min(max(held, request.want), Self.slotsMax)
      let most = min(limit - others, isRecovering ? request.alone : limit)
      count = max(held, min(want, most))
      holders[node] =
        count == 0
        ? nil : Holder(count: count, sequence: request.sequence, expiresAt: now + Self.lifeMilliseconds)
    }
    return ConcurrencyReply(
      count: count, taken: others + count, nodes: group.nodes.count, mark: group.mark, isRecovering: isRecovering)
  }

  /// Forgets whose time is over. What expires later than it can was written under a clock that was ahead.
  public mutating func expire(_ now: Int) {
    let latest = now + Self.lifeMilliseconds
    for (node, holder) in holders {
      if holder.expiresAt <= now {
        holders[node] = nil
      } else if holder.expiresAt > latest {
        holders[node]?.expiresAt = latest
      }
    }
  }
}
