internal import RateLimiting

/// What one node knows of a group of concurrency limits at the store.
struct SlotGroup: Sendable {
  /// After so long without an answer the node says that it was away.
  static let awayMilliseconds = 5000

  private(set) var mark = ConcurrencyMark.none
  /// Nodes that the store has told of; 0 before it has.
  private(set) var nodes = 0
  /// When an answer came last, and when one that can be relied on; `Int.min` if never.
  private(set) var answeredAt = Int.min
  private var trustedAt = Int.min

  /// Whether the store may have given what this node holds to others meanwhile.
  func wasAway(now: Int) -> Bool { answeredAt != .min && now - answeredAt > Self.awayMilliseconds }

  /// How long the store has said nothing that can be relied on.
  func silentMilliseconds(now: Int) -> Int { trustedAt == .min ? .max : max(0, now - trustedAt) }

  /// Notes an answer.
  ///
  /// - Returns: whether the store has forgotten since the last one: it is to be told again what is held.
  mutating func note(_ reply: ConcurrencyReply, now: Int) -> Bool {
    let hasForgotten = mark.epoch != 0 && reply.mark.epoch != mark.epoch
    // An answer that has been overtaken by a later one says nothing new.
    if reply.mark.epoch != mark.epoch || reply.mark.version > mark.version { mark = reply.mark }
    // While it recovers it does not know all nodes.
    nodes = reply.isRecovering ? max(nodes, reply.nodes) : reply.nodes
    answeredAt = now
    if !reply.isRecovering { trustedAt = now }
    return hasForgotten
  }
}
