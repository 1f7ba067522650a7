/// The node's side of a concurrency limit and subject: how many slots its streams hold, and what the store has said. A slot that came free is kept for a second, so that a
/// busy node need not ask for each request.
///
/// One request is with the store at a time, and says all that there is to say: what is held, and what is wanted. So many that ask at once are one request.
public struct ConcurrencySlots: Sendable {
  /// A free slot goes back after so long.
  public static let spareMilliseconds = 1000
  /// What is held is said again so often.
  public static let refreshMilliseconds = ConcurrencyState.lifeMilliseconds / 3
  /// After a refusal, and after a failure, so long is not asked.
  public static let pauseMilliseconds = 100

  /// Slots that streams hold here.
  public private(set) var used = 0
  /// Since when each free slot is kept.
  private var spare: [Int] = []
  /// What the store counts for this node, as it last said.
  private var counted = 0
  /// The same while nothing was wrong, and what was left for all; nil before the store has said.
  private var trusted: (count: Int, free: Int)?
  /// The last request's number and wish.
  private var asked = (sequence: 0, want: 0)
  private var isAsking = false
  /// The last request has not been answered: the store may count what it asked for, until then.
  private var unsureUntil = Int.min
  private var quietUntil = Int.min
  private var refreshAt = Int.max
  /// Until when it is worth remembering what the store said.
  private var rememberedUntil = Int.min

  /// Nothing is held.
  public init() {}

  /// Slots that are had, in use or free.
  public var held: Int { used + spare.count }
  /// A request is with the store.
  public var isWaitingForStore: Bool { isAsking }
  /// The store has lately said that there is none, or has not answered.
  public func isQuiet(now: Int) -> Bool { now < quietUntil }

  /// Takes a slot that came free here and has not gone back yet; then nobody need be asked.
  @inline(__always)
  public mutating func takeSpare() -> Bool {
    guard spare.popLast() != nil else { return false }
    used += 1
    return true
  }

  /// Takes a slot without the store.
  public mutating func takeAlone(_ absence: StoreAbsence, alone: Int, now: Int) -> Bool {
    switch absence {
    case .closed: return false
    case .open: break
    case .local: guard held < alone else { return false }
    }
    used += 1
    refreshAt = min(refreshAt, now + Self.refreshMilliseconds)
    return true
  }

  /// A stream has ended.
  public mutating func release(now: Int) {
    guard used > 0 else { return }
    used -= 1
    spare.append(now)
  }

  /// What this node may hold in all while it has to do without the store's word, so that all nodes together stay within the limit.
  ///
  /// In the beginning what the store had given it, and its part of what was left then: over all nodes that is the limit. Later nodes that hold more than their part take no
  /// more, and after the life of a slot at the store each has its part, whatever it had.
  ///
  /// - Parameters:
  ///   - nodes: nodes to divide by.
  ///   - silentMilliseconds: how long the store has said nothing that can be relied on.
  public func alone(limit: Int, nodes: Int, silentMilliseconds: Int) -> Int {
    let nodes = max(1, nodes)
    let share = max(1, limit / nodes)
    guard let trusted, silentMilliseconds < ConcurrencyState.lifeMilliseconds else { return share }
    let had = trusted.count + trusted.free / nodes
    return silentMilliseconds < ConcurrencyState.lifeMilliseconds / 2 ? had : min(had, share)
  }

  // MARK: The store

  /// A request for so many more slots; with none it says what is held, and gives back what is free for too long.
  public mutating func ask(
    more: Int, sequence: Int, alone: Int, wasAway: Bool, seen: ConcurrencyMark, now: Int
  ) -> ConcurrencyRequest {
    let old = spare.prefix { $0 + Self.spareMilliseconds <= now }.count
    spare.removeFirst(old)
    asked = (sequence, held + max(0, more))
    isAsking = true
    return ConcurrencyRequest(
      sequence: sequence, held: held, want: asked.want, alone: alone, counted: counted, wasAway: wasAway, seen: seen)
  }

  /// The store has answered; also late, as long as nothing newer was asked. What it counts beyond what is held here is free.
  ///
  /// - Returns: false for the answer to an older request.
  @discardableResult
  public mutating func answered(_ sequence: Int, _ reply: ConcurrencyReply, limit: Int, now: Int) -> Bool {
    guard sequence == asked.sequence else { return false }
    isAsking = false
    unsureUntil = .min
    // More than was asked for no store gives that is ours.
    counted = min(reply.count, max(asked.want, held))
    if !reply.isRecovering {
      trusted = (counted, max(0, limit - reply.taken))
      rememberedUntil = now + ConcurrencyState.lifeMilliseconds
    }
    while held > counted, !spare.isEmpty { spare.removeFirst() }
    if counted > held { spare += Array(repeating: now, count: counted - held) }
    if counted < asked.want { quietUntil = now + Self.pauseMilliseconds }
    refreshAt = held > 0 || counted > 0 ? now + Self.refreshMilliseconds : .max
    return true
  }

  /// The store has not answered: it may count what was asked for or not.
  public mutating func failed(_ sequence: Int, now: Int) {
    guard isAsking, sequence == asked.sequence else { return }
    isAsking = false
    unsureUntil = now + ConcurrencyState.lifeMilliseconds
    quietUntil = now + Self.pauseMilliseconds
    refreshAt = quietUntil
  }

  /// The store is to be told what is held: it is there again, or has forgotten.
  ///
  /// - Parameter hasForgotten: it is known to count nothing, so that nobody need learn it once more.
  public mutating func tell(at time: Int, hasForgotten: Bool) {
    guard held > 0 || counted > 0 || unsureUntil != .min else { return }
    if hasForgotten { counted = 0 }
    refreshAt = min(refreshAt, time)
  }

  /// Whether something is to be said now that nobody waits for.
  public func isDue(now: Int) -> Bool { !isAsking && now >= dueAt }

  /// When something is next to be said to the store.
  public var dueAt: Int { min(refreshAt, spare.first.map { $0 + Self.spareMilliseconds } ?? .max) }

  /// When it may be dropped; `Int.max` if not by itself.
  ///
  /// - Parameter remembers: what the store has said is worth something, for it may go away.
  public func idleAt(remembers: Bool) -> Int {
    guard used == 0, spare.isEmpty, !isAsking, counted == 0 else { return .max }
    return max(unsureUntil, remembers ? rememberedUntil : .min)
  }
}
