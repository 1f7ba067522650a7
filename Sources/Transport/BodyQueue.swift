internal import Reactor

/// Who waits for memory for a request body, as a value.
///
/// First come those that hold a good part of their body already, the oldest first: they can end, and give back what they hold. Small bodies come next, and
/// last those that would begin to hold much. When all memory is held by those that wait, none could ever go on: then the youngest that holds some is refused.
struct BodyQueue<Owner: Sendable>: Sendable {
  /// In the order in which they are served.
  enum Kind: Int, Sendable { case holder, small, beginner }

  struct Waiter: Sendable {
    let number: UInt64
    let kind: Kind
    /// When the body began to arrive.
    let began: MonotonicTime
    /// Bytes that it waits for.
    let wants: Int
    /// Bytes that it has.
    let holds: Int
    let owner: Owner
  }

  private var waiters: [Waiter] = []
  private var lastNumber: UInt64 = 0

  var count: Int { waiters.count }
  /// Bytes held by those that wait.
  var held: Int { waiters.reduce(0) { $0 + $1.holds } }

  mutating func add(_ kind: Kind, began: MonotonicTime, wants: Int, holds: Int, owner: Owner) -> UInt64 {
    lastNumber &+= 1
    let waiter = Waiter(number: lastNumber, kind: kind, began: began, wants: wants, holds: holds, owner: owner)
    let place = waiters.firstIndex { Self.isServed(waiter, before: $0) } ?? waiters.endIndex
    waiters.insert(waiter, at: place)
    return lastNumber
  }

  private static func isServed(_ one: Waiter, before other: Waiter) -> Bool {
    one.kind == other.kind ? one.began < other.began : one.kind.rawValue < other.kind.rawValue
  }

  mutating func remove(_ number: UInt64) -> Waiter? {
    waiters.firstIndex { $0.number == number }.map { waiters.remove(at: $0) }
  }

  /// Takes the next that can be served: the first of its kind, for which `take` finds room. Nobody begins while a holder waits.
  mutating func next(_ take: (Waiter) -> Bool) -> Waiter? {
    var refused: Set<Int> = []
    for (place, waiter) in waiters.enumerated() where !refused.contains(waiter.kind.rawValue) {
      if waiter.kind == .beginner, refused.contains(Kind.holder.rawValue) { return nil }
      if take(waiter) { return waiters.remove(at: place) }
      refused.insert(waiter.kind.rawValue)
    }
    return nil
  }

  /// Takes out the youngest that holds a part, if it is younger than `number`, or any with nil.
  mutating func removeYoungestHolder(than number: UInt64? = nil) -> Waiter? {
    guard let last = waiters.lastIndex(where: { $0.kind == .holder }) else { return nil }
    guard let number else { return waiters.remove(at: last) }
    guard let own = waiters.firstIndex(where: { $0.number == number }), own < last else { return nil }
    return waiters.remove(at: last)
  }
}
