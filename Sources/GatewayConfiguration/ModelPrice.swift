/// What a model's tokens cost: integers in millionths of the currency's unit for a million tokens, so that 0.14 a million is 140,000
/// and one token costs as many millionths of a millionth. Each is 0 to ``microsMax``.
public struct ModelPrice: Sendable, Equatable {
  /// A million of the currency's units for a million tokens.
  public static let microsMax = 1_000_000 * 1_000_000

  /// Prompt tokens that no cache served.
  public var input: Int
  /// Output tokens but those of reasoning.
  public var output: Int
  /// Prompt tokens read from a cache; without a price of their own that of ``input``.
  public var cached: Int
  /// Prompt tokens written to a cache; without a price of their own that of ``input``.
  public var cacheWrite: Int
  /// Output tokens of reasoning; without a price of their own that of ``output``.
  public var reasoning: Int
  /// One request, beside its tokens, in millionths of the currency's unit.
  public var request: Int
  /// One picture that it makes, in millionths of the currency's unit.
  public var image: Int
  /// The ISO 4217 code, three capital letters.
  public var currency: String

  /// A price from its parts.
  public init(
    input: Int, output: Int, cached: Int? = nil, cacheWrite: Int? = nil, reasoning: Int? = nil, request: Int = 0,
    image: Int = 0, currency: String = "USD"
  ) {
    self.request = request
    self.image = image
    self.input = input
    self.output = output
    self.cached = cached ?? input
    self.cacheWrite = cacheWrite ?? input
    self.reasoning = reasoning ?? output
    self.currency = currency
  }
}
