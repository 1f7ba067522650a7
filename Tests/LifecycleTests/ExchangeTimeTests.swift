import Lifecycle
import Testing

@Suite("Time in a request's life")
struct ExchangeTimeTests {
  @Test("a stream: the first token, then each next one, in all no longer than the total time")
  func stream() {
    var story = ExchangeStory.routed()
    #expect(story.deadline == 60_000)
    story.at(100, .admitted(isLimited: false))
    story.sent(at: 100)
    #expect(story.deadline == 1_100)
    // The head is no token.
    story.at(500, .answerBegan(isStream: true))
    #expect(story.deadline == 1_100)
    #expect(story.at(1_099, .time) == .nothing)
    #expect(story.at(1_100, .time) == ExchangeAction(.timedOut(.firstToken)))
    story.at(1_050, .delivered(.text))
    #expect(story.deadline == 3_050)
    #expect(story.at(3_050, .time) == ExchangeAction(.timedOut(.betweenTokens)))
    story.at(59_000, .delivered(.text))
    #expect(story.deadline == 60_000)
    #expect(story.at(60_000, .time) == ExchangeAction(.timedOut(.total)))
  }

  @Test("beginnings are no content: the time of the first token runs on behind them")
  func beginnings() {
    var story = ExchangeStory.asked()
    story.at(0, .answerBegan(isStream: true))
    story.at(900, .delivered(.beginnings))
    #expect(story.deadline == 1_000)
    #expect(story.at(1_000, .time) == ExchangeAction(.timedOut(.firstToken)))
  }

  @Test("an answer in one piece: a long time to its first byte, a short one behind its head, then only the total")
  func onePiece() {
    var story = ExchangeStory.asked(times: ExchangeStory.times(isStream: false))
    #expect(story.deadline == 10_000)
    var silent = story
    #expect(silent.at(10_000, .time) == ExchangeAction(.timedOut(.answer)))
    story.at(2_000, .answerBegan(isStream: false))
    #expect(story.deadline == 3_000)
    #expect(story.at(3_000, .time) == ExchangeAction(.timedOut(.firstToken)))
    // Blank bytes show that it is worked on: it has the time that it had without a head.
    story.at(2_500, .progressed)
    #expect(story.deadline == 10_000)
    #expect(story.at(10_000, .time) == ExchangeAction(.timedOut(.answer)))
    story.at(9_000, .delivered(.text))
    #expect(story.deadline == 60_000)
  }

  @Test("a slow client stops the upstream and its time; ready again, it is read, and its time begins anew")
  func slowClient() {
    var story = ExchangeStory.streaming(times: ExchangeStory.times(showsLife: false))
    #expect(story.at(100, .clientSlow) == ExchangeAction(.hold))
    #expect(story.deadline == 60_000)
    #expect(story.at(30_000, .clientReady) == ExchangeAction(.resume))
    #expect(story.deadline == 32_000)
    #expect(story.at(30_001, .clientReady) == .nothing)
  }

  @Test("a client that is slow while another upstream is asked: that is not read either, until the client is ready")
  func slowBetweenAttempts() {
    var story = ExchangeStory.asked(candidates: 2)
    story.at(0, .answerBegan(isStream: true))
    // Comments of ours alone.
    story.at(1, .clientSlow)
    #expect(story.fails(.network).step == .admit)
    story.at(1, .admitted(isLimited: false))
    story.at(1, .leased)
    #expect(story.at(1, .sent) == ExchangeAction(.hold))
    #expect(story.deadline == 5_000)
    #expect(story.at(6_000, .clientReady) == ExchangeAction(.resume))
    #expect(story.deadline == 5_000 || story.deadline == 7_000)
    story.at(6_000, .time)
    #expect(story.deadline == 7_000)
  }

  @Test("slow without a session there is nothing to hold")
  func slowWithoutSession() {
    var story = ExchangeStory.asked(candidates: 2)
    story.fails(.network)
    #expect(story.at(1, .clientSlow) == .nothing)
    #expect(story.at(2, .clientReady) == .nothing)
  }

  @Test("a stream whose upstream is silent shows life every five seconds, over attempts, but not to a slow client")
  func lifeSigns() {
    var story = ExchangeStory.asked(candidates: 2)
    #expect(story.deadline == 1_000)
    story.at(0, .answerBegan(isStream: true))
    story.fails(.network, at: 900)
    #expect(story.at(4_999, .time) == .nothing)
    #expect(story.at(5_000, .time) == ExchangeAction(.showLife))
    #expect(story.deadline == 10_000)
    story.at(6_000, .clientSlow)
    #expect(story.at(10_000, .time) == .nothing)
    #expect(story.deadline == 15_000)
  }

  @Test("no comment is put into an answer in one piece, nor before one to who asked for it")
  func noLifeInOnePiece() {
    var story = ExchangeStory.asked(candidates: 2)
    story.at(0, .answerBegan(isStream: true))
    story.fails(.network)
    story.at(1, .admitted(isLimited: false))
    story.sent(at: 1)
    story.at(2, .answerBegan(isStream: false))
    story.at(3, .delivered(.text))
    #expect(story.deadline == 60_000)
    #expect(story.at(30_000, .time) == .nothing)
    // A stream that nobody asked for.
    story = .asked(candidates: 2, times: ExchangeStory.times(isStream: false))
    story.at(0, .answerBegan(isStream: true))
    story.fails(.network)
    #expect(story.deadline == 60_000)
    // An endpoint whose streams have no comments.
    story = .streaming(times: ExchangeStory.times(showsLife: false))
    story.at(0, .upstreamEnded)
    #expect(story.deadline == 60_000)
  }

  @Test("the next candidate's times hold from its beginning on, the total from the request's arrival")
  func nextTimes() {
    var story = ExchangeStory.asked(candidates: 2)
    story.fails(.network, at: 900)
    story.at(900, .began(ExchangeStory.times(totalMilliseconds: 5_000)))
    #expect(story.deadline == 5_000)
    story = .asked(candidates: 2)
    story.fails(.network, at: 900)
    // It has less time than has passed.
    story.at(900, .began(ExchangeStory.times(totalMilliseconds: 500)))
    #expect(story.at(900, .time) == ExchangeAction(.timedOut(.total)))
  }

  @Test("moments saturate: a time-out without end never comes")
  func saturates() {
    #expect(Moment(nanoseconds: 5) + Span(nanoseconds: .max) == .never)
    #expect(Moment.never + .milliseconds(1) == .never)
    #expect(Moment(nanoseconds: 5) + .milliseconds(1) == Moment(nanoseconds: 1_000_005))
    #expect(Moment(nanoseconds: 5) < .never && Span.milliseconds(1) < .milliseconds(2))
  }
}
