import Lifecycle
import Testing

@Suite("Limits inside an answer")
struct ExchangeLimitTests {
  private let times = ExchangeStory.times(showsLife: false)

  /// At 0 a limit is reached and more was asked for.
  private func atLimit(hasMore: Bool) -> ExchangeStory {
    var story = ExchangeStory.streaming(isLimited: true, times: times)
    #expect(story.at(0, .limitReached(isWhole: false, hasMore: hasMore)) == ExchangeAction(.askForMore))
    return story
  }

  @Test("there is more at once: the stream goes on")
  func moreAtOnce() {
    var story = atLimit(hasMore: true)
    #expect(story.at(0, .limitGivesMore) == ExchangeAction(.goOn))
    #expect(story.deadline == 2_000)
    // And is asked for again.
    #expect(story.at(1, .limitReached(isWhole: false, hasMore: false)) == ExchangeAction(.askForMore))
  }

  @Test("the upstream is held while the limit is waited for, and cannot be late")
  func waits() {
    var story = atLimit(hasMore: true)
    #expect(story.at(0, .limitWaits) == ExchangeAction(.hold))
    #expect(story.machine.holds == [.session, .grant, .limitWait] && story.deadline == 60_000)
    // It is asked once.
    #expect(story.at(1, .limitReached(isWhole: false, hasMore: true)) == .nothing)
    #expect(story.at(9_000, .limitGivesMore) == ExchangeAction(.goOn))
    #expect(story.machine.holds == [.session, .grant] && story.deadline == 11_000)
  }

  @Test("refused with more of the answer at hand, or with its upstream at its end: it ends here")
  func refused() {
    var story = atLimit(hasMore: true)
    #expect(
      story.at(0, .limitRefuses(hasMore: true)) == ExchangeAction(.close(.truncated), lettingGo: [.session, .grant]))
    story = .streaming(isLimited: true, times: times)
    story.at(0, .upstreamEnded)
    story.at(0, .limitReached(isWhole: false, hasMore: true))
    #expect(story.at(0, .limitRefuses(hasMore: false)) == ExchangeAction(.close(.truncated), lettingGo: .grant))
  }

  @Test("refused with nothing behind: the answer's own end is waited for, 50 ms")
  func grace() {
    var story = atLimit(hasMore: false)
    #expect(story.at(0, .limitRefuses(hasMore: false)) == ExchangeAction(.resume))
    #expect(story.deadline == 50)
    var late = story
    #expect(late.at(50, .time) == ExchangeAction(.close(.truncated), lettingGo: [.session, .grant]))
    var longer = story
    #expect(longer.at(10, .limitReached(isWhole: false, hasMore: false)) == .nothing)
    #expect(longer.deadline == 50)
    #expect(longer.at(20, .limitReached(isWhole: false, hasMore: true)).step == .close(.truncated))
    #expect(story.at(10, .limitReached(isWhole: true, hasMore: false)) == .nothing)
    #expect(story.deadline == 2_010)
    story.at(11, .upstreamEnded)
    #expect(story.at(11, .completed) == ExchangeAction(.close(.whole), lettingGo: .grant))
  }

  @Test("an answer that ends at its limit needs no more, and does not wait for it")
  func whole() {
    var story = ExchangeStory.streaming(isLimited: true, times: times)
    #expect(story.at(0, .limitReached(isWhole: true, hasMore: false)) == .nothing)
    story = atLimit(hasMore: false)
    story.at(0, .limitWaits)
    #expect(
      story.at(5, .limitReached(isWhole: true, hasMore: false)) == ExchangeAction(.resume, lettingGo: .limitWait))
    #expect(story.machine.holds == [.session, .grant] && story.deadline == 2_005)
  }

  @Test("more that is given while the client is slow waits for the client")
  func moreWhileSlow() {
    var story = atLimit(hasMore: true)
    story.at(0, .limitWaits)
    story.at(1, .clientSlow)
    #expect(story.at(2, .limitGivesMore) == .nothing)
    #expect(story.machine.holds == [.session, .grant] && story.deadline == 60_000)
    #expect(story.at(3, .clientReady) == ExchangeAction(.goOn))
    #expect(story.deadline == 2_003)
  }

  @Test("a client that is ready while the limit is waited for changes nothing")
  func readyWhileWaiting() {
    var story = atLimit(hasMore: true)
    story.at(0, .limitWaits)
    story.at(1, .clientSlow)
    #expect(story.at(2, .clientReady) == .nothing)
    #expect(story.deadline == 60_000)
    #expect(story.at(3, .limitGivesMore) == ExchangeAction(.goOn))
  }

  @Test("a slow client's upstream has its 50 ms when it is read again")
  func graceWhileSlow() {
    var story = atLimit(hasMore: false)
    story.at(0, .clientSlow)
    #expect(story.at(0, .limitRefuses(hasMore: false)) == .nothing)
    #expect(story.deadline == 60_000)
    #expect(story.at(9_000, .clientReady) == ExchangeAction(.resume))
    #expect(story.deadline == 9_050)
  }

  @Test("an upstream that breaks while the limit is waited for ends it, and the wait with it")
  func breaksWhileWaiting() {
    var story = atLimit(hasMore: true)
    story.at(0, .limitWaits)
    #expect(story.fails(.network) == ExchangeAction(.close(.fault), lettingGo: [.session, .grant, .limitWait]))
  }
}
