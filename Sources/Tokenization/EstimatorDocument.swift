/// Samples of known size from a document, to fit an estimator or to test it.
public struct EstimatorDocument {
  /// The samples, in order.
  public let samples: [EstimatorFit.Sample]

  /// Samples of so many tokens are what limits and budgets act on.
  public static let sampleTokens = 1000
  /// Samples begin at so many lines, spread over the document.
  private static let startCount = 3
  /// Bytes between two looks at the count, far from the cut.
  private static let strideBytes = 16

  /// Cuts three samples of `sampleTokens` tokens of the vocabulary out of `text`. Each begins at a line's start, behind an
  /// eighth of the text at least, where licences and tables of contents end. What ends before is no sample, unless the
  /// whole text is shorter.
  public init(_ text: [UInt8], _ vocabulary: Vocabulary, sampleTokens: Int = EstimatorDocument.sampleTokens) {
    let starts = Set(
      (0..<Self.startCount).map { Self.lineStart(text, text.count * (2 * $0 + 1) / 8) })
    samples = starts.sorted().compactMap { start in
      guard let end = Self.end(text, from: start, vocabulary, sampleTokens) else { return nil }
      return EstimatorFit.Sample(text: Array(text[start..<end.offset]), tokens: end.tokens)
    }
  }

  /// The start of the line behind `offset`; without one, of the scalar.
  private static func lineStart(_ text: [UInt8], _ offset: Int) -> Int {
    guard offset > 0 else { return 0 }
    if let end = text[offset...].firstIndex(of: 0x0A), end + 1 < text.count { return end + 1 }
    return text[offset...].firstIndex { $0 & 0xC0 != 0x80 } ?? text.count
  }

  /// The first scalar's end at which the text is `tokens` tokens; nil if it has fewer.
  private static func end(
    _ text: [UInt8], from start: Int, _ vocabulary: Vocabulary, _ tokens: Int
  ) -> (offset: Int, tokens: Int)? {
    var counter = TokenCounter(vocabulary)
    var end = start
    while end < text.count {
      // `closed` lags behind by the open piece only; near the cut every scalar is looked at.
      let isNear = counter.closed + counter.openBytes + strideBytes >= tokens
      let next = min(end + (isNear ? 1 : strideBytes), text.count)
      counter.append(text.span.extracting(end..<next).bytes)
      end = next
      guard isNear, end == text.count || text[end] & 0xC0 != 0x80 else { continue }
      let found = counter.provisional()
      if found >= tokens { return (end, found) }
    }
    return nil
  }
}
