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
  @inlinable public var left: Int { rest }
  @usableFromInline var rest: Int
  /// Units spent in all.
  @inlinable public var spent: Int { used }
  @usableFromInline var used: Int
  /// Below this it is low.
  public let lowAt: Int

  /// An allowance of `left` units.
  @inlinable
  public init(_ left: Int, lowAt: Int = 16) {
    rest = left
    used = 0
    self.lowAt = max(1, lowAt)
  }

  /// Counts the units of an event that passes. An event is never cut in two, so the last one may overdraw.
  public mutating func spend(_ amount: Int) -> Standing {
    let (less, overflow) = rest.subtractingReportingOverflow(max(0, amount))
    rest = overflow ? -LeaseRate.amountMax : max(less, -LeaseRate.amountMax)
    used = min(used &+ max(0, min(amount, LeaseRate.amountMax)), LeaseRate.amountMax)
    return standing
  }

  /// As it stands.
  public var standing: Standing { left <= 0 ? .dry : left < lowAt ? .low : .ample }

  /// More has been drawn.
  public mutating func add(_ amount: Int) { rest += min(max(0, amount), LeaseRate.amountMax) }

  /// The end: what is to be given back (above 0) or charged (below) at the ledger. It is empty afterwards.
  public mutating func close() -> Int {
    defer { rest = 0 }
    return rest
  }
}
