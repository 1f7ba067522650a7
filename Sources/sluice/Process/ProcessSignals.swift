import CLinux
import Glibc
import Reactor

/// The signals of a gateway's process.
///
/// Handlers put each signal into a pipe that a thread of its own reads, so that no reactor and no thread of Swift's pool is needed to take
/// one. A second SIGTERM or SIGINT ends the process inside the handler (`sluice_signals_install`); a first one that leads to no end is
/// brought to one by the thread, `limit` after it.
final class ProcessSignals: Sendable {
  /// What signals ask for. Those that come close together are told at once.
  struct Requests: OptionSet, Sendable {
    let rawValue: Int
    /// SIGTERM, SIGINT: finish what runs, then end.
    static let end = Requests(rawValue: 1)
    /// SIGHUP: read the configuration again, open the log files anew.
    static let reload = Requests(rawValue: 2)
    /// SIGUSR1: open the log files anew.
    static let reopenLogs = Requests(rawValue: 4)
    /// SIGUSR2: log how things stand.
    static let report = Requests(rawValue: 8)

    fileprivate init(signal: Int32) {
      self =
        switch signal {
        case SIGTERM, SIGINT: .end
        case SIGHUP: [.reload, .reopenLogs]
        case SIGUSR1: .reopenLogs
        case SIGUSR2: .report
        default: []
        }
    }

    init(rawValue: Int) { self.rawValue = rawValue }
  }

  private struct State {
    var pending: Requests = []
    var limit = Duration.seconds(2)
  }

  private let state = Locked(State())
  private let arrivals: AsyncStream<Void>
  private let arrived: AsyncStream<Void>.Continuation

  /// Takes over the process' signals. Once for a process, before what may hang begins.
  init() throws {
    (arrivals, arrived) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    let pipe = sluice_signals_install()
    guard pipe >= 0 else { throw SourceError("No pipe for signals: \(String(cString: strerror(errno))).") }
    guard DetachedThread.start("signals", { [self] in read(pipe) }) else {
      throw SourceError("No thread for signals: \(String(cString: strerror(errno))).")
    }
  }

  /// From here on the first SIGTERM or SIGINT is told by `next` instead of ending the process at once.
  func deferEnd() { sluice_signals_defer_end() }

  /// How long the process may go on after the first SIGTERM or SIGINT.
  func setLimit(_ limit: Duration) { state.withLock { $0.limit = limit } }

  /// Waits for signals; an empty set says that there will be none.
  func next() async -> Requests {
    var iterator = arrivals.makeAsyncIterator()
    while await iterator.next() != nil {
      let requests = take()
      if !requests.isEmpty { return requests }
    }
    return []
  }

  private func take() -> Requests {
    state.withLock { state in
      defer { state.pending = [] }
      return state.pending
    }
  }

  private func read(_ pipe: Int32) {
    var endAskedAt: MonotonicTime?
    var bytes = [UInt8](repeating: 0, count: 256)
    while true {
      var timeout: Int32 = -1
      if let endAskedAt {
        let left = (endAskedAt + state.withLock { $0.limit }).nanoseconds(since: MonotonicTime.readClock())
        guard left > 0 else { Self.giveUp() }
        timeout = Int32(clamping: left / 1_000_000 + 1)
      }
      var waited = pollfd(fd: pipe, events: Int16(POLLIN), revents: 0)
      guard poll(&waited, 1, timeout) > 0 else { continue }
      let count = Glibc.read(pipe, &bytes, bytes.count)
      guard count > 0 else { continue }
      let requests = bytes[..<count].reduce(into: Requests()) { $0.formUnion(Requests(signal: Int32($1))) }
      if requests.contains(.end), endAskedAt == nil { endAskedAt = MonotonicTime.readClock() }
      state.withLock { $0.pending.formUnion(requests) }
      arrived.yield()
    }
  }

  private static func giveUp() -> Never {
    StandardError.write("sluice: the end took longer than server.drain allows; ended without waiting further\n")
    _exit(1)
  }
}
