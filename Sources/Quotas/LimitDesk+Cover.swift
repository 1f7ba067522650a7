internal import RateLimiting
internal import Reactor

/// Whether the limits are so far from their ends that a prompt need not be counted.
extension LimitDesk {
  /// Whether every limit that is for the request surely has so many tokens of prompt left, as far as this node knows: what it has in hand and its even part of
  /// what the store last told. False where nothing has been told yet.
  ///
  /// A quota of a calendar period must have the longest answer left as well: near its end the answer is bounded by what the prompt leaves.
  ///
  /// - Parameter tokens: the most that the prompt can have, and all that others were taken for too little at worst.
  public func covers(promptTokens tokens: Int, of request: LimitRequest) -> Bool {
    reactor.assertOnReactor()
    let set = limits(of: request)
    guard set.unpriced == nil else { return false }
    let prompt = TokenUsage(input: min(max(0, tokens), 1 << 32))
    let answer = TokenUsage(output: request.choices * min(request.outputMax ?? Self.answerMost, Self.answerMost))
    return bucket.here((set, prompt, answer)) { bucket, question in
      let (set, prompt, answer) = question
      for place in 0..<set.terms.count {
        let terms = set.terms.address(place)
        guard terms.pointee.kind != .requests, bucket.isCurrent(terms.pointee.subject) else { continue }
        let (need, overflow) = terms.units(of: prompt).addingReportingOverflow(
          terms.pointee.isCalendar ? terms.units(of: answer) : 0)
        guard !overflow, need <= bucket.supply(terms.pointee.subject) else { return false }
      }
      return true
    }
  }

  /// No model answers more.
  private static let answerMost = 1 << 20
}

extension DistributedTokenBucket {
  /// Units in hand and an even part of the level that was last told; 0 if none was.
  func supply(_ subject: SubjectRef) -> Int {
    let ledger = subjects[Int(subject.place)].ledger
    guard ledger.seen.version != 0, ledger.nodesKnown > 0 else { return 0 }
    return max(0, ledger.balance) + max(0, ledger.seen.level) / ledger.nodesKnown
  }
}
