internal import CLinux
internal import Glibc
internal import Synchronization

/// One event loop on one thread: descriptors, timers, tasks and messages of a core.
///
/// Everything that belongs to a connection (both sockets of a request, its timers, the actors that it asks) lives on one reactor
/// from accept to close, so the byte path takes no lock and makes no hop. A turn of the loop is: jobs and messages, wait,
/// ready descriptors, due timers, end-of-turn work.
///
/// `@unchecked Sendable`: other threads touch the inbox alone (`execute`, `enqueue`, `stop`); all else is the loop thread's, which debug
/// builds check. The compiler cannot express "the same thread as that actor"; a hop instead would cost more than a request.
public final class Reactor: @unchecked Sendable {
  /// Bytes left free in front of what `receiveBuffer` receives: room for a response head, a chunk's size line or the unfinished tail of
  /// the read before, so that they and the new bytes leave in one send without being moved.
  public static let headRoom = 16_384
  /// The most that one read takes.
  public static let readBytesMax = 65_536
  /// Bytes left free behind a full read: the end of a chunk and the last chunk.
  public static let tailRoom = 64

  /// This reactor's number, counted from 0.
  public let index: Int
  /// The buffer that every socket of this reactor receives into: `headRoom + readBytesMax + tailRoom` bytes. Valid until the next read.
  public let receiveBuffer: UnsafeMutableRawBufferPointer
  /// The time at the start of this turn's event handling. Reading the clock once a turn is exact enough for time-outs and statistics.
  public private(set) var now: MonotonicTime

  private let epoll: Int32
  private let inbox: Inbox
  private var slots = SlotTable<Registration>()
  private var timers: TimerWheel<Timer>
  private var jobs: [UnownedJob] = []
  private var jobsRunning: [UnownedJob] = []
  private var messagesTaken: [Inbox.Message] = []
  private var endOfTurn: [() -> Void] = []
  private var endOfTurnRunning: [() -> Void] = []
  private var events: UnsafeMutableBufferPointer<sluice_epoll_event>
  private var isStopping = false
  /// The loop's thread; 0 before `run`. Atomic, for other threads ask whether they are it.
  private let thread = Atomic<UInt>(0)

  private struct Registration {
    let descriptor: Int32
    let handler: any EventHandler
  }

  fileprivate struct Timer {
    let handler: any TimerHandler
    let token: UInt32
  }

  /// A started timer's name.
  public struct TimerID: Sendable {
    fileprivate let id: TimerWheel<Timer>.TimerID
  }

  /// Makes a reactor; it does nothing until `run` is called on the thread that is to be its own.
  public init(index: Int) throws(SystemCallError) {
    let inbox = try Inbox()
    let epoll = epoll_create1(Int32(EPOLL_CLOEXEC))
    guard epoll >= 0 else { throw SystemCallError(code: errno, operation: "cannot make a reactor (epoll_create1)") }
    // A loop that nothing can wake would serve nobody.
    guard sluice_epoll_control(epoll, EPOLL_CTL_ADD, inbox.wakeDescriptor, Readiness.readable.rawValue, UInt64.max) == 0
    else {
      let code = errno
      close(epoll)
      throw SystemCallError(code: code, operation: "cannot make a reactor (epoll_ctl)")
    }
    self.index = index
    self.inbox = inbox
    self.epoll = epoll
    now = MonotonicTime.readClock()
    timers = TimerWheel(now: now)
    receiveBuffer = .allocate(byteCount: Self.headRoom + Self.readBytesMax + Self.tailRoom, alignment: 64)
    receiveBuffer.initializeMemory(as: UInt8.self, repeating: 0)
    events = .allocate(capacity: 512)
    events.initialize(repeating: sluice_epoll_event())
  }

  deinit {
    receiveBuffer.deallocate()
    events.deallocate()
    close(epoll)
  }

  // MARK: The loop

  /// Runs the loop on the calling thread until `stop`.
  public func run() {
    thread.store(pthread_self(), ordering: .relaxed)
    while true {
      runJobs()
      runEndOfTurn()
      if isStopping { break }
      wait()
    }
    letGo()
    // A later thread may be given the same number.
    thread.store(0, ordering: .relaxed)
  }

  /// Lets go of all that still waits. Handlers and messages hold this reactor, and it them: none of them would ever be freed.
  private func letGo() {
    // Only emptied here and let go of at the end: what they do in their `deinit` finds everything in order.
    let held = (slots, timers, endOfTurn)
    slots = SlotTable()
    timers = TimerWheel(now: now)
    endOfTurn = []
    // A task cannot be dropped, but be brought to its end; one that has none is left.
    for _ in 0..<16 {
      takeMessages()
      runJobs()
    }
    inbox.close()
    var unread: [Inbox.Message] = []
    inbox.takeAll(into: &unread)
    withExtendedLifetime((held, unread)) {}
  }

  /// Ends `run` after the current turn. May be called from any thread.
  public func stop() {
    execute { self.isStopping = true }
  }

