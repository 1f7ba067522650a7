/// A document cut into samples of known size, to fit an estimator or to test it.
public struct EstimatorDocument {
  /// The samples, in order.
  public let samples: [EstimatorFit.Sample]

  /// Samples of about so many tokens are what limits and budgets act on.
  public static let sampleTokens = 1000

  /// Cuts `text` after about `sampleTokens` tokens of the vocabulary each; what is left at the end counts if it is at
  /// least a quarter.
  public init(_ text: [UInt8], _ vocabulary: Vocabulary, sampleTokens: Int = EstimatorDocument.sampleTokens) {
    var samples: [EstimatorFit.Sample] = []
    var counter = TokenCounter(vocabulary)
    var start = 0
    var end = 0
    while end < text.count {
      let next = min(end + 16, text.count)
      counter.append(text.span.extracting(end..<next).bytes)
      end = next
      guard counter.closed >= sampleTokens || end == text.count else { continue }
      while end < text.count, text[end] & 0xC0 == 0x80 {
        counter.append(text.span.extracting(end..<end + 1).bytes)
        end += 1
      }
      let tokens = counter.finish()
      if tokens * 4 >= sampleTokens {
        samples.append(EstimatorFit.Sample(text: Array(text[start..<end]), tokens: tokens))
      }
      start = end
    }
    self.samples = samples
  }
}
