internal import Reactor

/// The room for a body, and how fast it must fill.
extension DownstreamConnection {
  /// The first room that is made; it grows with what arrives, not with what Content-Length claims.
  static let bodyRoomFirst = 4 << 10
  /// So often a wait for memory goes on because a younger body was refused in its place.
  static let memoryWaitsMax = 8

  /// Makes room for `count` bytes more of a body of at most `bytesMax`.
  ///
  /// - Returns: false when the connection waits for memory, or has been refused.
  func makeBodyRoom(_ count: Int, bytesMax: Int) -> Bool {
    let needed = body.count + count
    guard needed > bodyRoom else { return true }
    guard needed <= context.memory.bodyBytesMax else {
      rejectTooLarge(context.memory.bodyBytesMax)
      return false
    }
    let roomMax = min(bytesMax, context.memory.bodyBytesMax)
    let more = Self.nextBodyRoom(bodyRoom, needed: needed, bytesMax: roomMax) - bodyRoom
    if context.memory.reserve(more, holding: bodyRoom) {
      bodyRoomGrew(by: more)
      return true
    }
    isInputPaused = true
    updateInterest()
    memoryWaits = 0
    deadline = reactor.now + context.limits.bodyMemoryWait
    armTimer(for: deadline)
    memoryWait = context.memory.wait(
      more, holding: bodyRoom, began: bodyBegan, for: BodyMemory.Owner(context: context, connection: id))
    return false
  }

  /// The room after `room`: four times what came first, twice as much while that is little, half as much again later, so that what is copied stays in proportion.
  ///
  /// Rooms of a body of 1 MB in pieces of 64 KiB: 64, 128, 192, 288, 432, 648 and 976 KiB.
  static func nextBodyRoom(_ room: Int, needed: Int, bytesMax: Int) -> Int {
    let small = BodyMemory.smallBytesMax
    let grown = room == 0 ? min(needed * 4, small) : room <= small ? room * 2 : room + room / 2
    let page = 4096
    let rounded = (max(grown, needed, bodyRoomFirst) + page - 1) / page * page
    return max(needed, min(rounded, bytesMax))
  }

  private func bodyRoomGrew(by bytes: Int) {
    bodyRoom += bytes
    body.reserveCapacity(bodyRoom)
  }

  /// The wait for memory is over.
  func bodyMemoryAnswered(_ number: UInt64, _ outcome: BodyMemory.Outcome) {
    guard memoryWait == number else {
      if case .granted(let bytes) = outcome { context.memory.release(bytes) }
      return
    }
    memoryWait = nil
    switch outcome {
    case .refused: rejectForMemory()
    case .granted(let bytes):
      bodyRoomGrew(by: bytes)
      // It was not the client who was slow.
      bodyRateDeadline = max(bodyRateDeadline, reactor.now + bodyGrace)
      setBodyDeadline()
      isInputPaused = false
      updateInterest()
      processInput()
    }
  }

  /// The wait for memory has been long.
  func bodyMemoryWaitExpired(_ number: UInt64) {
    memoryWaits += 1
    if context.memory.refuse(number) || memoryWaits >= Self.memoryWaitsMax {
      rejectForMemory()
    } else {
      deadline = reactor.now + context.limits.bodyMemoryWait
      armTimer(for: deadline)
    }
  }

  func rejectForMemory() {
    reject(
      RequestRejection(
        status: 503, message: "The gateway already holds as many request bodies as it has memory for. Retry later."))
  }

  /// Lets go of what has arrived, and of its room.
  func releaseBody() {
    if let memoryWait {
      self.memoryWait = nil
      context.memory.cancel(memoryWait)
    }
    body = []
    guard bodyRoom > 0 else { return }
    context.memory.release(bodyRoom)
    bodyRoom = 0
  }

  // MARK: Its rate

  /// For how long a body need not come at the least rate.
  var bodyGrace: Duration { min(context.limits.bodyTimeout, DownstreamLimits.bodyGraceMax) }

  /// A body begins.
  func beginBodyRate() {
    bodyBegan = reactor.now
    bodyRateDeadline = context.limits.minBodyRate > 0 ? reactor.now + bodyGrace : .never
    setBodyDeadline()
  }

  /// So many bytes of it have come. Each byte earns the time that it takes at the least rate, but no more than `bodyTimeout` is ever saved up: who has sent
  /// much at once must go on as well.
  func bodyProgressed(_ count: Int) {
    if context.limits.minBodyRate > 0 {
      let earned = Duration.nanoseconds(Int64(count) * 1_000_000_000 / Int64(context.limits.minBodyRate))
      bodyRateDeadline = min(bodyRateDeadline + earned, reactor.now + max(bodyGrace, context.limits.bodyTimeout))
    }
    setBodyDeadline()
  }

  /// A body must go on, and come at the least rate on the whole: a byte now and then is no progress.
  func setBodyDeadline() {
    guard memoryWait == nil else { return }
    deadline = min(bodyRateDeadline, reactor.now + context.limits.bodyTimeout)
    armTimer(for: deadline)
  }
}
