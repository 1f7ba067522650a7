import Lifecycle
import TestKit

/// Each step that the machine asks for.
extension ExchangeWorld {
  func take(_ step: ExchangeAction.Step) {
    switch step {
    case .nothing: break
    case .admit: admit()
    case .lease(let lease): self.lease(lease)
    case .send: send()
    case .askForMore: askForMore()
    case .goOn:
      shell.limitsGaveMore = true
      resume()
      passOn()
    case .resume: resume()
    case .hold: if let session = shell.session { ledger.sessions[session].isHeld = true }
    case .showLife: showLife()
    case .timedOut(let timeout):
      if timeout != .total { blames() }
      fail(.timeout)
    case .close(let closing): close(closing)
    }
  }

  /// An attempt begins: what an earlier one had begun to answer is forgotten.
  private func begin() {
    shell.answer = AnswerState()
    shell.isSent = false
    shell.silentSince = nil
    if client.attempt != nil { violated(.repeatedAfterDelivery) }
    let candidate = used.candidates[shell.candidate]
    shell.hasBegun = true
    shell.endsBy = max(candidate.totalMilliseconds, now)
    tell(.began(candidate.times))
  }

  private func admit() {
    let machine = shell.machine.machine
    guard shell.session == nil, shell.grant == nil, shell.limitWait == nil, shell.leaseWait == nil else {
      return violated(.impossibleStep, "asks limits and holds something")
    }
    if machine.candidate != shell.candidate + 1 { violated(.tooManyAttempts, "candidate \(machine.candidate)") }
    guard machine.candidate < shell.snapshot.candidates.count else {
      return violated(.tooManyAttempts, "no such candidate")
    }
    shell.candidate = machine.candidate
    shell.leases = []
    begin()
    guard generator.happens(plan.limits) else { return tell(.admitted(isLimited: false)) }
    if generator.happens(plan.waits) {
      let wait = ledger.wait(.admission)
      shell.limitWait = wait
      // Some are not answered before the time is over.
      if generator.happens(90) { laterInRace(generator.delay(plan), .admissionWaitEnds(wait)) }
      return tell(.admissionWaits)
    }
    guard generator.happens(85) else { return tell(.admissionRefused(diverts: generator.happens(50))) }
    shell.grant = ledger.grant()
    tell(.admitted(isLimited: true))
  }

  private func lease(_ lease: ExchangeAction.Lease) {
    guard shell.session == nil, shell.leaseWait == nil else {
      return violated(.impossibleStep, "leases and has one")
    }
    shell.attempt += 1
    // Each kind once with a candidate, the first as it comes.
    if shell.leases.contains(lease) { violated(.tooManyAttempts, "\(lease) again") }
    shell.leases.append(lease)
    guard shell.attempt <= ExchangeMachine.attemptsPerCandidate * shell.snapshot.candidates.count else {
      return violated(.tooManyAttempts, "\(shell.attempt) for \(shell.snapshot.candidates.count) candidates")
    }
    if shell.attempt > 1 { begin() }
    shell.answer.allowance = shell.grant == nil ? nil : generator.int(in: 1...4)
    if generator.happens(plan.waits) {
      let wait = ledger.wait(.lease)
      shell.leaseWait = wait
      if generator.happens(90) { laterInRace(generator.delay(plan), .leaseWaitEnds(wait)) }
      return tell(.leaseWaits)
    }
    guard generator.happens(94) else {
      return fail(generator.happens(80) ? .noSession : generator.fault(isEarly: false, plan))
    }
    shell.session = ledger.lend()
    tell(.leased)
  }

  private func send() {
    guard let session = shell.session, !shell.isSent else {
      return violated(.impossibleStep, "sends without a session")
    }
    shell.sentCount += 1
    shell.isSent = true
    if !plan.isRepeatable && shell.sentCount > 1 { violated(.sentTwice) }
    // A connection can turn out dead while the request is written.
    if generator.happens(5) { return fail(generator.fault(isEarly: true, plan)) }
    ledger.sessions[session].moves = SimulatedAnswer.random(attempt: shell.attempt, plan: plan, &generator)
    if let first = ledger.sessions[session].moves.first { laterInRace(first.delay, .upstreamMoves(session: session)) }
    shell.silentSince = now
    tell(.sent)
  }

  private func resume() {
    guard let session = shell.session else { return }
    ledger.sessions[session].isHeld = false
    if ledger.sessions[session].isBlocked {
      ledger.sessions[session].isBlocked = false
      later(0, .upstreamMoves(session: session))
    }
    shell.silentSince = now
  }

  private func askForMore() {
    guard shell.limitWait == nil, shell.grant != nil else { return violated(.impossibleStep, "asks for more") }
    guard generator.happens(plan.waits) else { return limitsAnswer(gives: generator.happens(50)) }
    let wait = ledger.wait(.more)
    shell.limitWait = wait
    if generator.happens(90) { laterInRace(generator.delay(plan), .moreWaitEnds(wait)) }
    tell(.limitWaits)
  }

  private func showLife() {
    let isStream = !shell.answer.hasBegun || shell.answer.isStream
    if !plan.isStream || !isStream || client.isSlow || client.hasLeft { violated(.lifeSignMisplaced) }
    client.isStreamOpen = true
    if !write() { tell(.clientSlow) }
  }

  /// An upstream that is not read cannot be late.
  func blames() {
    if let session = shell.session, ledger.sessions[session].isHeld { violated(.blamedWhileHeld) }
    if shell.answer.upstreamEnded { violated(.blamedWhileHeld, "it has ended") }
  }

  private func close(_ closing: Closing) {
    shell.isEnded = true
    shell.silentSince = nil
    if shell.leftFirst != (closing == .abandoned) { violated(.closedOtherwise, "\(closing)") }
    if now > shell.endsBy + 1 { violated(.endedLate, "by \(shell.endsBy) ms") }
    if closing == .whole && !shell.answer.hasFinished { violated(.impossibleStep, "whole without an end") }
  }
}
