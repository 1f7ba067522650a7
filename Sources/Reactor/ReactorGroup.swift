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
  public init(count: Int, processors: [Int] = [], firstIndex: Int = 0) {
    // A peer that is gone must show as EPIPE, not end the process; TLS writes cannot pass MSG_NOSIGNAL.
    sluice_ignore_sigpipe()
    reactors = (0..<max(1, count)).map { Reactor(index: firstIndex + $0) }
    threads = ThreadHandles(
      reactors.enumerated().map { position, reactor in
        Self.start(reactor, processor: processors.isEmpty ? nil : processors[position % processors.count])
      })
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

  private static func start(_ reactor: Reactor, processor: Int?) -> pthread_t {
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
    precondition(result == 0, "cannot start a reactor's thread")
    return thread
  }
}

/// Threads to wait for.
private struct ThreadHandles: Sendable {
  private let threads: [UInt]
  init(_ threads: [pthread_t]) { self.threads = threads.map { UInt($0) } }
  func join() { for thread in threads { pthread_join(pthread_t(thread), nil) } }
}
