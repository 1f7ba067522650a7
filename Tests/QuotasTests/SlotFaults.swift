import RateLimiting
import Reactor
import RedisClient
import TestKit
import Testing

@testable import Quotas

/// Four nodes share a concurrency limit of 12 in a real Redis that goes away, hangs, forgets, or is written to by others.
@Suite(.serialized) struct SlotFaults {
  private static let limit = 12
  private static let key = LimitKey.slots("streams:0:")

  /// Nodes that take all slots that they can get, each end of a stream followed by another's beginning.
  private final class Fleet: Sendable {
    let rigs: [Rig]
    let held: Confined<[[Held]]>
    var count: Int { held.value.reduce(0) { $0 + $1.count } }

    init(port: UInt16, nodes: Int = 4) {
      let plan = LimitPlan([.of(.concurrency, "streams", SlotFaults.limit)])
      rigs = (0..<nodes).map { _ in Rig(plan, port: port) }
      held = Confined(Array(repeating: [], count: nodes))
    }

    /// All have heard of each other.
    func isComplete() async -> Bool {
      await eventually {
        for rig in rigs where await rig.on(0, { $0.slots.nodes }) != rigs.count { return false }
        return true
      }
    }

    /// Each node in turn begins what it can, and ends one stream of each three.
    func round() async {
      for (index, rig) in rigs.enumerated() {
        for _ in 0..<SlotFaults.limit {
          guard let held = await rig.admit(request()).0.grant else { break }
          self.held.value[index].append(held)
        }
        let ended = Array(held.value[index].prefix(held.value[index].count / 3))
        held.value[index].removeFirst(ended.count)
        await rig.on { _ in for one in ended { one.grant.abandon() } }
      }
    }

    func shutDown() async {
      for (index, rig) in rigs.enumerated() {
        let all = held.value[index]
        await rig.on { _ in for one in all { one.grant.abandon() } }
        rig.shutDown()
      }
    }
  }

  /// What ran at once at most, in so many milliseconds.
  private func most(_ fleet: Fleet, _ milliseconds: Int, _ between: () throws -> Void = {}) async throws -> Int {
    let end = MonotonicTime.readClock() + .milliseconds(milliseconds)
    var most = 0
    while MonotonicTime.readClock() < end {
      await fleet.round()
      most = max(most, fleet.count)
      try between()
    }
    return most
  }

  private enum Fault: String, CaseIterable, Sendable { case paused, killed, emptied, emptiedAgain, anotherType }

  @Test("never more than the limit runs at once, whatever the store does", arguments: Fault.allCases)
  private func bound(_ fault: Fault) async throws {
    let server = try RedisServer()
    let fleet = Fleet(port: server.port)
    #expect(await fleet.isComplete())
    #expect(try await most(fleet, 500) <= Self.limit && fleet.count > Self.limit / 2)
    let during: Int
    switch fault {
    case .paused:
      server.pause()
      during = try await most(fleet, 2000)
      server.resume()
    case .killed:
      server.kill9()
      during = try await most(fleet, 2000)
      try server.restart(emptied: true)
    case .emptied:
      try server.flushAll()
      during = try await most(fleet, 1000)
    case .emptiedAgain: during = try await most(fleet, 3000) { try server.flushAll() }
    case .anotherType:
      during = try await most(fleet, 2000) {
        for key in Self.key { _ = try server.order("SET", key, "theirs") }
      }
    }
    #expect(during <= Self.limit)
    #expect(try await most(fleet, 3500) <= Self.limit)
    // And all of it is to be had again.
    #expect(
      await eventually {
        await fleet.round(); return fleet.count > Self.limit / 2
      })
    await fleet.shutDown()
  }

  @Test("the slots of a node that dies are free 15 s after its last word, and no later")
  func death() async throws {
    let server = try RedisServer()
    let fleet = Fleet(port: server.port, nodes: 2)
    #expect(await fleet.isComplete())
    var grants: [Held] = []
    for _ in 0..<Self.limit { grants.append(try #require(await fleet.rigs[0].admit(request()).0.grant)) }
    #expect(await fleet.rigs[1].admit(request()).0.grant == nil)
    // Without a word.
    for client in fleet.rigs[0].clients { await client.reactor.run { client.close() } }
    let began = MonotonicTime.readClock()
    #expect(
      await eventually(within: 30) {
        guard let held = await fleet.rigs[1].admit(request()).0.grant else { return false }
        await fleet.rigs[1].on { _ in held.grant.abandon() }
        return true
      })
    let seconds = Double(MonotonicTime.readClock().nanoseconds(since: began)) / 1e9
    #expect(seconds < 16 * Double(testPatience))
    let all = grants
    await fleet.rigs[0].on { _ in for one in all { one.grant.abandon() } }
    await fleet.shutDown()
  }
}
