internal import Quotas

/// Spends a stream's allowance as its tokens are counted.
///
/// Away from any limit the tokens that nothing can take away are enough, and cost nothing to know; near one each event's are counted to the last, so
/// that the limit is met at the event that reaches it.
struct StreamSpending {
  let grant: LimitGrant
  /// Why the stream must not go on, since a limit was reached.
  var refusal: LimitRefusal?
  private var spent = 0
  /// Whether each event's tokens are to be told to the last; at the beginning it is not known how much there is.
  private(set) var isNearLimit = true

  init(grant: LimitGrant) { self.grant = grant }

  /// Spends what has come since the last time.
  ///
  /// - Parameter seen: tokens of the answer so far.
  @inline(__always)
  mutating func spend(upTo seen: Int, isReasoning: Bool) {
    guard seen > spent else { return }
    let standing = grant.spend(outputTokens: seen &- spent, isReasoning: isReasoning)
    spent = seen
    switch standing {
    case .ample: isNearLimit = false
    case .low: isNearLimit = true
    case .dry(let refusal):
      isNearLimit = true
      self.refusal = refusal
    }
  }
}
