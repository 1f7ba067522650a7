import Lifecycle

/// What must be true after each step, and at the end.
extension ExchangeWorld {
  func checkHolds(_ event: ExchangeEvent) {
    var holds: Possessions = []
    if shell.leaseWait != nil { holds.insert(.leaseWait) }
    if shell.limitWait != nil { holds.insert(.limitWait) }
    if shell.session != nil { holds.insert(.session) }
    if shell.grant != nil { holds.insert(.grant) }
    let noted = shell.machine.machine.holds
    if holds != noted { violated(.holdsDiffer, "after \(event) it holds \(holds.words); noted: \(noted.words)") }
  }

  /// After each step, when all that followed from it has been done.
  func keepsPromises() {
    if let (what, detail) = ledger.violations.first { return violated(what, detail) }
    guard !shell.isEnded else {
      if shell.machine.machine.deadline != .never { violated(.actedAfterEnd, "asks for the time") }
      return
    }
    guard shell.hasBegun else { return }
    let machine = shell.machine.machine
    if machine.deadline == .never { violated(.deadlineMissed) }
    if machine.attempts != shell.attempt { violated(.tooManyAttempts, "\(machine.attempts) noted") }
    if now > shell.endsBy + 1 { violated(.endedLate, "still there; by \(shell.endsBy) ms") }
    if shell.answer.hasFinished && !shell.answer.isStopped && shell.limitWait != nil {
      violated(.heldForNothing, "the answer is whole")
    }
    guard let session = shell.session, machine.stage == .asking || machine.stage == .relaying else { return }
    let waits = client.isSlow || shell.limitWait != nil
    let isHeld = ledger.sessions[session].isHeld
    if waits && !isHeld { violated(.readWhileHeld, client.isSlow ? "client slow" : "limit waited for") }
    if !waits && isHeld { violated(.heldForNothing) }
    if isHeld { return }
    checkSilence(machine)
  }

  /// Of an answer in one piece that comes only the total time holds.
  private func checkSilence(_ machine: ExchangeMachine) {
    guard let since = shell.silentSince, shell.answer.isStream || machine.delivered == .nothing else { return }
    let most = shell.snapshot.candidates[shell.candidate].silenceMilliseconds
    if now > since + most + 1 { violated(.silenceUnnoticed, "since \(since) ms, \(most) allowed") }
  }

  /// When nothing is left to happen.
  func keepsPromisesAtEnd() {
    if !shell.isEnded { violated(.neverEnded, "\(stepCount) steps") }
    if let (what, detail) = ledger.losses.first { violated(what, detail) }
  }
}
