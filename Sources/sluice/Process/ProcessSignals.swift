import CLinux
import Glibc
import Reactor

/// The signals of a gateway's process.
///
/// Handlers put each signal into a pipe that a thread of its own reads, so that no reactor and no thread of Swift's pool is needed to take
/// one. The first SIGTERM or SIGINT asks for the end, the second for an end now; where nobody brings it about, the thread does, after `limit`
/// and `nowLimit`. A third ends the process inside the handler (`sluice_signals_install`).
final class ProcessSignals: Sendable {
  /// What signals ask for. Those that come close together are told at once.
  struct Requests: OptionSet, Sendable {
    let rawValue: Int
    /// SIGTERM, SIGINT: finish what runs, then end.
    static let end = Requests(rawValue: 1)
    /// The same a second time: cut what runs.
    static let endNow = Requests(rawValue: 16)
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

  /// How long the process may go on after the second SIGTERM or SIGINT.
  private static let nowLimit = Duration.seconds(1)

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
    var ending = Ending()
    var bytes = [UInt8](repeating: 0, count: 256)
    while true {
      var timeout: Int32 = -1
      if let end = ending.deadline(limit: state.withLock { $0.limit }, nowLimit: Self.nowLimit) {
        let left = end.nanoseconds(since: MonotonicTime.readClock())
        guard left > 0 else { ending.giveUp() }
        timeout = Int32(clamping: left / 1_000_000 + 1)
      }
      var waited = pollfd(fd: pipe, events: Int16(POLLIN), revents: 0)
      guard poll(&waited, 1, timeout) > 0 else { continue }
      let count = Glibc.read(pipe, &bytes, bytes.count)
      guard count > 0 else { continue }
      var requests: Requests = []
      for signal in bytes[..<count].map(Int32.init) {
        requests.formUnion(Requests(signal: signal))
        if Requests(signal: signal) == .end, ending.isSecond(signal) { requests.formUnion(.endNow) }
      }
      state.withLock { $0.pending.formUnion(requests) }
      arrived.yield()
    }
  }

  /// When the end was asked for, and how often.
  private struct Ending {
    private var firstAt: MonotonicTime?
    private var secondAt: MonotonicTime?
    private var signal: Int32 = 0

    /// Notes a SIGTERM or SIGINT.
    mutating func isSecond(_ signal: Int32) -> Bool {
      guard firstAt != nil else {
        firstAt = MonotonicTime.readClock()
        return false
      }
      if secondAt == nil { secondAt = MonotonicTime.readClock() }
      self.signal = signal
      return true
    }

    func deadline(limit: Duration, nowLimit: Duration) -> MonotonicTime? {
      guard let firstAt else { return nil }
      guard let secondAt else { return firstAt + limit }
      return min(firstAt + limit, secondAt + nowLimit)
    }

    func giveUp() -> Never {
      StandardError.write("sluice: the end took too long; ended without waiting further\n")
      _exit(secondAt == nil ? 1 : 128 + signal)
    }
  }
}
