/// Who waits for units of one limit on one node: streams that run before requests that have not begun, each by age. Nobody overtakes: a small wish
/// behind a big one waits too, or the big one would never be served.
public struct AdmissionQueue: Sendable {
  /// Who waits.
  public struct Waiter: Sendable, Hashable {
    /// The owner's name for it.
    public let id: UInt64
    /// It runs already and would be cut.
    public let isRunning: Bool
    /// Units it needs at once.
    public let need: Int
    /// When it gives up, in the node's monotonic milliseconds.
    public let deadline: Int

    var counted: Int { min(need, AdmissionQueue.needCounted) }
  }

  /// Waiting requests at most; streams that run are bounded by themselves and always may wait.
  public let waitingMax: Int
  @usableFromInline var running: [Waiter] = []
  @usableFromInline var beginning: [Waiter] = []

  /// An empty queue.
  public init(waitingMax: Int = 1024) { self.waitingMax = max(0, waitingMax) }

  /// Nobody waits.
  @inlinable @inline(__always)
  public var isEmpty: Bool { running.isEmpty && beginning.isEmpty }
  /// How many wait.
  public var count: Int { running.count + beginning.count }
  /// Who is served next.
  public var first: Waiter? { running.first ?? beginning.first }
  /// What the next one needs; 0 if nobody waits.
  public var need: Int { first?.need ?? 0 }
  /// What all together need; of each at most ``needCounted``.
  public private(set) var needInAll = 0
  /// The most that counts of one need in the sum of all: so many of them that it overflows never wait.
  static let needCounted = 1 << 40
  /// When the first of them gives up.
  public var nextDeadline: Int? {
    let all = [running, beginning].compactMap { $0.min { $0.deadline < $1.deadline }?.deadline }
    return all.min()
  }

  /// Whether a newcomer must wait although there are units: someone of its class, or before it, waits already.
  public func mustWait(isRunning: Bool) -> Bool { isRunning ? !running.isEmpty : !isEmpty }

  /// Joins the queue; false when it is full.
  public mutating func append(id: UInt64, isRunning: Bool, need: Int, deadline: Int) -> Bool {
    let waiter = Waiter(id: id, isRunning: isRunning, need: max(0, need), deadline: deadline)
    guard isRunning || beginning.count < waitingMax else { return false }
    if isRunning { running.append(waiter) } else { beginning.append(waiter) }
    needInAll += waiter.counted
    return true
  }

  /// The next is served, or is not interested any more.
  public mutating func removeFirst() -> Waiter? {
    guard let first else { return nil }
    if running.isEmpty { beginning.removeFirst() } else { running.removeFirst() }
    needInAll -= first.counted
    return first
  }

  /// Has lost interest; false if it does not wait.
  public mutating func remove(_ id: UInt64) -> Bool {
    remove { $0.id == id } > 0
  }

  /// Whose time is over: they are out of the queue.
  public mutating func expire(now: Int) -> [Waiter] {
    guard let next = nextDeadline, next <= now else { return [] }
    let over = (running + beginning).filter { $0.deadline <= now }
    remove { $0.deadline <= now }
    return over
  }

  /// Takes out who is meant; how many these were.
  @discardableResult
  private mutating func remove(_ isMeant: (Waiter) -> Bool) -> Int {
    let before = count
    running.removeAll(where: isMeant)
    beginning.removeAll(where: isMeant)
    if count < before { needInAll = running.reduce(0) { $0 + $1.counted } + beginning.reduce(0) { $0 + $1.counted } }
    return before - count
  }
}
