/// How far counts are from what upstreams say of the same texts, over many requests.
public struct TokenDrift: Equatable, Sendable {
  /// Requests of which both numbers are known.
  public private(set) var requests = 0
  /// Tokens counted in them.
  public private(set) var counted = 0
  /// Tokens that the upstream reported for them.
  public private(set) var reported = 0
  /// The sum of the differences, whatever their sign.
  public private(set) var difference = 0

  /// Nothing seen.
  public init() {}

  /// Adds a request. Numbers of zero say nothing.
  public mutating func add(counted: Int, reported: Int) {
    guard counted > 0, reported > 0 else { return }
    requests &+= 1
    self.counted &+= counted
    self.reported &+= reported
    difference &+= abs(counted &- reported)
  }

  /// Adds what another reactor saw.
  public mutating func add(_ other: TokenDrift) {
    requests &+= other.requests
    counted &+= other.counted
    reported &+= other.reported
    difference &+= other.difference
  }

  /// Reported for each token counted; nil while nothing is known.
  public var ratio: Double? { counted > 0 ? Double(reported) / Double(counted) : nil }

  /// The mean difference as a share of what was reported; nil while nothing is known.
  public var drift: Double? { reported > 0 ? Double(difference) / Double(reported) : nil }
}