  private func wait() {
    var timeoutMilliseconds: Int32 = -1
    if !jobs.isEmpty || !endOfTurn.isEmpty {
      timeoutMilliseconds = 0
    } else if let wake = timers.nextWake {
      let nanoseconds = wake.nanoseconds(since: MonotonicTime.readClock())
      timeoutMilliseconds = Int32(clamping: (nanoseconds &+ 999_999) / 1_000_000)
    }
    let count = sluice_epoll_wait(epoll, events.baseAddress, 512, timeoutMilliseconds)
    now = MonotonicTime.readClock()
    // An empty wheel is brought up to date first, so that a long idle time is not walked tick by tick later.
    if timers.count == 0 { timers.advance(to: now) }
    // EINTR is a turn without events.
    if count > 0 {
      for position in 0..<Int(count) { dispatch(events[position]) }
    }
    fireTimers()
  }

  private func dispatch(_ event: sluice_epoll_event) {
    if event.data == UInt64.max {
      inbox.clearWake()
      takeMessages()
      return
    }
    guard let registration = slots[SlotID(word: event.data)] else { return }
    registration.handler.ready(Readiness(rawValue: event.events))
  }

  private func fireTimers() {
    timers.advance(to: now)
    // One at a time: a handler may cancel a timer that is due in the same turn.
    while let timer = timers.takeDue() { timer.handler.timerFired(token: timer.token) }
  }

  private func takeMessages() {
    inbox.takeAll(into: &messagesTaken)
    var taken: [Inbox.Message] = []
    swap(&taken, &messagesTaken)
    for message in taken {
      switch message {
      case .job(let job): jobs.append(job)
      case .closure(let closure): closure()
      }
    }
    taken.removeAll(keepingCapacity: true)
    swap(&taken, &messagesTaken)
  }

  /// Runs what is runnable now; what these jobs enqueue in turn runs in the next round, up to a bound, so that sockets are not starved.
  private func runJobs() {
    var rounds = 0
    while !jobs.isEmpty && rounds < 64 {
      swap(&jobs, &jobsRunning)
      for job in jobsRunning {
        job.runSynchronously(isolatedTo: asUnownedSerialExecutor(), taskExecutor: asUnownedTaskExecutor())
      }
      jobsRunning.removeAll(keepingCapacity: true)
      rounds += 1
    }
  }

  private func runEndOfTurn() {
    guard !endOfTurn.isEmpty else { return }
    swap(&endOfTurn, &endOfTurnRunning)
    for closure in endOfTurnRunning { closure() }
    endOfTurnRunning.removeAll(keepingCapacity: true)
  }

  // MARK: Descriptors

  /// The most descriptors that this reactor watches. The system has a bound of its own (fs.epoll.max_user_watches, a container's memory), at
  /// which `register` fails in the same way.
  public var watchesMax = Int.max

  /// Watches `descriptor` (level-triggered). The reactor keeps `handler` alive until `deregister`.
  ///
  /// - Throws: when the system refuses (ENOSPC, ENOMEM). Nothing is registered then; the descriptor is still the caller's, to be closed.
  public func register(
    _ descriptor: Int32, _ interest: Readiness, _ handler: any EventHandler
  ) throws(SystemCallError) -> SlotID {
    assertOnReactor()
    guard slots.count < watchesMax else { throw Self.watchRefused(ENOSPC) }
    let id = slots.insert(Registration(descriptor: descriptor, handler: handler))
    guard sluice_epoll_control(epoll, EPOLL_CTL_ADD, descriptor, interest.rawValue, id.word) == 0 else {
      let code = errno
      slots.remove(id)
      throw Self.watchRefused(code)
    }
    return id
  }

  private static func watchRefused(_ code: Int32) -> SystemCallError {
    SystemCallError(code: code, operation: "cannot watch a descriptor (epoll_ctl)")
  }

  /// Changes what is waited for. A connection for which the system refuses that is ended, so that its handler meets the end instead of
  /// waiting for what would never be told.
  public func setInterest(_ id: SlotID, _ interest: Readiness) {
    guard !changeInterest(id, interest), let registration = slots[id] else { return }
    Socket.shutdownBoth(registration.descriptor)
  }

  /// Changes what is waited for; false when the system refuses, and all is as it was.
  public func changeInterest(_ id: SlotID, _ interest: Readiness) -> Bool {
    assertOnReactor()
    guard let registration = slots[id] else { return true }
    return sluice_epoll_control(epoll, EPOLL_CTL_MOD, registration.descriptor, interest.rawValue, id.word) == 0
  }

  /// Stops watching; events of this turn that are still to be dispatched no longer reach the handler. The caller closes the descriptor afterwards.
  public func deregister(_ id: SlotID) {
    assertOnReactor()
    guard let registration = slots.remove(id) else { return }
    _ = sluice_epoll_control(epoll, EPOLL_CTL_DEL, registration.descriptor, 0, 0)
  }

