import CLinux
import Dispatch
import Glibc
import Reactor

/// A thread that nobody waits for. The process' end is its end at the latest, whatever it hangs in.
enum DetachedThread {
  /// Runs `body` on a thread of its own.
  ///
  /// - Returns: false when the system gives no thread.
  static func start(_ name: String, _ body: @escaping @Sendable () -> Void) -> Bool {
    let start = Unmanaged.passRetained(Start(name, body))
    var thread = pthread_t()
    let result = pthread_create(
      &thread, nil,
      { context in
        guard let context else { return nil }
        let start = Unmanaged<Start>.fromOpaque(context).takeRetainedValue()
        sluice_name_thread(start.name)
        start.body()
        return nil
      }, start.toOpaque())
    guard result == 0 else {
      start.release()
      return false
    }
    pthread_detach(thread)
    return true
  }

  private final class Start: Sendable {
    let name: String
    let body: @Sendable () -> Void
    init(_ name: String, _ body: @escaping @Sendable () -> Void) {
      self.name = name
      self.body = body
    }
  }
}

/// Work that may block, such as reading a file from a disk that is away, done beside the threads that everybody shares: Swift's pool has as many
/// as there are processors, and tasks that handle signals and drain need one.
enum BlockingWork {
  /// Does `work` on a thread of its own and waits for it, at most so long. What is not done by then is abandoned with its thread.
  ///
  /// - Returns: nil when it was not done in time, or no thread could be had.
  static func run<Result: Sendable>(within limit: Duration, _ work: @escaping @Sendable () -> Result) -> Result? {
    let outcome = Locked<Result?>(nil)
    let isDone = DispatchSemaphore(value: 0)
    let isStarted = DetachedThread.start("blocking-work") {
      let result = work()
      outcome.withLock { $0 = result }
      isDone.signal()
    }
    guard isStarted else { return nil }
    _ = isDone.wait(timeout: .now() + .milliseconds(Int(limit / .milliseconds(1))))
    return outcome.withLock { $0 }
  }

  /// The same for tasks: the caller's thread is free meanwhile.
  static func result<Result: Sendable>(
    within limit: Duration, _ work: @escaping @Sendable () -> Result
  ) async -> Result? {
    await withCheckedContinuation { continuation in
      let isStarted = DetachedThread.start("waiting") { continuation.resume(returning: run(within: limit, work)) }
      if !isStarted { continuation.resume(returning: nil) }
    }
  }
}
