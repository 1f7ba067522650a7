internal import Reactor
internal import Synchronization

/// One bound for the request bodies that a process holds, counted over all its reactors.
///
/// A body is counted by the room that is made for it, when room is made: a request that comes in one read costs nothing here, and one that grows some
/// atomic operations. Beyond the bound a connection is not read until others have given memory back; see ``BodyQueue`` for who comes first.
/// A part of the bound is kept for small bodies, and a part for those that have begun, so that both go on while large ones fill the rest.
public final class BodyMemory: Sendable {
  /// A shorter body that comes in one read, and its copies, are not counted.
  public static let countedBytesMin = 16 << 10
  /// A body up to this size is small.
  static let smallBytesMax = 64 << 10

  private let bound: Atomic<Int>
  private let held = Atomic<Int>(0)
  private let waiting = Atomic<Int>(0)
  private let refused = Atomic<Int>(0)
  private let queue = Locked(BodyQueue<Owner>())

  /// A connection that waits.
  struct Owner: Sendable {
    let context: DownstreamContext
    let connection: SlotID
  }

  /// How a wait ends.
  enum Outcome: Sendable {
    /// The memory is the connection's.
    case granted(Int)
    case refused
  }

  /// A bound of `bytesMax`.
  public init(bytesMax: Int) { bound = Atomic(bytesMax) }

  /// Sets another bound. Bodies beyond a lower one stay.
  public func setBytesMax(_ value: Int) { bound.store(value, ordering: .relaxed) }

  /// The longest body that can ever be held.
  public var bodyBytesMax: Int { Self.limit(bound.load(ordering: .relaxed), .holder) }

  /// How the memory stands.
  public var counts: BodyMemoryCounts {
    BodyMemoryCounts(
      held: held.load(ordering: .relaxed), most: bound.load(ordering: .relaxed),
      waiting: waiting.load(ordering: .relaxed), refused: refused.load(ordering: .relaxed))
  }

  /// What a body of that kind leaves free for those before it: 1,000,000 bytes are all for a small one, 937,500 for one that holds a part, and 750,000 for one
  /// that begins.
  static func limit(_ bound: Int, _ kind: BodyQueue<Owner>.Kind) -> Int {
    switch kind {
    case .small: bound
    case .holder: bound - bound / 16
    case .beginner: bound - bound / 4
    }
  }

  private static func kind(_ bytes: Int, holding: Int) -> BodyQueue<Owner>.Kind {
    if holding > smallBytesMax { return .holder }
    return holding + bytes <= smallBytesMax ? .small : .beginner
  }

  // MARK: Taking and giving back

  /// Whether a body that is here already may be kept for its upstream, which ``add(_:)`` tells.
  func hasRoom(_ bytes: Int) -> Bool {
    bytes <= bound.load(ordering: .relaxed) - held.load(ordering: .relaxed)
  }

  /// A body that is here already is refused.
  func noteRefused() { refused.add(1, ordering: .relaxed) }

  /// Takes memory if there is some and nobody is before the caller.
  func reserve(_ bytes: Int, holding: Int) -> Bool {
    let kind = Self.kind(bytes, holding: holding)
    if kind != .small, waiting.load(ordering: .relaxed) > 0 { return false }
    return take(bytes, kind)
  }

  private func take(_ bytes: Int, _ kind: BodyQueue<Owner>.Kind) -> Bool {
    let limit = Self.limit(bound.load(ordering: .relaxed), kind)
    var current = held.load(ordering: .sequentiallyConsistent)
    while bytes <= limit - current {
      let (isTaken, seen) = held.weakCompareExchange(
        expected: current, desired: current + bytes, ordering: .sequentiallyConsistent)
      if isTaken { return true }
      current = seen
    }
    return false
  }

  /// Counts memory that is in use already, such as a copy of a body on its way to an upstream.
  public func add(_ bytes: Int) { held.add(bytes, ordering: .sequentiallyConsistent) }

  /// Gives memory back; who waits may go on.
  public func release(_ bytes: Int) {
    held.subtract(bytes, ordering: .sequentiallyConsistent)
    if waiting.load(ordering: .sequentiallyConsistent) > 0 { serve() }
  }

  // MARK: Waiting

  /// Waits for memory that could not be reserved. The connection is told on its reactor, never from inside this call.
  func wait(_ bytes: Int, holding: Int, began: MonotonicTime, for owner: Owner) -> UInt64 {
    let number = queue.withLock { queue in
      defer { waiting.store(queue.count, ordering: .sequentiallyConsistent) }
      return queue.add(
        Self.kind(bytes, holding: holding), began: began, wants: bytes, holds: holding, owner: owner)
    }
    // What was given back before this one stood in line would otherwise be told to nobody.
    serve()
    return number
  }

  /// The connection does not wait any more. What it was granted meanwhile comes to it all the same, to be given back.
  func cancel(_ number: UInt64) {
    queue.withLock { queue in
      _ = queue.remove(number)
      waiting.store(queue.count, ordering: .sequentiallyConsistent)
    }
    serve()
  }

  /// A connection has waited for long: it is refused, or a younger one in its place, whose memory lets it go on.
  ///
  /// - Returns: whether it is the connection itself. False as well when it has been told already.
  func refuse(_ number: UInt64) -> Bool {
    let (isOwn, younger) = queue.withLock { queue -> (Bool, BodyQueue<Owner>.Waiter?) in
      defer { waiting.store(queue.count, ordering: .sequentiallyConsistent) }
      if let younger = queue.removeYoungestHolder(than: number) { return (false, younger) }
      return (queue.remove(number) != nil, nil)
    }
    if let younger { tell(younger, .refused) }
    if isOwn { refused.add(1, ordering: .relaxed) }
    return isOwn
  }

  private func serve() {
    let told = queue.withLock { queue -> [(BodyQueue<Owner>.Waiter, Outcome)] in
      var told: [(BodyQueue<Owner>.Waiter, Outcome)] = []
      while let waiter = queue.next({ take($0.wants, $0.kind) }) { told.append((waiter, .granted(waiter.wants))) }
      let inWaiting = queue.held
      if inWaiting > 0, inWaiting >= held.load(ordering: .sequentiallyConsistent),
        let youngest = queue.removeYoungestHolder()
      {
        told.append((youngest, .refused))
      }
      waiting.store(queue.count, ordering: .sequentiallyConsistent)
      return told
    }
    for (waiter, outcome) in told { tell(waiter, outcome) }
  }

  private func tell(_ waiter: BodyQueue<Owner>.Waiter, _ outcome: Outcome) {
    if case .refused = outcome { refused.add(1, ordering: .relaxed) }
    let (owner, number) = (waiter.owner, waiter.number)
    owner.context.reactor.execute { [self] in
      if let connection = owner.context.connection(owner.connection) {
        connection.bodyMemoryAnswered(number, outcome)
      } else if case .granted(let bytes) = outcome {
        release(bytes)
      }
    }
  }
}

/// How the memory for request bodies stands.
public struct BodyMemoryCounts: Sendable, Equatable {
  /// Bytes held.
  public var held: Int
  /// Bytes that may be held.
  public var most: Int
  /// Connections that wait for memory.
  public var waiting: Int
  /// Requests refused for want of memory.
  public var refused: Int
}
