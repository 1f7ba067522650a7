/// The node's side of a concurrency limit: which slots its streams hold. A slot that came free is kept for a second, so that a busy node need
/// not ask for each request; slots in use are refreshed every third of their life.
public struct ConcurrencySlots: Sendable {
  /// A slot's number on this node.
  public typealias Slot = UInt64

  /// What a request for a slot gives.
  public enum Answer: Sendable, Hashable {
    /// It is held: begin.
    case held(Slot)
    /// Ask the store for it, then ``answered(_:_:)`` or ``failed(_:limit:_:_:)``.
    case ask(Slot)
    /// None is to be had now.
    case refuse
  }

  /// A free slot goes back after so long.
  public static let spareMilliseconds = 1000

  private var used = SlotSet()
  private var asked: Set<Slot> = []
  private var spare: [(slot: Slot, since: Int)] = []
  private var next: Slot = 0
  private var refreshAt = Int.max
  /// Nodes to divide the limit by while the store is away.
  private let nodesAssumed: Int
  private let prefix: String

  /// - Parameters:
  ///   - node: this process' name, unique and new for each.
  ///   - nodesAssumed: nodes that share the limit while the store is away.
  public init(node: String, nodesAssumed: Int = 1) {
    prefix = node
    self.nodesAssumed = max(1, nodesAssumed)
  }

  /// Slots that streams hold here.
  public var inUse: Int { used.count }

  /// A slot's name at the store.
  public func name(_ slot: Slot) -> String { "\(prefix):\(slot)" }

  /// A stream wants to begin.
  public mutating func acquire(
    limit: Int, _ absence: StoreAbsence, now: Int, _ store: StoreCondition
  ) -> Answer {
    if let last = spare.popLast() { return hold(last.slot, now) }
    next += 1
    guard store == .away else {
      asked.insert(next)
      return .ask(next)
    }
    return mayHoldAlone(limit, absence) ? hold(next, now) : .refuse
  }

  /// A slot that came free here and has not gone back yet; then nobody need be asked.
  public mutating func acquireSpare(now: Int) -> Slot? {
    guard let last = spare.popLast() else { return nil }
    _ = hold(last.slot, now)
    return last.slot
  }

  /// The store has answered. True: the stream may begin.
  public mutating func answered(_ slot: Slot, _ reply: ConcurrencyReply, now: Int) -> Bool {
    guard asked.remove(slot) != nil, reply.granted else { return false }
    _ = hold(slot, now)
    return true
  }

  /// The store has not answered; the slot may be taken there or not, and falls free by itself if it is not used. True: the stream may begin all the same.
  public mutating func failed(_ slot: Slot, limit: Int, _ absence: StoreAbsence, now: Int) -> Bool {
    guard asked.remove(slot) != nil, mayHoldAlone(limit, absence) else { return false }
    _ = hold(slot, now)
    return true
  }

  /// A stream has ended. A second end of the same stream is none.
  public mutating func release(_ slot: Slot, now: Int) {
    guard used.remove(slot) else { return }
    spare.append((slot, now))
  }

  /// What to tell the store now: slots in use once every third of their life, free ones after a second.
  public mutating func due(now: Int) -> [ConcurrencyRequest] {
    var requests: [ConcurrencyRequest] = []
    let old = spare.prefix { $0.since + Self.spareMilliseconds <= now }.map { name($0.slot) }
    spare.removeFirst(old.count)
    requests += parts(old).map { .release($0) }
    if now >= refreshAt {
      let kept = used.sorted().map { name($0) } + spare.map { name($0.slot) }
      requests += parts(kept).map { .refresh($0) }
      refreshAt = kept.isEmpty ? .max : now + ConcurrencyState.lifeMilliseconds / 3
    }
    return requests
  }

  /// When ``due(now:)`` next has something to say.
  public var dueAt: Int { min(refreshAt, spare.first.map { $0.since + Self.spareMilliseconds } ?? .max) }

  private mutating func hold(_ slot: Slot, _ now: Int) -> Answer {
    used.insert(slot)
    refreshAt = min(refreshAt, now + ConcurrencyState.lifeMilliseconds / 3)
    return .held(slot)
  }

  private func mayHoldAlone(_ limit: Int, _ absence: StoreAbsence) -> Bool {
    switch absence {
    case .open: true
    case .closed: false
    case .local: used.count < max(1, limit / nodesAssumed)
    }
  }

  private func parts(_ names: [String]) -> [[String]] {
    stride(from: 0, to: names.count, by: ConcurrencyState.slotsMax).map {
      Array(names[$0..<min($0 + ConcurrencyState.slotsMax, names.count)])
    }
  }
}
