internal import Reactor

/// Requests that wait for a session, first come, first served. Numbers grow, so a place is found by halving.
struct WaitingLine {
  struct Place: Equatable {
    let id: LeaseID
    let deadline: MonotonicTime
    /// Only a newly connected session will do.
    let isFresh: Bool
    /// It waits for a permit and counts against `maxQueue`; otherwise a connect was under way for it when it came.
    let occupiesQueue: Bool
    var hasLeft = false
  }

  private var places: ContiguousArray<Place> = []
  private var head = 0
  private var nextNumber: UInt64 = 1

  /// How many wait.
  private(set) var count = 0

  var isEmpty: Bool { count == 0 }

  /// The one that waits longest.
  var first: Place? { count == 0 ? nil : places[head] }

  mutating func append(deadline: MonotonicTime, isFresh: Bool, occupiesQueue: Bool) -> LeaseID {
    let id = LeaseID(number: nextNumber)
    nextNumber += 1
    places.append(Place(id: id, deadline: deadline, isFresh: isFresh, occupiesQueue: occupiesQueue))
    count += 1
    return id
  }

  /// Takes the one that waits longest of those that a session suits.
  ///
  /// - Parameter isNew: the session has not carried a request; only such a one suits who asked for a fresh one.
  mutating func takeFirst(isNew: Bool) -> Place? {
    for index in head..<places.count where !places[index].hasLeft && (isNew || !places[index].isFresh) {
      return take(index)
    }
    return nil
  }

  /// Takes the first if its time is over.
  mutating func takeExpired(_ now: MonotonicTime) -> Place? {
    guard let first, first.deadline <= now else { return nil }
    return take(head)
  }

  /// Takes one out by its number; nil when it does not wait here any more.
  mutating func remove(_ id: LeaseID) -> Place? {
    var low = head
    var high = places.count
    while low < high {
      let middle = (low + high) / 2
      if places[middle].id.number < id.number { low = middle + 1 } else { high = middle }
    }
    guard low < places.count, places[low].id == id, !places[low].hasLeft else { return nil }
    return take(low)
  }

  private mutating func take(_ index: Int) -> Place {
    let place = places[index]
    places[index].hasLeft = true
    count -= 1
    while head < places.count, places[head].hasLeft { head += 1 }
    if head == places.count {
      places.removeAll(keepingCapacity: true)
      head = 0
    } else if head >= 64, head * 2 >= places.count {
      places.removeFirst(head)
      head = 0
    }
    return place
  }
}
