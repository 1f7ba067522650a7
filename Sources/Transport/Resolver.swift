internal import CLinux
internal import Glibc
public import Reactor

/// Turns host names into addresses, off the reactors: getaddrinfo blocks, so each look-up has a thread for as long as it lasts.
///
/// Answers are kept for `timeToLive`; an older answer is still used while a newer one is fetched, and for as long as
/// the name server fails (an upstream must not die with DNS). At most `lookupsMax` run at once, the rest wait in line.
public final class Resolver: Sendable {
  /// How many look-ups run at once at most.
  public static let lookupsMax = 8

  /// What a look-up came to.
  public typealias Answer = Result<[SocketAddress], TransportError>

  private struct Name: Hashable {
    let host: String
    let port: UInt16
  }

  private struct Entry {
    var addresses: [SocketAddress] = []
    var freshUntil = MonotonicTime(nanoseconds: 0)
    /// The last look-up's, until one succeeds.
    var failure: TransportError?
    /// How long the answer of the look-up under way will be fresh, as the one who caused it asked.
    var timeToLive = Duration.zero
    var isBeingLookedUp = false
    var waiters: [@Sendable (Answer) -> Void] = []
  }

  private struct State {
    var entries: [Name: Entry] = [:]
    var queue: [Name] = []
    var running = 0
  }

  private let state = Locked(State())
  private let lookUp: @Sendable (String, UInt16) -> Answer

  /// A resolver over the system's configuration (hosts file, name servers).
  public convenience init() { self.init(lookUp: Self.systemLookUp) }

  /// A resolver over `lookUp`, which may block.
  public init(lookUp: @escaping @Sendable (String, UInt16) -> Answer) { self.lookUp = lookUp }

  /// Finds the addresses of `host`; `answer` is called on `reactor`, at once when the answer is known.
  public func resolve(
    _ host: String, port: UInt16, timeToLive: Duration, now: MonotonicTime, on reactor: Reactor,
    answer: @escaping @Sendable (Answer) -> Void
  ) {
    if let literal = SocketAddress(literal: host, port: port) { return answer(.success([literal])) }
    let name = Name(host: host, port: port)
    let (known, started): (Answer?, Name?) = state.withLock { state in
      var entry = state.entries[name] ?? Entry()
      let isDue = now >= entry.freshUntil && !entry.isBeingLookedUp
      let known: Answer?
      if !entry.addresses.isEmpty {
        known = .success(entry.addresses)
      } else if let failure = entry.failure, !isDue, !entry.isBeingLookedUp {
        // Nobody is asking, so nobody would answer who waits.
        known = .failure(failure)
      } else {
        known = nil
        entry.waiters.append { result in reactor.execute { answer(result) } }
      }
      var started: Name?
      if isDue {
        entry.isBeingLookedUp = true
        entry.timeToLive = timeToLive
        state.queue.append(name)
        started = Self.takeNext(&state)
      }
      state.entries[name] = entry
      return (known, started)
    }
    if let started { startThread(started) }
    if let known { answer(known) }
  }

  private static func takeNext(_ state: inout State) -> Name? {
    guard state.running < lookupsMax, !state.queue.isEmpty else { return nil }
    state.running += 1
    return state.queue.removeFirst()
  }

  private func startThread(_ name: Name) {
    final class Work: Sendable {
      let run: @Sendable () -> Void
      init(_ run: @escaping @Sendable () -> Void) { self.run = run }
    }
    let work = Work {
      var next: Name? = name
      while let current = next {
        next = self.finish(current, self.lookUp(current.host, current.port))
      }
    }
    var attributes = pthread_attr_t()
    pthread_attr_init(&attributes)
    pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED))
    var thread = pthread_t()
    let context = Unmanaged.passRetained(work).toOpaque()
    let result = pthread_create(
      &thread, &attributes,
      { context in
        guard let context else { return nil }
        Unmanaged<Work>.fromOpaque(context).takeRetainedValue().run()
        return nil
      }, context)
    pthread_attr_destroy(&attributes)
    if result != 0 {
      Unmanaged<Work>.fromOpaque(context).release()
      var next: Name? = name
      while let current = next { next = finish(current, .failure(.exhausted(result))) }
    }
  }

  /// Records an answer, tells who waits, and gives the next name in line to the same thread.
  private func finish(_ name: Name, _ answer: Answer) -> Name? {
    let now = MonotonicTime.readClock()
    let (waiters, next) = state.withLock { state in
      var entry = state.entries[name] ?? Entry()
      entry.isBeingLookedUp = false
      switch answer {
      case .success(let addresses):
        entry.addresses = addresses
        entry.failure = nil
        entry.freshUntil = now + entry.timeToLive
      case .failure(let error):
        entry.failure = error
        // Asked again soon, not at every connect.
        entry.freshUntil = now + .seconds(1)
      }
      let waiters = entry.waiters
      entry.waiters = []
      state.entries[name] = entry
      state.running -= 1
      return (waiters, Self.takeNext(&state))
    }
    for waiter in waiters { waiter(answer) }
    return next
  }

  /// Whether a look-up failed for want of something here: the library says so of memory alone, and takes a file that it cannot open for one
  /// that is not there.
  private static func exhaustion(_ code: Int32) -> Int32? {
    if code == EAI_MEMORY { return ENOMEM }
    let probe = socket(AF_INET, Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    guard probe < 0 else {
      close(probe)
      return nil
    }
    let code = errno
    return SystemCallError.isExhaustion(code) ? code : nil
  }

  private static let systemLookUp: @Sendable (String, UInt16) -> Answer = { host, port in
    var hints = addrinfo()
    hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
    hints.ai_family = AF_UNSPEC
    hints.ai_flags = AI_ADDRCONFIG
    var list: UnsafeMutablePointer<addrinfo>?
    let code = getaddrinfo(host, String(port), &hints, &list)
    defer { if let list { freeaddrinfo(list) } }
    guard code == 0 else {
      if let exhausted = exhaustion(code) { return .failure(.exhausted(exhausted)) }
      return .failure(.nameNotResolved(String(cString: gai_strerror(code))))
    }
    var addresses: [SocketAddress] = []
    var next = list
    while let entry = next, addresses.count < 32 {
      if let address = entry.pointee.ai_addr, let parsed = SocketAddress(address, length: entry.pointee.ai_addrlen),
        !addresses.contains(parsed)
      {
        addresses.append(parsed)
      }
      next = entry.pointee.ai_next
    }
    return addresses.isEmpty ? .failure(.nameNotResolved("no address")) : .success(addresses)
  }
}
