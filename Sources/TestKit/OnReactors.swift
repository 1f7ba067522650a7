internal import Dispatch
internal import Glibc
public import Reactor

/// Something that belongs to a reactor's thread, on its way there through a test.
public final class Confined<Value>: @unchecked Sendable {
  /// The thing.
  public var value: Value
  /// Confines it.
  public init(_ value: Value) { self.value = value }
}

/// What happened, in order, written on one thread and read on another.
public final class Journal<Entry: Sendable>: Sendable {
  private let list = Locked<[Entry]>([])

  /// Nothing yet.
  public init() {}

  /// Notes what happened.
  public func add(_ entry: Entry) { list.withLock { $0.append(entry) } }
  /// All, in order.
  public var entries: [Entry] { list.withLock { $0 } }
  /// How many.
  public var count: Int { list.withLock { $0.count } }

  /// Waits until there are `count` entries.
  public func holds(_ count: Int, within seconds: Double = 5) -> Bool {
    waitUntil(timeout: .seconds(seconds)) { self.count >= count }
  }
}

private final class Outcome<Result>: @unchecked Sendable {
  var result: Result?
  let done = DispatchSemaphore(value: 0)
}

extension ReactorGroup {
  /// A running group; a test cannot go on without one.
  public static func started(count: Int = 1, processors: [Int] = [], firstIndex: Int = 0) -> ReactorGroup {
    do {
      return try ReactorGroup(count: count, processors: processors, firstIndex: firstIndex)
    } catch {
      preconditionFailure("no reactors: \(error)")
    }
  }
}

extension Reactor {
  /// Runs `body` on the reactor's thread and waits for what it gives back.
  public func sync<Result>(_ body: @escaping () -> Result) -> Result {
    let box = Outcome<Result>()
    let work = Confined(body)
    execute {
      box.result = work.value()
      box.done.signal()
    }
    precondition(box.done.wait(timeout: .now() + 20 * testPatience) == .success, "the reactor does not answer")
    guard let result = box.result else { preconditionFailure("no result") }
    return result
  }
}

/// Runs `body` with a running reactor, which is stopped afterwards.
public func withReactor<Result>(_ body: (Reactor) throws -> Result) rethrows -> Result {
  let group = ReactorGroup.started()
  defer { group.shutDown() }
  return try body(group.reactors[0])
}

/// The same for bodies that wait for tasks.
public func withReactorAsync<Result>(_ body: (Reactor) async throws -> Result) async rethrows -> Result {
  let group = ReactorGroup.started()
  defer { group.shutDown() }
  return try await body(group.reactors[0])
}
