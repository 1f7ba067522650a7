/// Bounds the forwarded `max_tokens` by what quotas and budgets have left, so that the upstream itself stops in time. Limits that refill are not counted: a
/// stream may outlast what they hold now.
public struct OutputClamp: Sendable, Hashable {
  private var most = Int.max

  /// No bound yet.
  public init() {}

  /// A quota that has so many units left.
  ///
  /// - Parameters:
  ///   - left: units left.
  ///   - prompt: units of the prompt, in the quota's units.
  ///   - unitsPerToken: what a token of output costs, in thousandths of the quota's unit (1,000: counted one by one); 0 if output is free.
  public mutating func bound(left: Int, prompt: Int, thousandthsPerToken: Int) {
    guard thousandthsPerToken > 0 else { return }
    let left = min(max(0, left), LeaseRate.amountMax) - min(max(0, prompt), LeaseRate.amountMax)
    most = min(most, max(0, left) * 1000 / thousandthsPerToken)
  }

  /// What to forward for a caller's `max_tokens`.
  public enum Answer: Sendable, Hashable {
    /// As the caller said.
    case keep
    /// At most so many, at least one: where the prompt has taken the last, an answer of one token is all that is owed.
    case clamp(Int)
  }

  /// What to forward for a caller's `max_tokens` (nil: not given).
  ///
  /// - Parameter outputMax: the most that the model can answer: where that much is left no bound is needed, and one beyond it is refused by many upstreams.
  public func answer(maxTokens: Int?, outputMax: Int? = nil) -> Answer {
    if let maxTokens, maxTokens <= most { return .keep }
    return most == .max || (outputMax.map { most >= $0 } ?? false) ? .keep : .clamp(max(1, most))
  }
}
