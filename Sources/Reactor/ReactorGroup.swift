internal import CLinux
internal import Glibc

/// The process' reactors, each on a thread of its own.
public final class ReactorGroup: Sendable {
  /// The reactors, in the order of their index.
  public let reactors: [Reactor]
  private let threads: ThreadHandles

  /// Starts `count` reactors.
  ///
  /// - Parameters:
  ///   - processors: pins reactor i to `processors[i % count]`; empty leaves placement to the kernel.
  ///   - firstIndex: the index of the first, when a process has several groups.
  /// - Throws: when the system has no descriptor, memory or thread left for them. Nothing runs then.
  public init(count: Int, processors: [Int] = [], firstIndex: Int = 0) throws(SystemCallError) {
    // A peer that is gone must show as EPIPE, not end the process; TLS writes cannot pass MSG_NOSIGNAL.
    sluice_ignore_sigpipe()
    var reactors: [Reactor] = []
    for position in 0..<max(1, count) { reactors.append(try Reactor(index: firstIndex + position)) }
    var threads: [pthread_t] = []
    do throws(SystemCallError) {
      for (position, reactor) in reactors.enumerated() {
        let processor = processors.isEmpty ? nil : processors[position % processors.count]
        threads.append(try Self.start(reactor, processor: processor))
      }
    } catch {
      for reactor in reactors.prefix(threads.count) { reactor.stop() }
      ThreadHandles(threads).join()
      throw error
    }
    self.reactors = reactors
    self.threads = ThreadHandles(threads)
  }

  /// Runs `body` on every reactor's thread.
  public func onEach(_ body: @escaping @Sendable (Reactor) -> Void) {
    for reactor in reactors { reactor.execute { body(reactor) } }
  }

  /// Stops all loops and waits for their threads' end. Not to be called on a reactor.
  public func shutDown() {
    for reactor in reactors { reactor.stop() }
    threads.join()
  }

  private final class Start: Sendable {
    let reactor: Reactor
    let processor: Int?
    init(_ reactor: Reactor, _ processor: Int?) {
      self.reactor = reactor
      self.processor = processor
    }
  }

  private static func start(_ reactor: Reactor, processor: Int?) throws(SystemCallError) -> pthread_t {
    var thread = pthread_t()
    let context = Unmanaged.passRetained(Start(reactor, processor)).toOpaque()
    let result = pthread_create(
      &thread, nil,
      { context in
        guard let context else { return nil }
        let start = Unmanaged<Start>.fromOpaque(context).takeRetainedValue()
        if let processor = start.processor { _ = sluice_pin_thread(Int32(processor)) }
        sluice_name_thread("reactor-\(start.reactor.index)")
        start.reactor.run()
        return nil
      }, context)
    guard result == 0 else {
      Unmanaged<Start>.fromOpaque(context).release()
      throw SystemCallError(code: result, operation: "cannot start a reactor's thread (pthread_create)")
    }
    return thread
  }
}

/// Threads to wait for.
private struct ThreadHandles: Sendable {
  private let threads: [UInt]
  init(_ threads: [pthread_t]) { self.threads = threads.map { UInt($0) } }
  func join() { for thread in threads { pthread_join(pthread_t(thread), nil) } }
}