  /// How many descriptors are registered.
  public var registeredCount: Int { slots.count }

  // MARK: Timers

  /// How many timers wait.
  public var timerCount: Int { timers.count }

  /// Calls `handler` with `token` at `deadline` or at most a tick (4 ms) and a turn later, never before. Keeps `handler` alive until then.
  public func startTimer(at deadline: MonotonicTime, _ handler: any TimerHandler, token: UInt32 = 0) -> TimerID {
    assertOnReactor()
    return TimerID(id: timers.start(at: deadline, Timer(handler: handler, token: token)))
  }

  /// Cancels a timer; harmless when it has fired.
  public func cancelTimer(_ id: TimerID) {
    assertOnReactor()
    timers.cancel(id.id)
  }

  // MARK: Work from here and elsewhere

  /// Runs `closure` on the reactor's thread in a coming turn. May be called from any thread; calls from one thread keep their order.
  public func execute(_ closure: @escaping @Sendable () -> Void) {
    inbox.put(.closure(closure))
  }

  /// Runs `work` on this reactor's own thread at the end of the current turn: for what several events of a turn share, such as one flush.
  public func atEndOfTurn(_ work: @escaping () -> Void) {
    assertOnReactor()
    endOfTurn.append(work)
  }

  /// Whether the caller runs on this reactor's thread.
  public var isCurrent: Bool {
    thread.load(ordering: .relaxed) == pthread_self()
  }

  /// Debug builds trap when the caller is on another thread.
  @inline(__always)
  public func assertOnReactor() {
    assert(isCurrent || thread.load(ordering: .relaxed) == 0, "reactor \(index) was touched from another thread")
  }
}

extension Reactor: SerialExecutor, TaskExecutor {
  /// Takes a job of a task or an actor that belongs here. May be called from any thread.
  public func enqueue(_ job: consuming ExecutorJob) {
    let job = UnownedJob(job)
    if isCurrent {
      jobs.append(job)
    } else {
      inbox.put(.job(job))
    }
  }

  /// This reactor as an actor's executor.
  public func asUnownedSerialExecutor() -> UnownedSerialExecutor { UnownedSerialExecutor(ordinary: self) }

  /// This reactor as a task's preferred executor.
  public func asUnownedTaskExecutor() -> UnownedTaskExecutor { UnownedTaskExecutor(ordinary: self) }

  /// Lets `assumeIsolated` succeed on the reactor's thread.
  public func checkIsolated() {
    precondition(isCurrent, "expected to run on reactor \(index)")
  }

  /// Says whether the caller is isolated to this reactor.
  public func isIsolatingCurrentContext() -> Bool? { isCurrent }

  /// Starts a task whose every step runs on this reactor. The only way tasks are started on the data plane: one that prefers no executor
  /// costs 8 to 18 µs per suspension.
  @discardableResult
  public func startTask(_ body: @escaping @Sendable () async -> Void) -> Task<Void, Never> {
    Task(executorPreference: self) { await body() }
  }

  /// Suspends the calling task until `deadline` on this reactor's timers. Returns early when the task is cancelled.
  public func sleep(until deadline: MonotonicTime) async {
    let sleeper = Sleeper()
    await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        execute { sleeper.begin(self, deadline, continuation) }
      }
    } onCancel: {
      execute { sleeper.end() }
    }
  }
}

/// One sleeping task. Confined to the reactor's thread: touched only inside `execute` and by the timer.
private final class Sleeper: TimerHandler, @unchecked Sendable {
  private var continuation: CheckedContinuation<Void, Never>?
  private var timer: (reactor: Reactor, id: Reactor.TimerID)?
  private var isOver = false

  func begin(_ reactor: Reactor, _ deadline: MonotonicTime, _ continuation: CheckedContinuation<Void, Never>) {
    guard !isOver else { return continuation.resume() }
    self.continuation = continuation
    timer = (reactor, reactor.startTimer(at: deadline, self))
  }

  func end() {
    isOver = true
    // A cancelled sleep of ten minutes must not stay in the wheel for ten minutes.
    if let timer { timer.reactor.cancelTimer(timer.id) }
    timer = nil
    continuation?.resume()
    continuation = nil
  }

  func timerFired(token: UInt32) { end() }
}

extension Reactor {
  /// Runs `body` on this reactor's thread and gives back what it makes: how other threads ask a reactor's objects.
  public func run<Result: Sendable>(_ body: @escaping @Sendable () -> Result) async -> Result {
    await withCheckedContinuation { continuation in
      execute { continuation.resume(returning: body()) }
    }
  }

  /// The same for what may fail.
  public func attempt<Result: Sendable, Failure: Error>(
    _ body: @escaping @Sendable () throws(Failure) -> Result
  ) async throws(Failure) -> Result {
    let outcome: Swift.Result<Result, Failure> = await run {
      do throws(Failure) {
        return .success(try body())
      } catch {
        return .failure(error)
      }
    }
    return try outcome.get()
  }
}
