/// What a stream may spend without asking anybody: a part of its node's credit, as a plain value in the stream's own state. One for each limit
/// that applies. It is filled up ahead of need, when ``spend(_:)`` says so, and its rest goes back at the end.
public struct Allowance: Sendable, Hashable {
  /// What a spending leaves.
  public enum Standing: Sendable, Hashable {
    /// Go on.
    case ample
    /// Go on, and fetch more.
    case low
    /// Nothing is left: no further event may pass before more has come.
    case dry
  }

  /// Units left; below zero after an event that held more than was left.
  public private(set) var left: Int
  /// Units spent in all.
  public private(set) var spent = 0
  /// Below this it is low.
  public let lowAt: Int

  /// An allowance of `left` units.
  public init(_ left: Int, lowAt: Int = 16) {
    self.left = left
    self.lowAt = max(1, lowAt)
  }

  /// Counts the units of an event that passes. An event is never cut in two, so the last one may overdraw.
  public mutating func spend(_ amount: Int) -> Standing {
    let (rest, overflow) = left.subtractingReportingOverflow(max(0, amount))
    left = overflow ? -LeaseRate.amountMax : max(rest, -LeaseRate.amountMax)
    spent = min(spent &+ max(0, min(amount, LeaseRate.amountMax)), LeaseRate.amountMax)
    return standing
  }

  /// As it stands.
  public var standing: Standing { left <= 0 ? .dry : left < lowAt ? .low : .ample }

  /// More has been drawn.
  public mutating func add(_ amount: Int) { left += min(max(0, amount), LeaseRate.amountMax) }

  /// The end: what is to be given back (above 0) or charged (below) at the ledger. It is empty afterwards.
  public mutating func close() -> Int {
    defer { left = 0 }
    return left
  }
}
