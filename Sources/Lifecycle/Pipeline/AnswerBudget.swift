/// What a stream may still bring before its limits must be asked: a value, filled from outside and spent as tokens are counted, before they are forwarded.
///
/// Away from any limit the tokens that nothing can take away are enough, and cost nothing to know; near one each event's are counted to the last, so
/// that the limit is met at the event that reaches it.
public struct AnswerBudget: Sendable {
  /// Whether there is a limit at all.
  public let isLimited: Bool
  /// Tokens that may pass before the limits must be asked; below zero they must be asked now.
  private var left: Int
  private var counted = 0
  private var output = 0
  private var reasoning = 0
  /// Whether each event's tokens are to be counted to the last; at the beginning it is not known how much there is.
  private(set) var isNearLimit = true
  /// The last event that is let through has been read.
  public private(set) var isDry = false

  /// Without a limit.
  public static let unlimited = AnswerBudget(isLimited: false, left: .max)

  /// So many tokens to begin with.
  public init(left: Int) { self.init(isLimited: true, left: left) }

  private init(isLimited: Bool, left: Int) {
    self.isLimited = isLimited
    self.left = left
  }

  /// Whether the limits must be asked before the next event.
  var isLow: Bool { left < 0 && !isDry }

  /// Spends what has come since the last time.
  ///
  /// - Parameter seen: tokens of the answer so far.
  @inline(__always)
  mutating func spend(upTo seen: Int, isReasoning: Bool) {
    let count = seen &- counted
    guard count > 0 else { return }
    counted = seen
    if isReasoning { reasoning &+= count } else { output &+= count }
    left &-= count
    isNearLimit = left < 0
  }

  /// Hands over what was spent since the last time: tokens of output, those of reasoning apart.
  public mutating func takeSpent() -> (output: Int, reasoning: Int) {
    defer { (output, reasoning) = (0, 0) }
    return (output, reasoning)
  }

  /// The limits allow so many more.
  public mutating func allow(_ tokens: Int, isNearLimit: Bool) {
    left = max(0, tokens)
    self.isNearLimit = isNearLimit
    isDry = false
  }

  /// The limits allow no more: the event that was read last is the last.
  public mutating func runDry() {
    isDry = true
    isNearLimit = true
  }
}
