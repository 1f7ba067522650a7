internal import Glibc
internal import Reactor
internal import Transport

/// Whom a connection tells what became of it and of what it carried.
protocol RedisConnectionOwner: AnyObject {
  func connectionReady(_ connection: RedisConnection)
  /// Told before the calls that it carried.
  func connectionEnded(_ connection: RedisConnection, _ loss: RedisLoss)
  func callEnded(_ call: RedisCall, _ result: Result<RedisReply, RedisError>, on connection: RedisConnection)
}

/// One connection's life: rests until its time, finds the address, connects, secures, greets, carries commands, ends. It is not used twice.
///
/// Commands are pipelined: those of one reactor turn leave in one write, replies are matched in order. Commands that come before the server's
/// welcome wait unencoded, so that one whose deadline passes meanwhile is never sent. A command whose deadline passes later keeps its place,
/// for its reply still comes; if no reply at all comes for `replyTimeMax`, the connection is stuck and ends.
///
/// `@unchecked Sendable`: confined to its reactor's thread; the resolver's answer, which comes by `reactor.execute`, needs to carry it.
final class RedisConnection: EventHandler, TimerHandler, @unchecked Sendable {
  enum Target {
    case endpoint(RedisEndpoint)
    case master(SentinelLocator)
  }

  enum Phase: Equatable {
    case resting(until: MonotonicTime)
    case locating
    case connecting
    case securing
    case greeting
    case ready
    case closed
  }

  /// A command that was encoded and has no reply yet.
  struct Pending {
    /// Nil when nobody waits any more, or for an `ASKING`.
    var call: RedisCall?
    /// The count of bytes ever written at which it ends.
    let end: UInt64
  }

  enum TimerToken: UInt32 { case rest, connect, sweep }

  let context: RedisContext
  let reactor: Reactor
  let target: Target
  let credentials: RedisCredentials?
  let database: Int
  weak var owner: (any RedisConnectionOwner)?

  var phase: Phase
  /// Where it goes; known from the beginning, or once a sentinel has told.
  var endpoint: RedisEndpoint?
  var addresses: [SocketAddress] = []
  var stream = ByteStream(descriptor: -1, tls: nil)
  var slot: SlotID?
  var connectTimer: Reactor.TimerID?
  var greetings = RequestQueue<Greeting>()
  /// When the server had welcomed us.
  var readyAt: MonotonicTime?

  private var queued: [RedisCall] = []
  private var queuedBytes = 0
  private var pending = RequestQueue<Pending>()
  private var reader: ReplyReader
  private var output: [UInt8] = []
  private var outputSent = 0
  private var writtenTotal: UInt64 = 0
  private var sentTotal: UInt64 = 0
  private var isFlushScheduled = false
  private var isWaitingToSend = false
  private var isRetiring = false
  /// Held while it retires: a node that was given up must hear how its last commands ended.
  private var lastOwner: (any RedisConnectionOwner)?
  private var sweepTimer: Reactor.TimerID?
  private var sweepAt = MonotonicTime.never
  /// The last reply, or the first command after a pause.
  private(set) var lastProgress: MonotonicTime

  /// Capacity that an idle connection keeps for what it will send.
  private static let outputCapacityKept = 65_536

  /// A connection that begins to connect at `restUntil`.
  init(
    context: RedisContext, target: Target, credentials: RedisCredentials?, database: Int,
    restUntil: MonotonicTime, owner: any RedisConnectionOwner
  ) {
    self.context = context
    reactor = context.reactor
    self.target = target
    self.credentials = credentials
    self.database = database
    self.owner = owner
    phase = .resting(until: restUntil)
    reader = ReplyReader(limits: context.settings.replyLimits)
    lastProgress = context.reactor.now
    if case .endpoint(let endpoint) = target { self.endpoint = endpoint }
  }

  var isReady: Bool { phase == .ready }
  var isClosed: Bool { phase == .closed }
  /// Whether it carries nothing.
  var isIdle: Bool { pending.isEmpty && queued.isEmpty }

  // MARK: Commands

