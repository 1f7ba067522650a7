import Lifecycle

/// The shell: tells the machine, lets go, then takes the step, as the gateway's does.
extension ExchangeWorld {
  /// - Parameter bringing: a session or grant that came with the event and that nobody waits for.
  func tell(_ event: ExchangeEvent, bringing stray: Int? = nil) {
    guard violation == nil else { return }
    let machine = shell.machine.machine
    coverage.note(event, machine.stage)
    let action = shell.machine.handle(event, at: Moment(nanoseconds: UInt64(now) * 1_000_000))
    coverage.note(action)
    note("\(event.words) → \(Self.words(action))")
    if shell.isEnded && action.step != .nothing {
      if case .close = action.step { return violated(.endedTwice, "\(event)") }
      return violated(.actedAfterEnd, "\(event) → \(action)")
    }
    if event == .time && action.step == .close(.truncated) { blames() }
    if let stray { returnStray(stray, event, action) } else { letGo(action.letsGo) }
    checkHolds(event)
    guard violation == nil else { return }
    take(action.step)
  }

  private static func words(_ action: ExchangeAction) -> String {
    action.step.words + (action.letsGo.isEmpty ? "" : ", lets go of \(action.letsGo.words)")
  }

  private func returnStray(_ stray: Int, _ event: ExchangeEvent, _ action: ExchangeAction) {
    if event == .leased {
      guard action == ExchangeAction(.nothing, lettingGo: .session) else { return violated(.sessionLost, "\(action)") }
      return ledger.takeBack(stray)
    }
    guard action == ExchangeAction(.nothing, lettingGo: .grant) else { return violated(.grantLost, "\(action)") }
    ledger.settle(stray)
  }

  private func letGo(_ letsGo: Possessions) {
    if letsGo.contains(.leaseWait) {
      if let wait = shell.leaseWait { ledger.end(wait, .cancelled) } else { violated(.holdsDiffer, "no lease wait") }
      shell.leaseWait = nil
    }
    if letsGo.contains(.session) {
      if let session = shell.session { ledger.takeBack(session) } else { violated(.holdsDiffer, "no session") }
      shell.session = nil
    }
    if letsGo.contains(.limitWait) {
      if let wait = shell.limitWait { ledger.end(wait, .cancelled) } else { violated(.holdsDiffer, "no limit wait") }
      shell.limitWait = nil
    }
    if letsGo.contains(.grant) {
      if let grant = shell.grant { ledger.settle(grant) } else { violated(.holdsDiffer, "no grant") }
      shell.grant = nil
    }
  }

  /// Tells of a fault of the attempt under way.
  func fail(_ fault: FaultClass, at point: FaultPoint? = nil) {
    guard !shell.isEnded, violation == nil else { return }
    let machine = shell.machine.machine
    coverage.note(fault, at: point ?? faultPoint, machine.delivered)
    let others = shell.snapshot.candidates[shell.candidate].endpoints > 1
    let reaction = used.table[fault]
    let promises = machine.hasAlternative(reaction, hasOtherEndpoints: others)
    let before = (shell.attempt, shell.candidate)
    let isOver = now >= shell.endsBy
    tell(.failed(fault, reaction, hasOtherEndpoints: others))
    // What was promised is kept, unless time is over: then nothing is tried.
    let wentOn = (shell.attempt, shell.candidate) != before
    if isOver && wentOn { violated(.endedLate, "tries again when time is over") }
    if promises && !wentOn && !isOver { violated(.promiseBroken, "\(fault) was to lead elsewhere") }
  }

  private var faultPoint: FaultPoint {
    let machine = shell.machine.machine
    switch machine.stage {
    case .receiving, .admitting, .leasing: return .leasing
    case .sending: return .sending
    case .asking: return .beforeHead
    case .relaying, .ended: break
    }
    switch machine.delivered {
    case .nothing: return .amongBeginnings
    case .beginnings: return .afterBeginnings
    case .reasoning: return .afterReasoning
    case .text: return .afterText
    case .structured: return .afterStructured
    case .finished: return shell.answer.last == .finish ? .afterFinish : .beforeLastWord
    }
  }
}
