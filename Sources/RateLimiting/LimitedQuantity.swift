/// The tokens of a request by class; no token is in two.
public struct TokenUsage: Sendable, Hashable {
  /// Prompt tokens that no cache served.
  public var input: Int
  /// Prompt tokens that were read from a cache.
  public var cachedInput: Int
  /// Prompt tokens that were written to a cache.
  public var cacheWrite: Int
  /// Output tokens but those of reasoning.
  public var output: Int
  /// Output tokens of reasoning.
  public var reasoning: Int
  /// Requests that have a price of their own, beside their tokens.
  public var requests: Int
  /// Pictures that were made.
  public var images: Int

  /// A usage.
  @inlinable
  public init(
    input: Int = 0, cachedInput: Int = 0, cacheWrite: Int = 0, output: Int = 0, reasoning: Int = 0, requests: Int = 0,
    images: Int = 0
  ) {
    self.requests = requests
    self.images = images
    self.input = input
    self.cachedInput = cachedInput
    self.cacheWrite = cacheWrite
    self.output = output
    self.reasoning = reasoning
  }

  /// Tokens of a class, in bounds.
  @inlinable @inline(__always)
  static func bounded(_ count: Int) -> Int { min(max(0, count), 1 << 40) }
}

/// How much a token of each class counts, in thousandths: 1,000 is once.
public struct TokenWeights: Sendable, Hashable {
  // Fields and no array: they are copied and multiplied with at each request.
  @usableFromInline let input, cachedInput, cacheWrite, output, reasoning: Int32

  /// Weights from 0 to a thousand times, in thousandths.
  public init(input: Int, cachedInput: Int, cacheWrite: Int, output: Int, reasoning: Int) {
    func bounded(_ weight: Int) -> Int32 { Int32(min(max(0, weight), 1_000_000)) }
    self.input = bounded(input)
    self.cachedInput = bounded(cachedInput)
    self.cacheWrite = bounded(cacheWrite)
    self.output = bounded(output)
    self.reasoning = bounded(reasoning)
    let all = [input, cachedInput, cacheWrite, output, reasoning].map(bounded)
    unitsPerToken = all.allSatisfy { $0 % 1000 == 0 } ? 1 : 1000
  }

  /// Each token once.
  public static let total = TokenWeights(
    input: 1000, cachedInput: 1000, cacheWrite: 1000, output: 1000, reasoning: 1000)
  /// Prompts only.
  public static let input = TokenWeights(input: 1000, cachedInput: 1000, cacheWrite: 1000, output: 0, reasoning: 0)
  /// Answers only.
  public static let output = TokenWeights(input: 0, cachedInput: 0, cacheWrite: 0, output: 1000, reasoning: 1000)

  /// Units of the bucket for one token: 1 where all weights are whole, else 1,000, so that nothing is rounded.
  public let unitsPerToken: Int

  /// The usage in units of the bucket.
  @inlinable @inline(__always)
  public func units(of usage: TokenUsage) -> Int {
    // At most 2^40 · 10^6 each: five of them fit.
    let sum =
      TokenUsage.bounded(usage.input) * Int(input) + TokenUsage.bounded(usage.cachedInput) * Int(cachedInput)
      + TokenUsage.bounded(usage.cacheWrite) * Int(cacheWrite) + TokenUsage.bounded(usage.output) * Int(output)
      + TokenUsage.bounded(usage.reasoning) * Int(reasoning)
    return min(unitsPerToken == 1 ? sum / 1000 : sum, LeaseRate.amountMax)
  }

  /// The same of a prompt that no cache serves.
  @inlinable @inline(__always)
  public func units(ofInput count: Int) -> Int {
    let sum = TokenUsage.bounded(count) * Int(input)
    return min(unitsPerToken == 1 ? sum / 1000 : sum, LeaseRate.amountMax)
  }
}

/// Prices by class, in millionths of the currency unit for a million tokens: 0.14 a million is 140,000.
public struct TokenPrices: Sendable, Hashable {
  let input, cachedInput, cacheWrite, output, reasoning: Int
  /// Millionths of the currency unit for one.
  let request, image: Int

  /// Prices up to a million currency units for a million tokens.
  ///
  /// - Parameters:
  ///   - request: millionths of the currency unit for each request, beside its tokens.
  ///   - image: the same for each picture that was made.
  public init(
    input: Int, cachedInput: Int, cacheWrite: Int, output: Int, reasoning: Int, request: Int = 0, image: Int = 0
  ) {
    func bounded(_ price: Int) -> Int { min(max(0, price), 1_000_000_000_000) }
    self.request = bounded(request)
    self.image = bounded(image)
    self.input = bounded(input)
    self.cachedInput = bounded(cachedInput)
    self.cacheWrite = bounded(cacheWrite)
    self.output = bounded(output)
    self.reasoning = bounded(reasoning)
  }
}

/// The cost of one request in millionths of the currency unit, as it grows. A cheap token costs less than a millionth: what is below is carried on, and only
/// the end rounds, up.
public struct MoneyMeter: Sendable, Hashable {
  private static let whole = 1_000_000
  private var carried = 0

  /// Nothing spent.
  public init() {}

  /// More tokens; gives back the millionths that they make whole.
  public mutating func add(_ usage: TokenUsage, _ prices: TokenPrices) -> Int {
    var micros = 0
    add(usage.input, prices.input, to: &micros)
    add(usage.cachedInput, prices.cachedInput, to: &micros)
    add(usage.cacheWrite, prices.cacheWrite, to: &micros)
    add(usage.output, prices.output, to: &micros)
    add(usage.reasoning, prices.reasoning, to: &micros)
    if usage.requests > 0 { add(whole: usage.requests, prices.request, to: &micros) }
    if usage.images > 0 { add(whole: usage.images, prices.image, to: &micros) }
    micros += carried / Self.whole
    carried %= Self.whole
    return min(micros, LeaseRate.amountMax)
  }

  private func add(whole count: Int, _ price: Int, to micros: inout Int) {
    let (product, overflow) = TokenUsage.bounded(count).multipliedReportingOverflow(by: price)
    micros = overflow ? LeaseRate.amountMax : min(micros + min(product, LeaseRate.amountMax), LeaseRate.amountMax)
  }

  private mutating func add(_ count: Int, _ price: Int, to micros: inout Int) {
    let count = TokenUsage.bounded(count)
    guard count > 0, price > 0 else { return }
    let (product, overflow) = count.multipliedReportingOverflow(by: price)
    // Nearly always: a division by a constant is a multiplication.
    guard overflow else {
      micros = min(micros + product / Self.whole, LeaseRate.amountMax)
      return carried += product % Self.whole
    }
    // Counts are at most 2^40 and prices at most 10^12: the quotient fits.
    let part = Self.whole.dividingFullWidth(count.multipliedFullWidth(by: price))
    micros = min(micros + min(part.quotient, LeaseRate.amountMax), LeaseRate.amountMax)
    carried += part.remainder
  }

  /// The end: one millionth more if anything is carried.
  public mutating func finish() -> Int {
    defer { carried = 0 }
    return carried > 0 ? 1 : 0
  }
}

/// What a limit counts.
public enum LimitedQuantity: Sendable, Hashable {
  /// Tokens, by weights.
  case tokens(TokenWeights)
  /// Requests.
  case requests
  /// Streams that run at once.
  case concurrency
  /// Money, in millionths of the currency unit.
  case money(currency: String)
}
