public import ChatProtocol
internal import Tokenization

/// Counts the tokens of one text that arrives as strings of JSON, part by part: escapes resolved, by whichever measure the model has.
public struct TextCounter: Sendable {
  // Two optionals in place of an enumeration: changed where they are, without taking the payload out.
  private var exact: TokenCounter?
  private var estimator: TokenEstimator?
  private let ratio: Double
  private var decoder = JSONTextDecoder()

  /// A counter at the start of a text.
  public init(_ measure: TokenMeasure) {
    switch measure {
    case .exact(let vocabulary):
      exact = TokenCounter(vocabulary)
      ratio = 1
    case .estimated(let model, let ratio):
      estimator = TokenEstimator(model)
      self.ratio = ratio
    }
  }

  /// Adds a string as it stands in a document.
  @inline(__always)
  public mutating func append(_ string: JSONStringRange, in document: RawSpan) {
    var decoder = decoder
    decoder.decode(string, in: document) { append($0) }
    self.decoder = decoder
  }

  /// The same, with a say in how each part is added.
  @inline(__always)
  mutating func append(
    _ string: JSONStringRange, in document: RawSpan, _ add: (inout TextCounter, RawSpan) -> Void
  ) {
    var decoder = decoder
    decoder.decode(string, in: document) { add(&self, $0) }
    self.decoder = decoder
  }

  /// Adds text.
  public mutating func append(_ text: RawSpan) {
    if exact != nil { exact?.append(text) } else { estimator?.append(text) }
  }

  /// Tokens that no further text can take away; an estimate counts as it stands.
  public var closed: Int { exact?.closed ?? estimated }

  /// Bytes that `closed` does not cover: closed ≤ true count ≤ closed + open bytes. None for an estimate.
  public var openBytes: Int { exact?.openBytes ?? 0 }

  /// The count of the text so far, as the reference tokenizer would tell it. May go down when more arrives.
  public func provisional() -> Int {
    if let exact { return exact.provisional() }
    return estimated
  }

  /// The count of the whole text, which ends here; the counter then starts afresh.
  public mutating func finish() -> Int {
    var decoder = decoder
    decoder.finish { append($0) }
    self.decoder = decoder
    if exact != nil { return exact?.finish() ?? 0 }
    let count = estimated
    if let model = estimator?.model { estimator = TokenEstimator(model) }
    return count
  }

  private var estimated: Int {
    guard let estimator else { return 0 }
    return ratio == 1 ? estimator.estimate : Int((estimator.exactEstimate * ratio).rounded())
  }
}
