/// What a request reserves of a limit for its answer before it begins.
///
/// A stream draws little ahead and goes on drawing as its events pass. Of an answer in one piece nothing is seen until it is there: what it may cost is reserved
/// while it runs. The reservation never makes a debt: of a limit that refills it takes at most half of what the bucket holds, and the rest is left to
/// ``LookAhead``. For most answers are much shorter than what they may have, and a debt would halt those that run.
public enum OutputReserve {
  /// What an answer in one piece may have at most if nobody says: no model answers more.
  public static let tokensMax = 1 << 17

  /// Tokens that an answer in one piece may cost.
  ///
  /// - Parameters:
  ///   - maxTokens: the caller's bound; nil: what is learned counts.
  ///   - outputMax: the most that the model can answer; nil: not known.
  public static func onePiece(maxTokens: Int?, outputMax: Int?, _ learned: OutputExpectation) -> Int {
    let most = min(maxTokens ?? .max, outputMax ?? tokensMax)
    return maxTokens == nil ? learned.expected(maxTokens: most) : max(1, most)
  }

  /// Units of output to draw with a prompt of an answer in one piece.
  ///
  /// - Parameters:
  ///   - output: what the answer may cost.
  ///   - ahead: what a stream would draw; taken in any case.
  ///   - prompt: units of the prompt.
  ///   - most: what prompt and reservation may take together: ``most(_:)``.
  @inlinable @inline(__always)
  public static func drawn(output: Int, ahead: Int, prompt: Int, most: Int) -> Int {
    min(output, max(ahead, most - prompt))
  }

  /// Whether a prompt leaves a debt of more than a full bucket, behind which a stream that goes on drawing would be cut.
  ///
  /// - Parameter most: ``most(_:)``.
  @inlinable @inline(__always)
  public static func isDeepDebt(_ prompt: Int, _ most: Int) -> Bool { prompt / 3 > most }

  /// What prompt and reservation may take of a bucket together; of a quota all that is there.
  public static func most(_ bucket: BucketTerms) -> Int { bucket.rate.isNone ? LeaseRate.amountMax : bucket.burst / 2 }
}
