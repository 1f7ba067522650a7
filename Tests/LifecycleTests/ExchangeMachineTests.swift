import Lifecycle
import Testing

@Suite("A request's life")
struct ExchangeMachineTests {
  @Test("a good answer: admit, lease, send, relay, end; what it holds is noted on the way and let go of at the end")
  func goodAnswer() {
    var story = ExchangeStory()
    #expect(story.at(0, .routed(candidates: 1, isRepeatable: true)) == ExchangeAction(.admit))
    #expect(story.at(0, .began(ExchangeStory.times())) == .nothing)
    #expect(story.at(1, .admitted(isLimited: true)) == ExchangeAction(.lease(.any)))
    #expect(story.machine.holds == .grant && story.machine.attempts == 1)
    #expect(story.at(1, .leased) == ExchangeAction(.send))
    #expect(story.machine.holds == [.grant, .session] && !story.machine.isSent)
    #expect(story.at(1, .sent) == .nothing)
    #expect(story.machine.isSent && story.machine.stage == .asking)
    #expect(story.at(9, .answerBegan(isStream: true)) == .nothing)
    #expect(story.at(9, .delivered(.text)) == .nothing)
    #expect(story.machine.delivered == .text && story.machine.stage == .relaying)
    #expect(story.at(20, .upstreamEnded) == .nothing)
    #expect(story.machine.holds == .grant && story.machine.upstreamEnded)
    #expect(story.at(20, .completed) == ExchangeAction(.close(.whole), lettingGo: .grant))
    #expect(story.machine.holds.isEmpty && story.deadline == nil)
  }

  @Test("the gateway answers by itself, or refuses")
  func answersItself() {
    var story = ExchangeStory()
    #expect(story.at(0, .answered(isRefusal: false)) == ExchangeAction(.close(.document)))
    story = ExchangeStory()
    #expect(story.at(0, .answered(isRefusal: true)) == ExchangeAction(.close(.refused)))
    story = ExchangeStory()
    #expect(story.at(0, .routed(candidates: 0, isRepeatable: true)) == ExchangeAction(.close(.refused)))
  }

  @Test("waits for limits and for a session are held until they end")
  func waits() {
    var story = ExchangeStory.routed()
    #expect(story.at(0, .admissionWaits) == .nothing)
    #expect(story.machine.holds == .limitWait)
    #expect(story.at(5, .admitted(isLimited: true)) == ExchangeAction(.lease(.any)))
    #expect(story.machine.holds == .grant)
    #expect(story.at(5, .leaseWaits) == .nothing)
    #expect(story.machine.holds == [.grant, .leaseWait])
    #expect(story.at(7, .leased) == ExchangeAction(.send))
    #expect(story.machine.holds == [.grant, .session])
  }

  @Test("a limit that refuses ends the request, or lets the next candidate be asked")
  func admissionRefused() {
    var story = ExchangeStory.routed(candidates: 2)
    #expect(story.at(0, .admissionRefused(diverts: true)) == ExchangeAction(.admit))
    #expect(story.machine.candidate == 1 && story.machine.attempts == 0)
    #expect(story.at(0, .admissionRefused(diverts: true)) == ExchangeAction(.close(.refused)))
    story = .routed(candidates: 2)
    #expect(story.at(0, .admissionRefused(diverts: false)) == ExchangeAction(.close(.refused)))
  }

  /// A story at each stage, with what it holds there.
  static let stages: [(story: ExchangeStory, holds: Possessions)] = {
    var waiting = ExchangeStory.routed()
    waiting.at(0, .admissionWaits)
    var leasing = ExchangeStory.routed()
    leasing.at(0, .admitted(isLimited: true))
    leasing.at(0, .leaseWaits)
    var atLimit = ExchangeStory.streaming(isLimited: true)
    atLimit.at(0, .limitReached(isWhole: false, hasMore: true))
    atLimit.at(0, .limitWaits)
    return [
      (ExchangeStory(), []), (.routed(), []), (waiting, .limitWait), (leasing, [.grant, .leaseWait]),
      (.asked(), .session), (.asked(isLimited: true), [.grant, .session]), (.streaming(), .session),
      (atLimit, [.grant, .session, .limitWait]),
    ]
  }()

  @Test("a client that leaves, or the end of the process, ends it at any stage and lets go of everything")
  func endsAtAnyStage() {
    for (story, holds) in Self.stages {
      var left = story
      #expect(left.at(3, .clientLeft) == ExchangeAction(.close(.abandoned), lettingGo: holds))
      var drained = story
      #expect(drained.at(3, .mustEnd) == ExchangeAction(.close(.shutDown), lettingGo: holds))
      #expect(left.machine.holds.isEmpty && left.machine.stage == .ended && left.deadline == nil)
    }
  }

  @Test("behind the end nothing happens but that what comes too late is given back")
  func afterTheEnd() {
    let silent: [ExchangeEvent] = [
      .answered(isRefusal: true), .routed(candidates: 2, isRepeatable: true), .began(ExchangeStory.times()),
      .admitted(isLimited: false), .admissionRefused(diverts: true), .sent, .answerBegan(isStream: true),
      .delivered(.text), .progressed, .upstreamEnded, .completed,
      .failed(.network, FaultTable.usual[.network], hasOtherEndpoints: true),
      .limitReached(isWhole: false, hasMore: true), .limitGivesMore, .limitRefuses(hasMore: true), .clientSlow,
      .clientReady, .clientLeft, .mustEnd, .time,
    ]
    for (story, _) in Self.stages {
      var story = story
      story.at(3, .clientLeft)
      for event in silent { #expect(story.at(4, event) == .nothing, "\(event)") }
      #expect(story.at(4, .leased) == ExchangeAction(.nothing, lettingGo: .session))
      #expect(story.at(4, .admitted(isLimited: true)) == ExchangeAction(.nothing, lettingGo: .grant))
      #expect(story.at(4, .leaseWaits) == ExchangeAction(.nothing, lettingGo: .leaseWait))
      #expect(story.at(4, .admissionWaits) == ExchangeAction(.nothing, lettingGo: .limitWait))
      #expect(story.at(4, .limitWaits) == ExchangeAction(.nothing, lettingGo: .limitWait))
      #expect(story.machine.holds.isEmpty && story.deadline == nil && story.machine.stage == .ended)
    }
  }

  @Test("a session or a grant that nobody waits for any more is given back, and the request goes on")
  func tooLate() {
    var story = ExchangeStory.streaming()
    #expect(story.at(1, .leased) == ExchangeAction(.nothing, lettingGo: .session))
    #expect(story.at(1, .admitted(isLimited: true)) == ExchangeAction(.nothing, lettingGo: .grant))
    #expect(story.machine.holds == .session && story.machine.stage == .relaying)
  }

  @Test("a machine is small: it is part of every request")
  func size() { #expect(MemoryLayout<ExchangeMachine>.stride <= 136) }
}
