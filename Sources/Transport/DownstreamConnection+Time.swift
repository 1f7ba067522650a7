public import Reactor

/// One timer for all that a connection waits for.
extension DownstreamConnection: TimerHandler {
  /// Moves the deadline. The timer behind it is only brought forward, never back: it looks again when it fires, so that moving the deadline
  /// with each event costs a store.
  func setDeadline(after duration: Duration) {
    deadline = reactor.now + duration
    armTimer(for: deadline)
  }

  /// Has the observer told when `deadline` comes: the one timer of the connection serves its answers too, so that a request on a kept
  /// connection starts and cancels none. The observer sets another deadline then, if the answer goes on; `never` takes it back.
  public func setAnswerDeadline(_ deadline: MonotonicTime) {
    answerDeadline = deadline
    if deadline != .never { armTimer(for: deadline) }
  }

  func armTimer(for deadline: MonotonicTime) {
    if let timer {
      if timer.at <= deadline { return }
      reactor.cancelTimer(timer.id)
    }
    timer = (reactor.startTimer(at: deadline, self), deadline)
  }

  /// The deadline may have come.
  public func timerFired(token: UInt32) {
    timer = nil
    let next = min(deadline, answerDeadline)
    guard !isClosed, next != .never else { return }
    guard reactor.now >= next else { return armTimer(for: next) }
    if reactor.now >= answerDeadline {
      answerDeadline = .never
      if deadline != .never { armTimer(for: deadline) }
      observer?.answerDeadlineReached()
      return
    }
    switch phase {
    case .readingHead where input.isEmpty: close()
    case .readingHead: reject(RequestRejection(status: 408, message: "The request's head did not arrive in time."))
    case .readingBody:
      if let memoryWait { return bodyMemoryWaitExpired(memoryWait) }
      reject(RequestRejection(status: 408, message: "The request's body did not arrive in time."))
    case .responding: leave(.stalled)
    case .lingering: close()
    case .closed: break
    }
  }
}