  /// Takes a command, or says why not. Its end is told to the owner, never from inside this call.
  func submit(_ call: RedisCall) -> RedisError? {
    let limits = context.settings.limits
    let bytes = call.command.byteCount
    guard bytes <= limits.commandBytesMax else { return .commandTooLong(bytesMax: limits.commandBytesMax) }
    guard pending.count + queued.count < limits.commandsInFlightMax else {
      return .tooManyCommands(commandsMax: limits.commandsInFlightMax)
    }
    guard output.count - outputSent + queuedBytes + bytes <= limits.bytesWaitingMax else {
      return .tooManyBytes(bytesMax: limits.bytesWaitingMax)
    }
    switch phase {
    case .closed: return .notConnected(nil)
    case .resting(let until) where until >= call.deadline: return .notConnected(nil)
    case .ready:
      if pending.isEmpty { lastProgress = reactor.now }
      encode(call)
      scheduleFlush()
    case .resting, .locating, .connecting, .securing, .greeting:
      queued.append(call)
      queuedBytes += bytes
    }
    watch(call.deadline)
    return nil
  }

  private func encode(_ call: RedisCall) {
    let before = output.count
    if call.redirection?.isAsk == true {
      RedisCommand("ASKING").encode(into: &output)
      pending.append(Pending(call: nil, end: writtenTotal &+ UInt64(output.count &- before)))
    }
    call.command.encode(into: &output)
    writtenTotal &+= UInt64(output.count &- before)
    pending.append(Pending(call: call, end: writtenTotal))
  }

  /// Sends the greeting ahead of everything.
  func write(greeting command: RedisCommand) {
    let before = output.count
    command.encode(into: &output)
    writtenTotal &+= UInt64(output.count &- before)
  }

  /// The server has welcomed us: what waited may go.
  func release() {
    phase = .ready
    readyAt = reactor.now
    lastProgress = reactor.now
    let waiting = queued
    queued = []
    queuedBytes = 0
    for call in waiting { encode(call) }
    if isRetiring && isIdle { return end(.replaced) }
    if !waiting.isEmpty { scheduleFlush() }
    owner?.connectionReady(self)
  }

  // MARK: Sending

  /// One write for all that this turn brings.
  private func scheduleFlush() {
    guard !isFlushScheduled, !isWaitingToSend else { return }
    isFlushScheduled = true
    reactor.atEndOfTurn { [self] in
      isFlushScheduled = false
      if phase == .ready { flush() }
    }
  }

  func flush() {
    guard outputSent < output.count else { return }
    let outcome = output.withUnsafeBytes { bytes in
      stream.send(UnsafeRawBufferPointer(rebasing: bytes[outputSent...]))
    }
    switch outcome {
    case .bytes(let count):
      outputSent += count
      sentTotal &+= UInt64(count)
    case .wouldBlock: break
    case .end: return end(.closedByServer)
    case .failed(let code): return end(.transport(.broken(code)))
    }
    if outputSent == output.count {
      output.removeAll(keepingCapacity: output.capacity <= Self.outputCapacityKept)
      outputSent = 0
    } else if outputSent > output.count / 2 {
      output.removeFirst(outputSent)
      outputSent = 0
    }
    let isWaiting = !output.isEmpty
    guard isWaiting != isWaitingToSend else { return }
    isWaitingToSend = isWaiting
    if let slot { reactor.setInterest(slot, isWaiting ? [.readable, .writable] : .readable) }
  }

  // MARK: Receiving

  func ready(_ readiness: Readiness) {
    switch phase {
    case .connecting: return connectEnded()
    case .securing: return continueHandshake()
    case .greeting, .ready: break
    case .resting, .locating, .closed: return
    }
    if isWaitingToSend && readiness.contains(.writable) { flush() }
    guard !isClosed, !readiness.isDisjoint(with: [.readable, .failed, .hungUp, .peerClosed]) else { return }
    read()
  }

  private func read() {
    let room = UnsafeMutableRawBufferPointer(
      rebasing: reactor.receiveBuffer[Reactor.headRoom..<Reactor.headRoom + Reactor.readBytesMax])
    switch stream.receive(into: room) {
    case .bytes(let count):
      reader.feed(UnsafeRawBufferPointer(rebasing: room[..<count]).bytes)
      takeReplies()
    case .wouldBlock: break
    case .end: end(.closedByServer)
    case .failed(let code): end(.transport(.broken(code)))
    }
  }

