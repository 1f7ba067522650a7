/// What a fleet is asked to show: a limit, a demand, and for how long.
struct FleetPlan: Codable {
  /// Gateway processes.
  var nodes: Int
  /// Streams that clients keep open, or try to.
  var streams: Int
  /// What they would take, were there no limit, as a multiple of the limit.
  var demand: Double
  /// Tokens of the limit.
  var limit: Int
  /// In so many seconds.
  var perSeconds: Int
  /// Before the measured time.
  var settleSeconds: Int
  /// The measured time.
  var seconds: Int
  /// Mean text events of an answer; each has from half to one and a half times as many.
  var answerEvents: Int
  /// Tokens of such an answer.
  var answerTokens = 0
  /// Tokens of the prompt; found out by asking a gateway.
  var promptTokens = 0
  /// How long the gateway's limit lets a request wait.
  var waitMilliseconds: Int
  /// A request without a byte for so long hangs.
  var hangSeconds: Int

  /// A refused client asks again after at most so long, whatever the answer says.
  static let retryMillisecondsMax = 500

  /// Between two events, so that the demand comes to its multiple of the limit.
  var gapMicroseconds: Int {
    let tokensPerSecond = demand * Double(limit) / Double(perSeconds) / Double(streams)
    let tokens = Double(promptTokens + max(answerTokens, answerEvents))
    return max(100, Int(tokens / tokensPerSecond / Double(answerEvents) * 1_000_000))
  }

  /// From the beginning to the end of the measured time.
  var endMillisecond: Int { (settleSeconds + seconds) * 1000 }
  /// The limit's window.
  var windowMilliseconds: Int { perSeconds * 1000 }

  /// Tokens as a percentage of what the limit allows in so many milliseconds.
  func percent(_ tokens: Int, of milliseconds: Int) -> Double {
    Double(tokens) * 100 / (Double(limit) * Double(milliseconds) / Double(windowMilliseconds))
  }
}

/// How requests ended, as their clients saw it.
struct FleetCounts: Codable {
  /// Streams with all their events.
  var done = 0
  /// Streams that ended before, as the protocol wants it: finish_reason `length`.
  var cut = 0
  /// Answers 429.
  var refused = 0
  /// Error events within a stream.
  var errors = 0
  /// Ends that are none: a connection that closed, another status, no finish_reason, no `[DONE]`.
  var broken = 0
  /// Requests without a byte for too long.
  var hung = 0
  /// Whole streams whose usage is not what was counted.
  var miscounted = 0
  /// The largest difference between a cut stream's usage and what was counted.
  var cutDifferenceMax = 0
  /// The first broken ends, in words.
  var samples: [String] = []

  mutating func note(_ words: String) {
    broken += 1
    if samples.count < 8 { samples.append(words) }
  }
}
