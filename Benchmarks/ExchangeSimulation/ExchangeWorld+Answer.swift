import Lifecycle

/// The answer's way: counted first, held back while nothing in it binds, stopped at a limit, then released.
extension ExchangeWorld {
  func answerBegan(isStream: Bool) {
    shell.answer.hasBegun = true
    shell.answer.isStream = isStream
    shell.silentSince = now
    tell(.answerBegan(isStream: isStream))
  }

  func progressed() {
    shell.silentSince = now
    tell(.progressed)
  }

  func read(_ pieces: [[AnswerUnit]], isLast: Bool) {
    let attempt = shell.attempt
    if isLast, let session = shell.session {
      shell.session = nil
      shell.answer.upstreamEnded = true
      shell.silentSince = nil
      ledger.takeBack(session)
      tell(.upstreamEnded)
    }
    for (index, piece) in pieces.enumerated() where isUnderWay(attempt) {
      pass(piece, isLast: isLast && index == pieces.count - 1)
    }
    if isLast && pieces.isEmpty && isUnderWay(attempt) { pass([], isLast: true) }
  }

  /// What waited for the limits.
  func passOn() {
    shell.answer.isDry = false
    shell.answer.isStopped = false
    let waiting = shell.answer.waiting
    shell.answer.waiting = []
    pass(waiting, isLast: shell.answer.upstreamEnded)
  }

  private func isUnderWay(_ attempt: Int) -> Bool {
    violation == nil && !shell.isEnded && shell.attempt == attempt && shell.answer.hasBegun
  }

  private func pass(_ piece: [AnswerUnit], isLast: Bool) {
    let attempt = shell.attempt
    let delivered = meter(piece, isLast: isLast)
    if let delivered {
      if delivered > .beginnings { shell.silentSince = now }
      let isTaken = write()
      if !isTaken && plan.slowFirst { tell(.clientSlow) }
      tell(.delivered(delivered))
      if !isTaken && !plan.slowFirst { tell(.clientSlow) }
    } else if shell.answer.held.contains(where: { $0.kind == .unseen }) && !piece.isEmpty {
      progressed()
    }
    guard isUnderWay(attempt) else { return }
    if isLast && !shell.answer.isStopped { return ended() }
    if shell.answer.isDry {
      tell(.limitReached(isWhole: shell.answer.hasFinished, hasMore: shell.answer.isStopped))
    }
  }

  /// Nothing follows.
  private func ended() {
    guard shell.answer.hasFinished else { return fail(.incomplete) }
    tell(.completed)
  }

  /// Counts and releases; gives back the most that the client got.
  private func meter(_ piece: [AnswerUnit], isLast: Bool) -> Delivered? {
    var delivered: Delivered?
    for unit in piece {
      if shell.answer.isStopped || (shell.answer.isDry && unit.kind.isSpent) {
        shell.answer.isStopped = true
        shell.answer.waiting.append(unit)
        continue
      }
      let isFlawed = flaw == .forwardsUncounted && shell.limitsGaveMore
      if !isFlawed { shell.answer.counted = unit.index + 1 }
      spend(unit)
      shell.answer.last = unit.kind
      if unit.kind == .finish { shell.answer.hasFinished = true }
      if isHeld(unit) {
        shell.answer.held.append(unit)
      } else {
        delivered = max(delivered ?? .nothing, releaseHeld() ?? .nothing, unit.kind.delivered)
        release(unit)
      }
      if isFlawed { shell.answer.counted = unit.index + 1 }
    }
    // The end lets go what was held back, if it is one.
    if isLast, !shell.answer.isStopped, shell.answer.hasFinished, let held = releaseHeld() {
      delivered = max(delivered ?? .nothing, held)
    }
    return delivered
  }

  private func spend(_ unit: AnswerUnit) {
    guard unit.kind.isSpent, let allowance = shell.answer.allowance, shell.answer.isStream else { return }
    shell.answer.allowance = allowance - 1
    if allowance <= 1 { shell.answer.isDry = true }
  }

  private func isHeld(_ unit: AnswerUnit) -> Bool {
    switch unit.kind {
    case .unseen: true
    case .beginning: !shell.answer.isReleased && shell.answer.held.count < plan.heldMax
    default: false
    }
  }

  private func releaseHeld() -> Delivered? {
    var delivered: Delivered?
    for unit in shell.answer.held {
      delivered = max(delivered ?? .nothing, unit.kind.delivered)
      release(unit)
    }
    shell.answer.held = []
    return delivered
  }

  /// A unit goes to the client.
  private func release(_ unit: AnswerUnit) {
    if shell.isEnded { violated(.actedAfterEnd, "released \(unit)") }
    if unit.index >= shell.answer.counted { violated(.releasedUncounted, "\(unit)") }
    if unit.attempt != shell.attempt || client.attempt ?? unit.attempt != unit.attempt {
      violated(.answersMixed, "\(unit) behind \(client)")
    }
    if unit.index != client.units { violated(.unitRepeated, "\(unit), \(client.units) there") }
    client.attempt = unit.attempt
    client.units = unit.index + 1
    client.isStreamOpen = client.isStreamOpen || shell.answer.isStream
    shell.answer.isReleased = true
  }
}
