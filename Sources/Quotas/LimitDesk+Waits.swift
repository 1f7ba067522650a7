internal import RateLimiting
internal import Reactor

/// Waits: how they begin, where they stand, and how they end.
extension LimitDesk {
  func makeWait(_ kind: LimitWait.Kind, _ waiter: any LimitWaiter) -> LimitWait {
    nextWait += 1
    let wait = LimitWait(LimitWaitID(number: nextWait), kind, waiter, self)
    waits[nextWait] = wait
    return wait
  }

  func finish(_ wait: LimitWait, _ result: LimitWaitResult) {
    close(wait)
    // Who is told may ask for something at once; whoever is at work here is to have ended.
    reactor.atEndOfTurn { wait.tell(result) }
  }

  func close(_ wait: LimitWait) {
    wait.isOver = true
    waits[wait.id.number] = nil
    leaveQueues(wait)
    if let timer = wait.timer { reactor.cancelTimer(timer) }
    wait.timer = nil
  }

  func arm(_ wait: LimitWait, _ deadline: Int) {
    if let timer = wait.timer { reactor.cancelTimer(timer) }
    wait.deadline = deadline
    let due = MonotonicTime(nanoseconds: UInt64(clamping: max(0, deadline)) * 1_000_000)
    wait.timer = reactor.startTimer(at: due, wait)
  }

  func leaveQueues(_ wait: LimitWait) {
    leaveUnits(wait)
    leaveSlot(wait)
  }

  func leaveUnits(_ wait: LimitWait) {
    guard let subject = wait.subject else { return }
    wait.subject = nil
    let id = wait.id.number
    bucket.here { $0.leaveQueue(subject, id: id) }
  }

  func leaveSlot(_ wait: LimitWait) {
    guard let slotID = wait.slotID else { return }
    wait.slotID = nil
    slots.leave(slotID, waiter: wait.id.number)
  }
}
