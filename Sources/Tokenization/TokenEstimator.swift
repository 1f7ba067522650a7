/// Estimates the tokens of a text that arrives in parts, where the vocabulary is not known.
///
/// One pass over runs of letters, digits, signs and scripts, with a cost for each event (`EstimatorEvent`), by a table
/// (`EstimatorMachine`). However the text is cut, the sum is the same. With costs fitted to a vocabulary it is off by some
/// 3 % in the mean over 1,000 tokens; bytes ÷ 4 by 15 to 20 %.
public struct TokenEstimator: Sendable {
  /// The costs.
  public let model: EstimatorModel

  private var sum: Int64 = 0
  private var row = 0

  /// An estimator at the start of a text.
  public init(_ model: EstimatorModel) {
    self.model = model
  }

  /// The estimate of the text so far, in tokens.
  public var estimate: Int { Int(max(0, (sum &+ 32_768) >> 16)) }

  /// The same, unrounded.
  public var exactEstimate: Double { max(0, Double(sum) / EstimatorModel.unit) }

  /// Adds the next part of the text. It may begin and end anywhere, inside a scalar too.
  public mutating func append(_ text: RawSpan) {
    // Addresses and locals only: nothing is counted, checked or written back inside the loop.
    let costs = UnsafePointer(model.table)
    let entries = model.entries
    let columns = model.columns
    var sum = sum
    var row = row
    text.withUnsafeBytes { bytes in
      guard let base = bytes.assumingMemoryBound(to: UInt8.self).baseAddress else { return }
      for position in 0..<bytes.count {
        let entry = entries[row &+ Int(columns[Int(base[position])])]
        sum &+= costs[Int(truncatingIfNeeded: entry & 0xFFFF)]
        row = Int(truncatingIfNeeded: entry &>> 16)
      }
    }
    self.sum = sum
    self.row = row
  }
}
