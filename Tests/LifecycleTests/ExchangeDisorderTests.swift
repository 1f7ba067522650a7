import Lifecycle
import TestKit
import Testing

@Suite("A request's life out of order")
struct ExchangeDisorderTests {
  /// Any event but those that come once, with any content.
  private func event(_ generator: inout SeededGenerator) -> ExchangeEvent {
    let isTrue = generator.int(in: 0...1) == 0
    switch generator.int(in: 0...21) {
    case 0: return .began(ExchangeStory.times(isStream: isTrue))
    case 1: return .admitted(isLimited: isTrue)
    case 2: return .admissionWaits
    case 3: return .admissionRefused(diverts: isTrue)
    case 4, 5: return .leased
    case 6: return .leaseWaits
    case 7, 8: return .sent
    case 9, 10: return .answerBegan(isStream: isTrue)
    case 11: return .delivered(generator.element(of: Delivered.allCases) ?? .text)
    case 12: return .progressed
    case 13: return .upstreamEnded
    case 14, 15:
      let reaction = FaultTable.Reaction(rawValue: UInt8(generator.int(in: 0...7)))
      return .failed(
        generator.element(of: FaultClass.allCases) ?? .network, reaction, hasOtherEndpoints: isTrue)
    case 16: return .limitReached(isWhole: isTrue, hasMore: generator.int(in: 0...1) == 0)
    case 17: return .limitGivesMore
    case 18: return .limitWaits
    case 19: return .limitRefuses(hasMore: isTrue)
    case 20: return isTrue ? .clientSlow : .clientReady
    default: return isTrue ? .time : generator.int(in: 0...9) == 0 ? .completed : .progressed
    }
  }

  /// What comes with an event.
  private func brings(_ event: ExchangeEvent) -> Possessions {
    switch event {
    case .leased: .session
    case .leaseWaits: .leaseWait
    case .admitted(isLimited: true): .grant
    case .admissionWaits, .limitWaits: .limitWait
    default: []
    }
  }

  @Test("whatever is told in whatever order: nothing is let go of that was not held, attempts are bounded, one end")
  func anyOrder() throws {
    var endings = 0
    try withSeeds(5_000) { generator in
      var story = ExchangeStory()
      let candidates = generator.int(in: 1...3)
      story.at(0, .routed(candidates: candidates, isRepeatable: generator.int(in: 0...3) > 0))
      var now: UInt64 = 0
      var closings = 0
      for _ in 0..<60 {
        now += UInt64(generator.int(in: 0...3) == 0 ? generator.int(in: 0...4_000) : 0)
        let event = event(&generator)
        let before = story.machine
        let action = story.at(now, event)
        let after = story.machine
        if case .close = action.step { closings += 1 }
        try #require(before.holds.union(brings(event)).isSuperset(of: action.letsGo), "\(generator): \(event)")
        try #require(
          after.attempts <= ExchangeMachine.attemptsPerCandidate * candidates && after.candidate < candidates)
        // Another attempt only before the client has something.
        if after.attempts > before.attempts { try #require(before.delivered == .nothing, "\(generator): \(event)") }
        try #require(after.delivered >= before.delivered && after.stage.rawValue < 7)
        if before.stage == .ended { try #require(action.step == .nothing && after.holds.isEmpty) }
      }
      story.at(now, .clientLeft)
      try #require(closings <= 1 && story.machine.stage == .ended && story.machine.holds.isEmpty, "\(generator)")
      endings += closings
    }
    #expect(endings > 1_000)
  }
}
