/// A price as far as it has been read.
struct ModelPriceDraft: Sendable {
  var input: Int?
  var output: Int?
  var cached: Int?
  var cacheWrite: Int?
  var reasoning: Int?
  var request: Int?
  var image: Int?
  var currency = "USD"

  private static let amount = ConfigurationValueType<Int?>.optional(.decimal(0...ModelPrice.microsMax))

  static let section = ConfigurationSection<ModelPriceDraft>(fields: [
    .value(
      "input", \.input, amount, default: Self(),
      "For a million prompt tokens; needed with `output` unless `request` or `image` is given."),
    .value(
      "output", \.output, amount, default: Self(),
      "For a million tokens of answers; needed with `input` unless `request` or `image` is given."),
    .value(
      "cached", \.cached, amount, default: Self(),
      "For a million prompt tokens read from a cache; left out, as `input`."
    ),
    .value(
      "cacheWrite", \.cacheWrite, amount, default: Self(),
      "For a million prompt tokens written to a cache; left out, as `input`."),
    .value(
      "reasoning", \.reasoning, amount, default: Self(), "For a million tokens of thoughts; left out, as `output`."),
    .value("request", \.request, amount, default: Self(), "For each request, beside its tokens."),
    .value("image", \.image, amount, default: Self(), "For each picture that a request makes, beside its tokens."),
    .value(
      "currency", \.currency, .currency, default: Self(),
      "The currency's ISO code; a budget that counts the model has the same one, for nothing is converted."),
  ])

  /// The price; nil when a part is missing, which is then reported.
  func price(_ path: String, _ reading: inout ConfigurationReading) -> ModelPrice? {
    let isByRequest = request != nil || image != nil
    guard let input = input ?? (isByRequest && output == nil ? 0 : nil),
      let output = output ?? (isByRequest && self.input == nil ? 0 : nil)
    else {
      reading.report(
        at: path, "`\(self.input == nil ? "input" : "output")` is missing",
        "Give input and output, for a million tokens each: { input: 0.14, output: 2.19 }")
      return nil
    }
    return ModelPrice(
      input: input, output: output, cached: cached, cacheWrite: cacheWrite, reasoning: reasoning,
      request: request ?? 0, image: image ?? 0, currency: currency)
  }
}

extension ConfigurationValueType where Value == Int {
  /// A decimal number, in millionths.
  static func decimal(_ range: ClosedRange<Int>) -> Self {
    ranged(
      .decimal(millionths: range), range, expected: "a decimal number",
      mend: "Write digits, with at most six behind a point; for example 0.14",
      parse: DecimalText.millionths, words: DecimalText.words)
  }
}

extension ConfigurationValueType where Value == String {
  /// An ISO 4217 code, by its form.
  static var currency: Self {
    ConfigurationValueType(kind: .currency) { node, path, reading in
      guard let text = reading.text(node, path, expected: "a currency") else { return nil }
      guard text.text.utf8.count == 3, text.text.utf8.allSatisfy({ (0x41...0x5A).contains($0) }) else {
        reading.report(
          node.position, path, "expected a currency, found \(ConfigurationReading.shown(text))",
          "Write the three capital letters of its ISO code; for example USD")
        return nil
      }
      return text.text
    } show: {
      $0
    }
  }
}
