import GatewayConfiguration
import Routing
import Testing

@Suite("Choosing an endpoint")
struct EndpointBalancerTests {
  private func picks(
    _ balancer: inout EndpointBalancer, _ count: Int, without gone: Set<Int> = [], random: (Int) -> UInt64 = { _ in 0 }
  ) -> [Int?] {
    (0..<count).map { balancer.pick(random: random($0)) { !gone.contains($0) } }
  }

  @Test("round robin interleaves by weight as nginx does: 5, 1, 1 gives a a b a c a a")
  func smooth() {
    var balancer = EndpointBalancer(.roundRobin, weights: [5, 1, 1])
    #expect(picks(&balancer, 14) == [0, 0, 1, 0, 2, 0, 0, 0, 0, 1, 0, 2, 0, 0])
  }

  @Test("round robin over equal weights goes in turn, and skips what is not available")
  func inTurn() {
    var balancer = EndpointBalancer(.roundRobin, weights: [1, 1, 1])
    #expect(picks(&balancer, 4) == [0, 1, 2, 0])
    #expect(picks(&balancer, 4, without: [1]).allSatisfy { $0 != 1 })
    #expect(picks(&balancer, 3, without: [0, 1, 2]) == [nil, nil, nil])
    #expect(Set(picks(&balancer, 6)) == [0, 1, 2])
  }

  @Test("random takes each by its weight's share, and the ends of the number's range stay inside")
  func random() {
    var balancer = EndpointBalancer(.random, weights: [1, 3])
    var state: UInt64 = 7
    var counts = [0, 0]
    for _ in 0..<40_000 {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      if let picked = balancer.pick(random: state, available: { _ in true }) { counts[picked] += 1 }
    }
    #expect(abs(counts[0] - 10_000) < 500, "\(counts)")
    #expect(picks(&balancer, 1, random: { _ in 0 }) == [0])
    #expect(picks(&balancer, 1, random: { _ in .max }) == [1])
    #expect(picks(&balancer, 1, without: [1], random: { _ in .max }) == [0])
    #expect(picks(&balancer, 1, without: [0, 1], random: { _ in 5 }) == [nil])
  }

  @Test("least requests: an idle one first, then by running requests for the weight, equal ones in turn")
  func leastRequests() {
    var balancer = EndpointBalancer(.leastRequests, weights: [1, 2])
    var taken: [Int] = []
    for _ in 0..<6 {
      guard let picked = balancer.pick(random: 0, available: { _ in true }) else { break }
      balancer.started(picked)
      taken.append(picked)
    }
    #expect(balancer.running(at: 0) == 2)
    #expect(balancer.running(at: 1) == 4)
    #expect(taken.count == 6)
    balancer.ended(0)
    balancer.ended(0)
    #expect(picks(&balancer, 2) == [0, 0], "nothing runs there, so it is the least loaded until something does")
    #expect(picks(&balancer, 1, without: [0]) == [1])
  }

  @Test("idle endpoints share by weight under least requests")
  func idleByWeight() {
    var balancer = EndpointBalancer(.leastRequests, weights: [1, 2])
    #expect(picks(&balancer, 6).compactMap { $0 }.filter { $0 == 1 }.count == 4)
  }

  @Test("ends without a start, places that do not exist and absurd weights do no harm")
  func robust() {
    var balancer = EndpointBalancer(.leastRequests, weights: [.max, 0, -5])
    balancer.ended(0)
    balancer.ended(9)
    balancer.started(-1)
    #expect(balancer.running(at: 0) == 0)
    #expect(balancer.running(at: 9) == 0)
    for _ in 0..<100 { #expect(balancer.pick(random: .max, available: { _ in true }) != nil) }
    var none = EndpointBalancer(.roundRobin, weights: [])
    #expect(none.pick(random: 1, available: { _ in true }) == nil)
  }

  @Test("over any sequence each endpoint's count under round robin stays within two of its weight's share")
  func fair() {
    let weights = [3, 1, 4, 1, 5, 9]
    var balancer = EndpointBalancer(.roundRobin, weights: weights)
    let sum = weights.reduce(0, +)
    var counts = [Int](repeating: 0, count: weights.count)
    for round in 1...(sum * 5) {
      guard let picked = balancer.pick(random: 0, available: { _ in true }) else { break }
      counts[picked] += 1
      for endpoint in weights.indices {
        let due = Double(round * weights[endpoint]) / Double(sum)
        #expect(abs(Double(counts[endpoint]) - due) <= 2, "\(round) \(endpoint)")
      }
    }
    #expect(counts == weights.map { $0 * 5 })
  }
}
