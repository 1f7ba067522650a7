import Dispatch
import Glibc
import Reactor

/// Something that belongs to a reactor's thread, on its way there through a test.
final class Confined<Value>: @unchecked Sendable {
  var value: Value
  init(_ value: Value) { self.value = value }
}

/// Waits until `condition` holds; false when it does not within `seconds`.
func eventually(within seconds: Double = 5, _ condition: () -> Bool) -> Bool {
  let deadline = MonotonicTime.readClock() + .seconds(seconds)
  while !condition() {
    guard MonotonicTime.readClock() < deadline else { return condition() }
    usleep(500)
  }
  return true
}

/// What happened, in order, written on one thread and read on another.
final class Journal<Entry: Sendable>: Sendable {
  private let list = Locked<[Entry]>([])
  func add(_ entry: Entry) { list.withLock { $0.append(entry) } }
  var entries: [Entry] { list.withLock { $0 } }
  var count: Int { list.withLock { $0.count } }

  /// Waits until there are `count` entries.
  func holds(_ count: Int, within seconds: Double = 5) -> Bool { eventually(within: seconds) { self.count >= count } }
}

private final class Outcome<Result>: @unchecked Sendable {
  var result: Result?
  let done = DispatchSemaphore(value: 0)
}

extension Reactor {
  /// Runs `body` on the reactor's thread and waits for what it gives back.
  func sync<Result>(_ body: @escaping () -> Result) -> Result {
    let box = Outcome<Result>()
    let work = Confined(body)
    execute {
      box.result = work.value()
      box.done.signal()
    }
    precondition(box.done.wait(timeout: .now() + 20) == .success, "the reactor does not answer")
    guard let result = box.result else { preconditionFailure("no result") }
    return result
  }
}

/// Runs `body` with a running reactor, which is stopped afterwards.
func withReactor<Result>(_ body: (Reactor) throws -> Result) rethrows -> Result {
  let group = ReactorGroup(count: 1)
  defer { group.shutDown() }
  return try body(group.reactors[0])
}

/// The same for bodies that wait for tasks.
func withReactorAsync<Result>(_ body: (Reactor) async throws -> Result) async rethrows -> Result {
  let group = ReactorGroup(count: 1)
  defer { group.shutDown() }
  return try await body(group.reactors[0])
}

/// SplitMix64 (Steele, Lea, Flood 2014): the same numbers from the same seed everywhere.
struct SeededGenerator: RandomNumberGenerator {
  private var state: UInt64
  init(seed: UInt64) { state = seed }
  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }
}

/// Starts a thread.
func spawn(_ body: @escaping @Sendable () -> Void) -> pthread_t {
  final class Start: Sendable {
    let body: @Sendable () -> Void
    init(_ body: @escaping @Sendable () -> Void) { self.body = body }
  }
  var thread = pthread_t()
  let context = Unmanaged.passRetained(Start(body)).toOpaque()
  let result = pthread_create(
    &thread, nil,
    { context in
      guard let context else { return nil }
      Unmanaged<Start>.fromOpaque(context).takeRetainedValue().body()
      return nil
    }, context)
  precondition(result == 0, "no thread")
  return thread
}

/// Waits for a thread's end.
func join(_ thread: pthread_t) { pthread_join(thread, nil) }
