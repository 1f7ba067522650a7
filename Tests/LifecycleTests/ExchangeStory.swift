import Lifecycle

/// A machine that is told a story: what happens, and at which millisecond.
struct ExchangeStory {
  var machine = ExchangeMachine(startedAt: Moment(nanoseconds: 0))

  /// The first token within 1 s, the next ones within 2 s, an answer in one piece within 10 s, all within 60 s.
  static func times(
    isStream: Bool = true, showsLife: Bool = true, totalMilliseconds: UInt64 = 60_000
  ) -> AttemptTimes {
    AttemptTimes(
      answer: .milliseconds(10_000), firstToken: .milliseconds(1_000), betweenTokens: .milliseconds(2_000),
      total: .milliseconds(totalMilliseconds), isStream: isStream, showsLife: showsLife)
  }

  @discardableResult
  mutating func at(_ milliseconds: UInt64, _ event: ExchangeEvent) -> ExchangeAction {
    machine.handle(event, at: Moment(nanoseconds: milliseconds * 1_000_000))
  }

  /// Routed and begun, at 0.
  static func routed(
    candidates: Int = 1, isRepeatable: Bool = true, times: AttemptTimes = times()
  ) -> ExchangeStory {
    var story = ExchangeStory()
    story.at(0, .routed(candidates: candidates, isRepeatable: isRepeatable))
    story.at(0, .began(times))
    return story
  }

  /// Admitted by limits, and the upstream is asked, at 0.
  static func asked(
    candidates: Int = 1, isRepeatable: Bool = true, isLimited: Bool = false, times: AttemptTimes = times()
  ) -> ExchangeStory {
    var story = routed(candidates: candidates, isRepeatable: isRepeatable, times: times)
    story.at(0, .admitted(isLimited: isLimited))
    story.sent(at: 0)
    return story
  }

  /// A stream that has begun, at 0, and of which the client has text.
  static func streaming(candidates: Int = 1, isLimited: Bool = false, times: AttemptTimes = times()) -> ExchangeStory {
    var story = asked(candidates: candidates, isLimited: isLimited, times: times)
    story.at(0, .answerBegan(isStream: true))
    story.at(0, .delivered(.text))
    return story
  }

  /// A session is there at once.
  mutating func sent(at milliseconds: UInt64) {
    at(milliseconds, .leased)
    at(milliseconds, .sent)
  }

  /// A fault with the usual reaction.
  @discardableResult
  mutating func fails(_ fault: FaultClass, at milliseconds: UInt64 = 1, hasOtherEndpoints: Bool = false)
    -> ExchangeAction
  {
    at(milliseconds, .failed(fault, FaultTable.usual[fault], hasOtherEndpoints: hasOtherEndpoints))
  }

  /// The deadline in milliseconds; nil for never.
  var deadline: UInt64? {
    machine.deadline == .never ? nil : machine.deadline.nanoseconds / 1_000_000
  }
}
