import Lifecycle
import Testing

@Suite("Faults in a request's life")
struct ExchangeFaultTests {
  @Test("dead connection, refusal, broken connection at the other endpoint, next candidate, time-out")
  func story() {
    var story = ExchangeStory.asked(candidates: 2, isLimited: true)
    // The grant stays with the candidate.
    #expect(
      story.fails(.stale, hasOtherEndpoints: true) == ExchangeAction(.lease(.fresh), lettingGo: .session))
    story.sent(at: 2)
    #expect(
      story.fails(.overloaded, hasOtherEndpoints: true)
        == ExchangeAction(.lease(.otherEndpoint), lettingGo: .session))
    story.sent(at: 3)
    #expect(
      story.fails(.network, hasOtherEndpoints: true) == ExchangeAction(.admit, lettingGo: [.session, .grant]))
    #expect(story.machine.candidate == 1 && story.machine.attempts == 3 && !story.machine.isSent)
    story.at(4, .began(ExchangeStory.times()))
    #expect(story.at(4, .admitted(isLimited: false)) == ExchangeAction(.lease(.any)))
    story.sent(at: 4)
    #expect(
      story.fails(.timeout, hasOtherEndpoints: true) == ExchangeAction(.close(.fault), lettingGo: .session))
    #expect(story.machine.attempts == 4 && story.machine.isTimedOut)
  }

  @Test("nothing is tried again once the client has something of the answer", arguments: FaultClass.allCases)
  func deliveredEndsIt(_ fault: FaultClass) {
    for part in Delivered.allCases where part > .nothing {
      var story = ExchangeStory.asked(candidates: 3, isLimited: true)
      story.at(0, .answerBegan(isStream: true))
      story.at(0, .delivered(part))
      let everything: FaultTable.Reaction = [.sameEndpoint, .otherEndpoint, .nextCandidate]
      #expect(!story.machine.hasAlternative(everything, hasOtherEndpoints: true))
      #expect(
        story.at(1, .failed(fault, everything, hasOtherEndpoints: true))
          == ExchangeAction(.close(.fault), lettingGo: [.session, .grant]))
    }
  }

  @Test("what may not be repeated is not, whatever its upstream says", arguments: FaultClass.allCases)
  func notRepeatable(_ fault: FaultClass) {
    let everything: FaultTable.Reaction = [.sameEndpoint, .otherEndpoint, .nextCandidate]
    var story = ExchangeStory.asked(candidates: 3, isRepeatable: false)
    #expect(!story.machine.hasAlternative(everything, hasOtherEndpoints: true))
    #expect(story.at(1, .failed(fault, everything, hasOtherEndpoints: true)).step == .close(.fault))
    // On its way out it may have gone in part.
    story = .routed(candidates: 3, isRepeatable: false)
    story.at(0, .admitted(isLimited: false))
    story.at(0, .leased)
    #expect(story.at(1, .failed(fault, everything, hasOtherEndpoints: true)).step == .close(.fault))
  }

  @Test("what may not be repeated goes to the next candidate when the first had no session for it")
  func notSent() {
    var story = ExchangeStory.routed(candidates: 2, isRepeatable: false)
    story.at(0, .admitted(isLimited: false))
    #expect(story.fails(.noSession) == ExchangeAction(.admit))
    #expect(story.machine.candidate == 1)
  }

  @Test("a pool that has answered is not asked to forget the wait; one that has not is")
  func leaseWait() {
    var story = ExchangeStory.routed(candidates: 2)
    story.at(0, .admitted(isLimited: true))
    story.at(0, .leaseWaits)
    #expect(story.fails(.noSession) == ExchangeAction(.admit, lettingGo: .grant))
    story.at(1, .admitted(isLimited: true))
    story.at(1, .leaseWaits)
    #expect(story.at(60_000, .time) == ExchangeAction(.timedOut(.total)))
    #expect(
      story.fails(.timeout, at: 60_000) == ExchangeAction(.close(.fault), lettingGo: [.grant, .leaseWait]))
  }

  @Test("with the total time over nothing is tried any more")
  func totalIsOver() {
    var story = ExchangeStory.asked(candidates: 3)
    #expect(story.fails(.network, at: 60_000, hasOtherEndpoints: true).step == .close(.fault))
  }

  @Test("no order of faults leads to more than three attempts a candidate")
  func bound() {
    for candidates in 1...3 {
      for others in [false, true] {
        var longest = 0
        walk(.asked(candidates: candidates), others, 1, &longest)
        #expect(longest == (others ? 3 : 2) * candidates)
        #expect(longest <= ExchangeMachine.attemptsPerCandidate * candidates)
      }
    }
  }

  /// Faults that differ in what may follow them.
  private static let faults: [FaultClass] = [.caller, .noSession, .stale, .network]

  private func walk(_ story: ExchangeStory, _ others: Bool, _ attempts: Int, _ longest: inout Int) {
    longest = max(longest, attempts)
    for fault in Self.faults {
      var next = story
      let promised = story.machine.hasAlternative(FaultTable.usual[fault], hasOtherEndpoints: others)
      let action = next.fails(fault, hasOtherEndpoints: others)
      // What is promised is done, and nothing else.
      #expect(promised == (action.step != .close(.fault)))
      if action.step == .close(.fault) { continue }
      if action.step == .admit { next.at(1, .admitted(isLimited: false)) }
      #expect(next.machine.attempts == attempts + 1 && next.machine.delivered == .nothing)
      next.sent(at: 1)
      walk(next, others, attempts + 1, &longest)
    }
  }

  @Test("a time-out is noted until the next attempt has a session")
  func isTimedOut() {
    var story = ExchangeStory.asked(candidates: 2)
    story.fails(.timeout)
    #expect(story.machine.isTimedOut)
    story.at(1, .admitted(isLimited: false))
    story.sent(at: 1)
    #expect(!story.machine.isTimedOut)
  }
}