  private func takeReplies() {
    do throws(ReplyViolation) {
      // What a reply sets off may end this connection.
      while !isClosed, let reply = try reader.next() {
        if phase == .greeting {
          greeted(reply)
          continue
        }
        guard let answered = pending.popFirst() else { throw .unexpectedReply }
        lastProgress = reactor.now
        if let call = answered.call { owner?.callEnded(call, Self.result(reply), on: self) }
      }
    } catch {
      return end(.violation(error))
    }
    if isRetiring && isReady && isIdle { end(.replaced) }
  }

  private static func result(_ reply: RedisReply) -> Result<RedisReply, RedisError> {
    if case .error(let error) = reply { .failure(.server(error)) } else { .success(reply) }
  }

  // MARK: Time

  /// Has the sweep come by `deadline` at the latest.
  private func watch(_ deadline: MonotonicTime) {
    var deadline = deadline
    if !pending.isEmpty { deadline = min(deadline, lastProgress + context.settings.replyTimeMax) }
    guard deadline < sweepAt else { return }
    if let sweepTimer { reactor.cancelTimer(sweepTimer) }
    sweepAt = deadline
    sweepTimer = reactor.startTimer(at: deadline, self, token: TimerToken.sweep.rawValue)
  }

  func timerFired(token: UInt32) {
    switch TimerToken(rawValue: token) {
    case .rest: begin()
    case .connect: end(.connectTimedOut)
    case .sweep: sweep()
    case nil: break
    }
  }

  /// Fails what is overdue. One timer serves all commands; it fires about once per deadline, not once per command.
  private func sweep() {
    sweepTimer = nil
    sweepAt = .never
    guard !isClosed else { return }
    let now = reactor.now
    var next = MonotonicTime.never
    var overdue: [(RedisCall, mayHaveRun: Bool)] = []
    if queued.contains(where: { $0.deadline <= now }) {
      overdue = queued.filter { $0.deadline <= now }.map { ($0, false) }
      queued.removeAll { $0.deadline <= now }
      queuedBytes = queued.reduce(0) { $0 + $1.command.byteCount }
    }
    for call in queued { next = min(next, call.deadline) }
    pending.forEach { entry in
      guard let call = entry.call else { return }
      guard call.deadline <= now else {
        next = min(next, call.deadline)
        return
      }
      overdue.append((call, true))
      entry.call = nil
    }
    let isStuck = !pending.isEmpty && now >= lastProgress + context.settings.replyTimeMax
    if !isStuck && (next < .never || !pending.isEmpty) { watch(next) }
    for (call, mayHaveRun) in overdue {
      owner?.callEnded(call, .failure(.deadlineExceeded(mayHaveRun: mayHaveRun)), on: self)
    }
    if isStuck { end(.stuck) }
  }

  // MARK: The end

  /// Takes no more commands and ends when it has nothing to carry.
  func retire() {
    guard !isClosed else { return }
    isRetiring = true
    lastOwner = owner
    // Deferred: the owner is not called back from inside its own call.
    reactor.atEndOfTurn { [self] in
      if !isClosed && (isIdle || !isReady) { end(.replaced) }
    }
  }

  /// Ends: the owner is told, then those whose commands it carried.
  func end(_ loss: RedisLoss) {
    guard !isClosed else { return }
    phase = .closed
    for timer in [connectTimer, sweepTimer] { if let timer { reactor.cancelTimer(timer) } }
    connectTimer = nil
    sweepTimer = nil
    dropSocket()
    let carried = pending.takeAll()
    let waiting = queued
    queued = []
    output = []
    owner?.connectionEnded(self, loss)
    for entry in carried {
      guard let call = entry.call else { continue }
      let error = RedisError.connectionLost(loss, mayHaveRun: sentTotal >= entry.end)
      owner?.callEnded(call, .failure(error), on: self)
    }
    for call in waiting { owner?.callEnded(call, .failure(.notConnected(loss)), on: self) }
    lastOwner = nil
  }

  func dropSocket() {
    if let slot { reactor.deregister(slot) }
    slot = nil
    if stream.descriptor >= 0 { stream.close() }
    stream = ByteStream(descriptor: -1, tls: nil)
  }
}
