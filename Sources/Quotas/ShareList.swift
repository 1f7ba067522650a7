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

    /// So many units have been drawn.
    mutating func take(_ amount: Int) {
      allowance.add(amount)
      charged += amount
    }
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

  /// What was drawn of a limit, and output that did not come: all that the end asks for. Mutating, for
  /// else all four were copied to read two fields of one.
  @inline(__always)
  mutating func end(_ index: Int) -> (charged: Int, reserved: Int) {
    index < Self.inlineMax
      ? (first[index].charged, first[index].reserved)
      : (rest[index - Self.inlineMax].charged, rest[index - Self.inlineMax].reserved)
  }

  /// What may pass of a limit; mutating for the same reason.
  @inline(__always)
  mutating func allowance(_ index: Int) -> Allowance {
    index < Self.inlineMax ? first[index].allowance : rest[index - Self.inlineMax].allowance
  }

  /// Read and written as a whole: an accessor that yields would allocate its frame where it is not inlined.
  subscript(index: Int) -> Share {
    get { index < Self.inlineMax ? first[index] : rest[index - Self.inlineMax] }
    set { if index < Self.inlineMax { first[index] = newValue } else { rest[index - Self.inlineMax] = newValue } }
  }
}
