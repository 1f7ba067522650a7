import Lifecycle
import TestKit

/// What happens outside the request, and how the shell hears of it.
extension ExchangeWorld {
  func happens(_ happening: Happening?) {
    switch happening {
    case nil:
      note("time")
      tell(.time)
    case .timeTooEarly: tell(.time)
    case .bodyComplete: bodyComplete()
    case .leaseWaitEnds(let wait): leaseWaitEnds(wait)
    case .admissionWaitEnds(let wait): admissionWaitEnds(wait)
    case .moreWaitEnds(let wait): moreWaitEnds(wait)
    case .upstreamMoves(let session): upstreamMoves(session)
    case .clientReady:
      guard client.isSlow, !client.hasLeft else { return }
      client.isSlow = false
      tell(.clientReady)
    case .clientLeaves:
      if !shell.isEnded { shell.leftFirst = true }
      client.hasLeft = true
      tell(.clientLeft)
    case .mustEnd: tell(.mustEnd)
    case .reload: reload()
    }
  }

  private func bodyComplete() {
    guard !shell.isEnded else { return }
    if let isRefusal = plan.answersItself { return tell(.answered(isRefusal: isRefusal)) }
    tell(.routed(candidates: shell.snapshot.candidates.count, isRepeatable: plan.isRepeatable))
  }

  /// A new configuration: who is under way keeps the one it began with.
  private func reload() {
    coverage.reloads[Int(shell.machine.machine.stage.rawValue)] += 1
    let version = configuration.version + 1
    configuration = .random(
      candidates: 4, isStream: plan.isStream, showsLife: plan.showsLife, &generator)
    configuration.version = version
    note("configuration \(version)")
  }

  /// What the request goes by.
  var used: SimulatedConfiguration {
    let used = flaw == .readsNewConfiguration ? configuration : shell.snapshot
    if used.version != plan.configuration.version { violated(.changedByReload, "configuration \(used.version)") }
    return used
  }

  // MARK: Waits

  private func leaseWaitEnds(_ wait: Int) {
    let grants = generator.happens(75)
    guard shell.leaseWait == wait else {
      // It was cancelled while this was on its way.
      guard grants else { return }
      let session = ledger.lend()
      // Waiting for another one the shell knows it by its id; else the machine has it given back.
      guard shell.leaseWait == nil else { return ledger.takeBack(session) }
      return tell(.leased, bringing: session)
    }
    shell.leaseWait = nil
    ledger.end(wait, .answered)
    guard grants else { return fail(.noSession) }
    shell.session = ledger.lend()
    tell(.leased)
  }

  private func admissionWaitEnds(_ wait: Int) {
    let isAdmitted = generator.happens(60)
    guard shell.limitWait == wait else {
      guard isAdmitted else { return tell(.admissionRefused(diverts: true)) }
      return tell(.admitted(isLimited: true), bringing: ledger.grant())
    }
    shell.limitWait = nil
    ledger.end(wait, .answered)
    guard isAdmitted else { return tell(.admissionRefused(diverts: generator.happens(50))) }
    shell.grant = ledger.grant()
    tell(.admitted(isLimited: true))
  }

  private func moreWaitEnds(_ wait: Int) {
    let gives = generator.happens(60)
    guard shell.limitWait == wait else {
      // Late words are told only when nothing else is under way.
      guard shell.isEnded else { return }
      return tell(gives ? .limitGivesMore : .limitRefuses(hasMore: false))
    }
    shell.limitWait = nil
    ledger.end(wait, .answered)
    limitsAnswer(gives: gives)
  }

  func limitsAnswer(gives: Bool) {
    guard gives else { return tell(.limitRefuses(hasMore: shell.answer.isStopped)) }
    shell.answer.allowance = generator.int(in: 1...3)
    tell(.limitGivesMore)
  }

  /// The client takes what is written, or is slow from here on.
  func write() -> Bool {
    guard !client.isSlow, generator.happens(plan.slowness) else { return true }
    client.isSlow = true
    // What never goes on is the transport's to end.
    laterInRace(generator.delay(plan), generator.happens(85) ? .clientReady : .clientLeaves)
    return false
  }

  // MARK: Upstreams

  private func upstreamMoves(_ id: Int) {
    guard shell.session == id, ledger.sessions[id].next < ledger.sessions[id].moves.count else { return }
    let session = ledger.sessions[id]
    let move = session.moves[session.next]
    if session.isHeld {
      guard plan.seesBreaks, case .fault = move.kind else {
        ledger.sessions[id].isBlocked = true
        return
      }
    }
    ledger.sessions[id].next += 1
    switch move.kind {
    case .head(let isStream): head(isStream)
    case .badHead(let fault, let isJudgedLater):
      if isJudgedLater { answerBegan(isStream: plan.isStream) }
      fail(fault, at: .withHead)
    case .blank:
      note("blank bytes")
      if !shell.answer.isStream && !shell.answer.isReleased { progressed() }
    case .read(let pieces, let isLast): read(pieces, isLast: isLast)
    case .fault(let fault): fail(fault)
    }
    guard shell.session == id, ledger.sessions[id].next < ledger.sessions[id].moves.count else { return }
    laterInRace(ledger.sessions[id].moves[ledger.sessions[id].next].delay, .upstreamMoves(session: id))
  }

  private func head(_ isStream: Bool) {
    // With a stream open already only a stream can go on in it.
    guard isStream || !client.isStreamOpen else { return fail(.malformed, at: .withHead) }
    answerBegan(isStream: isStream)
  }
}
