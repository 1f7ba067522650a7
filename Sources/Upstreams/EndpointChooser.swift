internal import GatewayConfiguration

/// Chooses among a pool's endpoints by the upstream's `balance`. Values only: who is eligible and the chance come in as arguments.
struct EndpointChooser {
  var balance: Balance
  private var weights: [Int]
  private var credits: [Int]

  init(balance: Balance, weights: [Int]) {
    self.balance = balance
    self.weights = weights.map { max(1, $0) }
    credits = weights.map { _ in 0 }
  }

  /// The next endpoint; nil when none is eligible.
  mutating func choose(random: UInt64, isEligible: (Int) -> Bool, running: (Int) -> Int) -> Int? {
    switch balance {
    case .roundRobin: roundRobin(isEligible)
    case .random: byChance(random, isEligible)
    case .leastRequests: leastRequests(isEligible, running)
    }
  }

  /// Smooth weighted round robin: each gains its weight, the richest is chosen and pays the sum.
  private mutating func roundRobin(_ isEligible: (Int) -> Bool) -> Int? {
    var sum = 0
    var best: Int?
    for index in weights.indices where isEligible(index) {
      sum &+= weights[index]
      credits[index] &+= weights[index]
      if let current = best, credits[current] >= credits[index] { continue }
      best = index
    }
    if let best { credits[best] &-= sum }
    return best
  }

  private func byChance(_ random: UInt64, _ isEligible: (Int) -> Bool) -> Int? {
    var sum: UInt64 = 0
    for index in weights.indices where isEligible(index) { sum &+= UInt64(weights[index]) }
    guard sum > 0 else { return nil }
    var left = random % sum
    for index in weights.indices where isEligible(index) {
      let weight = UInt64(weights[index])
      if left < weight { return index }
      left -= weight
    }
    return nil
  }

  private func leastRequests(_ isEligible: (Int) -> Bool, _ running: (Int) -> Int) -> Int? {
    var best: Int?
    var bestRunning = 0
    for index in weights.indices where isEligible(index) {
      let count = running(index)
      // running / weight compared without division.
      if let current = best,
        count &* weights[current] >= bestRunning &* weights[index]
      {
        continue
      }
      best = index
      bestRunning = count
    }
    return best
  }
}
