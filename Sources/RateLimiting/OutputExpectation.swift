/// How much output a model's answers have, as learned from those that ended: mean and, from the time they took, pace. One for each model and limit
/// class; a plain value without memory of single answers.
public struct OutputExpectation: Sendable, Hashable {
  /// Weight of the newest answer once many are known.
  static let weight = 0.05
  /// By how much one shorter answer brings ``longTokens`` down.
  private static let descent = 1.0 / 16

  /// Units of output that an answer is expected to have.
  public private(set) var tokens: Double
  /// Units that an answer may well have: it follows a longer answer at once and shorter ones slowly.
  public private(set) var longTokens: Double
  /// Units a second while it runs.
  public private(set) var tokensPerSecond: Double
  private var known = 0

  /// What is believed before the first answer.
  public init(tokens: Int = 500, tokensPerSecond: Int = 50) {
    self.tokens = Double(max(1, tokens))
    longTokens = self.tokens
    self.tokensPerSecond = Double(max(1, tokensPerSecond))
  }

  /// An answer has ended by itself (cut ones would teach that answers are short).
  public mutating func ended(tokens count: Int, milliseconds: Int) {
    guard count >= 0 else { return }
    known = min(known + 1, 1000)
    let weight = max(Self.weight, 1 / Double(known))
    tokens += (Double(min(count, 1 << 40)) - tokens) * weight
    tokens = max(1, tokens)
    let seen = Double(min(count, 1 << 40))
    longTokens = max(1, seen, longTokens + (seen - longTokens) * Self.descent)
    guard milliseconds > 0, count > 1 else { return }
    let pace = Double(min(count, 1 << 40)) * 1000 / Double(milliseconds)
    tokensPerSecond = max(0.1, tokensPerSecond + (pace - tokensPerSecond) * weight)
  }

  /// The output to reckon with for a request that allows at most `maxTokens`.
  public func expected(maxTokens: Int?) -> Int {
    let most = Double(max(1, maxTokens ?? .max))
    return Int(min(tokens, most, Double(LeaseRate.amountMax)).rounded(.up))
  }

  /// What an answer may have had that was abandoned after so long: what long ones have, or what comes in that time at the pace of others, at least that which is
  /// believed at first.
  public func abandoned(afterMilliseconds milliseconds: Int) -> Int {
    max(Int(longTokens.rounded(.up)), paced(milliseconds))
  }

  /// What comes in so long at the pace of others.
  public func paced(_ milliseconds: Int) -> Int {
    Int(min(max(tokensPerSecond, 50) * Double(max(0, milliseconds)) / 1000, 0x1p40).rounded(.up))
  }

  /// Milliseconds that an expected answer runs.
  public var milliseconds: Int { milliseconds(for: tokens) }

  /// Milliseconds that an answer of so many units runs, at most an hour.
  public func milliseconds(for count: Int) -> Int { milliseconds(for: Double(max(0, count))) }

  private func milliseconds(for count: Double) -> Int {
    max(1, Int(min(count / tokensPerSecond * 1000, 3_600_000)))
  }
}
