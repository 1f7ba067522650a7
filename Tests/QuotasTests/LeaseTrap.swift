import RateLimiting
import Reactor
import TestKit
import Testing

@testable import Quotas

/// Clients that ask again as soon as they have their answer, under a limit whose end is far, from the first request on.
@Suite struct LeaseTrap {
  private final class Loop: LimitWaiter, @unchecked Sendable {
    private let desk: LimitDesk
    private let requests: Int
    private(set) var done = 0
    private(set) var refused = 0

    init(_ desk: LimitDesk, requests: Int) { (self.desk, self.requests) = (desk, requests) }

    func ask() {
      guard done + refused < requests else { return }
      switch desk.admit(request(prompt: 10, expected: nil), waiter: self) {
      case .admitted(let grant): answered(grant)
      case .waiting: break
      case .refused: refused += 1
      }
    }

    func limitWaitEnded(_ id: LimitWaitID, _ result: LimitWaitResult) {
      guard case .admitted(let grant) = result else { return refused += 1 }
      answered(grant)
    }

    /// The answer comes in a later turn of the reactor.
    private func answered(_ grant: LimitGrant) {
      let held = Held(grant)
      desk.reactor.execute {
        held.grant.settle(prompt: 10, completion: 5)
        self.done += 1
        self.ask()
      }
    }
  }

  @Test("64 of them at once share leases: not one call to Redis for each request", arguments: [1, 3])
  func shared(limits: Int) async throws {
    let server = try RedisServer()
    let rules = (0..<limits).map {
      LimitRule.tokens("limit\($0)", 1_000_000_000_000, each: [.consumer]) { $0.waitMilliseconds = 20_000 }
    }
    let rig = Rig(LimitPlan(rules), port: server.port)
    defer { rig.shutDown() }
    let loop = Loop(rig.desk, requests: 6400)
    await rig.on { _ in for _ in 0..<64 { loop.ask() } }
    #expect(await eventually { await rig.on { _ in loop.done + loop.refused } >= 6400 })
    let (refused, asks) = await rig.on { (loop.refused, $0.gauges.asks) }
    #expect(refused == 0 && asks <= 100 * limits, "\(asks) calls for 6,400 requests")
  }
}
