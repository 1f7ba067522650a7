/// What happens to a request: told to ``ExchangeMachine``.
public enum ExchangeEvent: Hashable, Sendable {
  /// The gateway answers by itself: a list of models, health, a refusal of the head or the body.
  case answered(isRefusal: Bool)
  /// The body is complete and there are so many candidates.
  ///
  /// - Parameter isRepeatable: doing it twice is as good as once. Inference changes nothing but the bill; other endpoints create files and start batches
  ///   (RFC 9110 section 9.2.2).
  case routed(candidates: Int, isRepeatable: Bool)
  /// An attempt with the candidate in use begins; so long it may take.
  case began(AttemptTimes)

  /// The limits' word on the candidate in use.
  case admitted(isLimited: Bool)
  case admissionWaits
  /// - Parameter diverts: the limit lets the next candidate be asked.
  case admissionRefused(diverts: Bool)

  /// The pool's word.
  case leased
  case leaseWaits
  /// The request is on its way.
  case sent

  /// A head of an answer has come. What follows is judged as it comes.
  case answerBegan(isStream: Bool)
  /// Something of the answer has gone to the client.
  case delivered(Delivered)
  /// The upstream shows progress that nothing was released of.
  case progressed
  /// The upstream has ended its answer; its session is back in the pool. What waits behind a limit may still follow.
  case upstreamEnded
  /// All of the answer has gone to the client.
  case completed
  /// The attempt has failed.
  case failed(FaultClass, FaultTable.Reaction, hasOtherEndpoints: Bool)

  /// A limit was reached inside the answer.
  ///
  /// - Parameters:
  ///   - isWhole: nothing that is counted comes behind what has gone: the answer ends by itself.
  ///   - hasMore: bytes wait behind the last event that was let through, so the answer goes on for certain.
  case limitReached(isWhole: Bool, hasMore: Bool)
  case limitGivesMore
  case limitWaits
  case limitRefuses(hasMore: Bool)

  /// The client does not keep up, and does again.
  case clientSlow
  case clientReady
  case clientLeft
  /// The time for draining is over.
  case mustEnd

  /// The time of ``ExchangeMachine/deadline`` may have come.
  case time
}

/// How long an attempt may take.
public struct AttemptTimes: Hashable, Sendable {
  /// Until the first byte of an answer in one piece, from its request on. Longer than the next one: nothing shows that it is being worked on.
  public var answer: Span
  /// Until the first content of a stream; of an answer in one piece, from its head to its first byte.
  public var firstToken: Span
  /// Between any two contents.
  public var betweenTokens: Span
  /// From the request's arrival to the answer's end, over all attempts.
  public var total: Span
  /// The answer is a stream.
  public var isStream: Bool
  /// Whether comments may be sent into a stream while its upstream is silent.
  public var showsLife: Bool

  /// All of them.
  public init(
    answer: Span, firstToken: Span, betweenTokens: Span, total: Span, isStream: Bool, showsLife: Bool
  ) {
    self.answer = answer
    self.firstToken = firstToken
    self.betweenTokens = betweenTokens
    self.total = total
    self.isStream = isStream
    self.showsLife = showsLife
  }
}
