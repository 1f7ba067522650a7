internal import RateLimiting

/// What a request holds of each of its limits: up to four inside the grant itself, so that it is one allocation.
struct ShareList: Sendable {
  /// What it holds of one limit.
  struct Share: Sendable {
    /// Drawn in all; it comes back or is paid on top when the truth is known.
    var charged = 0
    /// Units of the prompt.
    var prompt = 0
    var allowance = Allowance(0)
    /// Output that is still expected.
    var reserved = 0
    var meter = MoneyMeter()
  }

  private static let inlineMax = 4

  let count: Int
  private var first = InlineArray<4, Share>(repeating: Share())
  private var rest: ContiguousArray<Share>

  /// So many, of which nothing is held.
  init(count: Int) {
    self.count = count
    rest = count <= Self.inlineMax ? [] : ContiguousArray(repeating: Share(), count: count - Self.inlineMax)
  }

  subscript(index: Int) -> Share {
    @inline(__always) get { index < Self.inlineMax ? first[index] : rest[index - Self.inlineMax] }
    @inline(__always)
    _modify {
      if index < Self.inlineMax { yield &first[index] } else { yield &rest[index - Self.inlineMax] }
    }
  }
}
