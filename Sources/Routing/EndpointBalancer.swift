public import GatewayConfiguration

/// Chooses one of an upstream's endpoints. A value without clock or chance: a random number comes in, and which endpoints are available is
/// asked of the caller.
///
/// - Round robin is nginx's smooth weighted one (`ngx_http_upstream_round_robin.c`, `get_peer`): at each choice every endpoint gains
///   its weight, the one with most is chosen and pays the sum. With weights 5, 1, 1 the order is a a b a c a a, not a a a a a b c.
/// - Random takes each with a probability of its weight's share.
/// - Least requests takes the smallest running requests ÷ weight; among equals it goes round robin, so that an idle upstream is used
///   by weight too.
public struct EndpointBalancer: Sendable {
  /// A weight beyond this counts as this; sums of any number of endpoints in memory stay far below overflow.
  public static let weightMax = 1_000_000

  /// How it chooses.
  public let balance: Balance
  private let weights: [Int]
  private var credits: [Int]
  private var running: [Int]

  /// A balancer over endpoints of these weights; a weight below 1 counts as 1.
  public init(_ balance: Balance, weights: [Int]) {
    self.balance = balance
    self.weights = weights.map { min(max($0, 1), Self.weightMax) }
    credits = [Int](repeating: 0, count: weights.count)
    running = [Int](repeating: 0, count: weights.count)
  }

  /// How many endpoints there are.
  public var count: Int { weights.count }

  /// Requests that were started and have not ended.
  public func running(at endpoint: Int) -> Int { running.indices.contains(endpoint) ? running[endpoint] : 0 }

  /// The endpoint for the next request; nil when none is available. It does not count as started by that.
  public mutating func pick(random: UInt64, available: (Int) -> Bool) -> Int? {
    switch balance {
    case .roundRobin: return pickInTurn(available)
    case .random: return pickByChance(random, available)
    case .leastRequests:
      guard let least = leastLoaded(available) else { return nil }
      // Loads are equal when the cross products are; products of counts in memory and weights up to a million cannot overflow.
      let (running, weights) = (running, weights)
      return pickInTurn { available($0) && running[$0] * weights[least] == running[least] * weights[$0] }
    }
  }

  /// A request was sent there.
  public mutating func started(_ endpoint: Int) {
    if running.indices.contains(endpoint) { running[endpoint] += 1 }
  }

  /// A request that was started there has ended, in whatever way.
  public mutating func ended(_ endpoint: Int) {
    if running.indices.contains(endpoint), running[endpoint] > 0 { running[endpoint] -= 1 }
  }

  private mutating func pickInTurn(_ available: (Int) -> Bool) -> Int? {
    var best: Int?
    var sum = 0
    for endpoint in weights.indices where available(endpoint) {
      credits[endpoint] += weights[endpoint]
      sum += weights[endpoint]
      if best.map({ credits[endpoint] > credits[$0] }) ?? true { best = endpoint }
    }
    if let best { credits[best] -= sum }
    return best
  }

  private func pickByChance(_ random: UInt64, _ available: (Int) -> Bool) -> Int? {
    var sum = 0
    for endpoint in weights.indices where available(endpoint) { sum += weights[endpoint] }
    guard sum > 0 else { return nil }
    // The high half of the product is random scaled to 0 ..< sum (Lemire), without a division.
    var point = Int(UInt64(sum).multipliedFullWidth(by: random).high)
    for endpoint in weights.indices where available(endpoint) {
      point -= weights[endpoint]
      if point < 0 { return endpoint }
    }
    return nil
  }

  private func leastLoaded(_ available: (Int) -> Bool) -> Int? {
    var least: Int?
    for endpoint in weights.indices where available(endpoint) {
      if let best = least, running[endpoint] * weights[best] >= running[best] * weights[endpoint] { continue }
      least = endpoint
    }
    return least
  }
}
