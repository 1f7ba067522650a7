import GatewayConfiguration
import Reactor
import Testing
import Transport

@testable import Upstreams

@Suite("Supervised pools on real sockets", .serialized)
struct SupervisedPoolTests {
  @Test("Requests one after the other use one connection; concurrent ones as many as they are")
  func reuse() async throws {
    let server = Slot<RawServer>()
    try await House.with(urls: { try [server.url(RawServer($0))] }) { house in
      for _ in 0..<20 { #expect(await Client.request(house.pool()) == nil) }
      #expect(await eventually { server.counts.accepted == 1 })
      let sessions = await lease(4, house.pool())
      #expect(sessions.count == 4)
      #expect(await house.gauges().leased == 4)
      for session in sessions { await Client.giveBack(session, house.pool()) }
      #expect(await house.gauges().idle == 4)
      #expect(await eventually { server.counts.accepted == 4 })
    }
  }

  @Test("minIdle sessions are ready before the first request, and are replaced when they die")
  func minIdle() async throws {
    let server = Slot<RawServer>()
    try await House.with(reactors: 2, urls: { try [server.url(RawServer($0))] }, { $0.pool.minIdle = 3 }) { house in
      #expect(await eventually { await house.gauges().idle == 3 })
      #expect(await house.pool(0).gauges().idle == 2)
      #expect(await house.pool(1).gauges().idle == 1)
      #expect(await eventually { server.counts.open == 3 })
      try await server.get.dropConnections()
      #expect(await eventually { server.counts.accepted == 6 })
      #expect(await eventually { await house.gauges().idle == 3 })
    }
  }

  @Test("An idle session is closed after the idle timeout")
  func idleTimeout() async throws {
    let server = Slot<RawServer>()
    try await House.with(
      urls: { try [server.url(RawServer($0))] }, { $0.pool.idleTimeout = .milliseconds(60) }
    ) { house in
      #expect(await Client.request(house.pool()) == nil)
      #expect(await house.gauges().opened == 1)
      #expect(await eventually { await house.gauges().idle == 0 })
      #expect(await eventually { server.counts.open == 0 })
    }
  }

  @Test("Who waits longer than the queue timeout is told so")
  func queueTimeout() async throws {
    let server = Slot<RawServer>()
    try await House.with(
      urls: { try [server.url(RawServer($0))] },
      {
        $0.pool.maxSessions = 1
        $0.pool.queueTimeout = .milliseconds(50)
      }
    ) { house in
      let held = await lease(1, house.pool())
      let result = await Client.lease(house.pool())
      #expect(throws: LeaseFailure.queueTimeout(.milliseconds(50))) { try result.get() }
      #expect(await house.gauges().queueTimeouts == 1)
      for session in held { await Client.giveBack(session, house.pool()) }
    }
  }

  @Test("maxSessions 1 on two reactors serves both, and never has two connections")
  func oneSessionForTwo() async throws {
    let server = Slot<RawServer>()
    try await House.with(
      reactors: 2, urls: { try [server.url(RawServer($0))] },
      {
        $0.pool.maxSessions = 1
        $0.pool.queueTimeout = .seconds(10)
      }
    ) { house in
      let failures = await withTaskGroup(of: [Client.Failure].self) { group in
        for caller in 0..<8 {
          group.addTask {
            var failures: [Client.Failure] = []
            for _ in 0..<25 {
              if let failure = await Client.request(house.pool(caller % 2)) { failures.append(failure) }
            }
            return failures
          }
        }
        return await group.reduce(into: []) { $0 += $1 }
      }
      #expect(failures == [])
      #expect(server.counts.requests == 200)
      // The next connect is begun after the close, but the server may read of both in one turn.
      #expect(server.counts.openMax <= 2)
      let gauges = await house.gauges()
      #expect(gauges.idle == 1 && gauges.leased == 0 && gauges.waiting == 0)
    }
  }

  @Test("A session that is idle on one reactor gives way to a request on the other")
  func idleGivesWay() async throws {
    let server = Slot<RawServer>()
    try await House.with(
      reactors: 2, urls: { try [server.url(RawServer($0))] }, { $0.pool.maxSessions = 1 }
    ) { house in
      for round in 0..<6 { #expect(await Client.request(house.pool(round % 2)) == nil) }
      #expect(await house.gauges().idle == 1)
    }
  }

  @Test("A reload makes the pool smaller without cutting anybody, and bigger at once")
  func resize() async throws {
    let server = Slot<RawServer>()
    try await House.with(urls: { try [server.url(RawServer($0))] }, { $0.pool.maxSessions = 4 }) { house in
      let held = await lease(4, house.pool())
      await Client.giveBack(held[3], house.pool())
      let url = try server.get.url
      try await house.supervisor.reconfigure(House.settings([url]) { $0.pool.maxSessions = 2 })
      #expect(await house.gauges().leased == 3)
      #expect(await house.gauges().idle == 0)
      await Client.giveBack(held[2], house.pool())
      #expect(await Client.isClosed(held[2], house.pool()))
      await Client.giveBack(held[1], house.pool())
      #expect(await !Client.isClosed(held[1], house.pool()))
      _ = await lease(1, house.pool())
      async let waiting = Client.lease(house.pool())
      #expect(await eventually { await house.gauges().waiting == 1 })
      try await house.supervisor.reconfigure(House.settings([url]) { $0.pool.maxSessions = 6 })
      let served = await waiting
      #expect(throws: Never.self) { try served.get() }
      #expect(await eventually { server.counts.accepted == 5 })
    }
  }

  @Test("A reload moves an upstream to another endpoint; sessions in use are left in peace")
  func moves() async throws {
    let old = Slot<RawServer>()
    try await House.with(urls: { try [old.url(RawServer($0))] }) { house in
      let held = await lease(2, house.pool())
      await Client.giveBack(held[1], house.pool())
      let new = try #require(RawServer(house.serverReactor))
      try await house.supervisor.reconfigure(House.settings([new.url]) { _ in })
      #expect(await Client.isClosed(held[1], house.pool()))
      #expect(await !Client.isClosed(held[0], house.pool()))
      #expect(await Client.request(house.pool()) == nil)
      #expect(new.counts.requests == 1)
      #expect(await house.supervisor.gauges().endpoints.map(\.url.description) == [new.url])
      #expect(await house.supervisor.gauges().endpoints.map(\.index) == [1])
      await Client.giveBack(held[0], house.pool())
      #expect(await Client.isClosed(held[0], house.pool()))
      // Its number is free again.
      try await house.supervisor.reconfigure(House.settings([new.url, try old.get.url]) { _ in })
      #expect(await house.supervisor.gauges().endpoints.map(\.index) == [0, 1])
      await new.stop()
    }
  }

  @Test("Of several addresses the first refuses: the second serves, and is tried first from then on")
  func severalAddresses() async throws {
    let server = Slot<RawServer>()
    let addresses = Locked<[SocketAddress]>([])
    let resolver = Resolver { _, _ in .success(addresses.withLock { $0 }) }
    try await House.with(
      urls: { reactor in
        let url = try server.url(RawServer(reactor))
        let port = try server.get.port
        let first = try #require(SocketAddress(literal: "127.0.0.2", port: port))
        let second = try server.get.address
        addresses.withLock { $0 = [first, second] }
        return [url.replacing("127.0.0.1", with: "upstream.test")]
      }, resolver: resolver
    ) { house in
      #expect(await Client.request(house.pool()) == nil)
      #expect(await house.gauges().connectFailures == 0)
      let late = try #require(RawServer(house.serverReactor, host: "127.0.0.2", port: try server.get.port))
      #expect(await lease(2, house.pool()).count == 2)
      #expect(late.counts.accepted == 0)
      #expect(await eventually { server.counts.accepted == 2 })
      await late.stop()
    }
  }

  @Test("A name without an address fails the request with the resolver's words")
  func noAddress() async throws {
    let resolver = Resolver { _, _ in .failure(.nameNotResolved("no such host")) }
    try await House.with(urls: { _ in ["http://nowhere.test:1"] }, resolver: resolver) { house in
      let expected = LeaseFailure.connectFailed(.nameNotResolved("no such host"))
      #expect(await Client.request(house.pool()) == .lease(expected))
      #expect(await house.supervisor.gauges().endpoints.first?.lastFailure == .nameNotResolved("no such host"))
    }
  }

  @Test("An upstream that refuses fails requests fast, and serves again within a second of its return")
  func recovery() async throws {
    let server = Slot<RawServer>()
    try await House.with(urls: { try [server.url(RawServer($0))] }) { house in
      #expect(await Client.request(house.pool()) == nil)
      let port = try server.get.port
      try await server.get.stop()
      #expect(await eventually { await house.gauges().idle == 0 })
      guard case .lease(.connectFailed)? = await Client.request(house.pool()) else {
        Issue.record("the first request after the end was not refused with the cause")
        return
      }
      let clock = ContinuousClock()
      // In the backoff window it is not even tried; on a machine so slow that the window has passed, it is refused again.
      switch await Client.request(house.pool()) {
      case .lease(.noEndpointAvailable)?, .lease(.connectFailed)?: break
      default: Issue.record("a request in the backoff window did not fail at once")
      }
      // Down for long enough that the backoff has reached its bound.
      try await Task.sleep(for: .milliseconds(1_600))
      let back = try #require(RawServer(house.serverReactor, port: port))
      let returned = clock.now
      #expect(await eventually { await Client.request(house.pool()) == nil })
      #expect(clock.now - returned < .seconds(5))
      #expect(await house.supervisor.gauges().endpoints.first?.condition == .available)
      await back.stop()
    }
  }

  @Test("An endpoint whose sessions die young again and again is marked down; a probe brings it back")
  func escalation() async throws {
    let server = Slot<RawServer>()
    try await House.with(
      urls: { try [server.url(RawServer($0, manner: .closesAtOnce))] }, { $0.pool.minIdle = 2 }
    ) { house in
      func condition() async -> EndpointGauges.Condition? { await house.supervisor.gauges().endpoints.first?.condition }
      #expect(await eventually { await condition() == .down })
      guard case .lease(.noEndpointAvailable)? = await Client.request(house.pool()) else {
        Issue.record("a request to an endpoint that is down did not fail fast")
        return
      }
      try server.get.setManner(.keeps)
      #expect(await eventually { await condition() == .available })
      #expect(await eventually { await house.gauges().idle == 2 })
      #expect(await Client.request(house.pool()) == nil)
    }
  }

  @Test("100 of 100 requests succeed though the upstream closes after every answer, and it is not marked down for it")
  func closesAfterAnswers() async throws {
    let server = Slot<RawServer>()
    try await House.with(urls: { try [server.url(RawServer($0, manner: .closesAfterAnswer))] }) { house in
      for _ in 0..<100 { #expect(await Client.request(house.pool()) == nil) }
      #expect(await house.supervisor.gauges().endpoints.first?.condition == .available)
    }
  }

  @Test("After maxRequestsPerSession requests a session is closed")
  func maxRequests() async throws {
    let server = Slot<RawServer>()
    try await House.with(urls: { try [server.url(RawServer($0))] }, { $0.pool.maxRequestsPerSession = 3 }) { house in
      for _ in 0..<9 { #expect(await Client.request(house.pool()) == nil) }
      #expect(await eventually { server.counts.accepted == 3 })
      #expect(await house.gauges().idle == 0)
    }
  }

  @Test("A removed upstream tells who waits, closes what is idle and lets the busy finish")
  func removed() async throws {
    let server = Slot<RawServer>()
    try await House.with(
      urls: { try [server.url(RawServer($0))] }, { $0.pool.maxSessions = 1 }
    ) { house in
      let held = await lease(1, house.pool())
      async let waiting = Client.lease(house.pool())
      #expect(await eventually { await house.gauges().waiting == 1 })
      await house.supervisor.shutDown()
      let told = await waiting
      #expect(throws: LeaseFailure.upstreamRemoved) { try told.get() }
      #expect(await !Client.isClosed(held[0], house.pool()))
      await Client.giveBack(held[0], house.pool())
      #expect(await Client.isClosed(held[0], house.pool()))
      #expect(await Client.request(house.pool()) == .lease(.upstreamRemoved))
    }
  }

  @Test("A storm of requests, cancels and drops on two reactors leaves every count at rest")
  func storm() async throws {
    let server = Slot<RawServer>()
    try await House.with(
      reactors: 2, urls: { try [server.url(RawServer($0))] },
      {
        $0.pool.maxSessions = 5
        $0.pool.queueTimeout = .seconds(10)
      }
    ) { house in
      let answered = Tally()
      let pools = [house.pool(0), house.pool(1)]
      await withDiscardingTaskGroup { group in
        for caller in 0..<24 {
          group.addTask {
            for _ in 0..<40 where await Client.request(pools[caller % 2]) == nil { answered.add() }
          }
        }
        let dropping = try? server.get
        group.addTask {
          for _ in 0..<5 {
            try? await Task.sleep(for: .milliseconds(10))
            await dropping?.dropConnections()
          }
        }
      }
      // A drop may hit a request on a new session, which is not retried; nothing else fails.
      #expect(answered.count >= 960 - 50)
      let gauges = await house.gauges()
      #expect(gauges.leased == 0 && gauges.waiting == 0 && gauges.idle <= 5)
      #expect(gauges.opened - gauges.closed == UInt64(gauges.idle))
    }
  }

  private func lease(_ count: Int, _ pool: SessionPool) async -> [UpstreamSession] {
    var sessions: [UpstreamSession] = []
    for _ in 0..<count {
      if case .success(let session) = await Client.lease(pool) { sessions.append(session) }
    }
    return sessions
  }
}

/// Counts from several tasks.
private final class Tally: Sendable {
  private let value = Locked(0)
  var count: Int { value.withLock { $0 } }
  func add() { value.withLock { $0 += 1 } }
}

/// Holds what is made inside a closure for use outside it.
final class Slot<Value: Sendable>: Sendable {
  private let value = Locked<Value?>(nil)
  struct Empty: Error {}

  var get: Value {
    get throws {
      guard let value = value.withLock({ $0 }) else { throw Empty() }
      return value
    }
  }

  fileprivate func set(_ new: Value) { value.withLock { $0 = new } }
}

extension Slot where Value == RawServer {
  /// The server's counts; zero when there is none.
  var counts: RawServer.Counts { (try? get)?.counts ?? RawServer.Counts() }

  /// Keeps `server` and gives its base URL.
  func url(_ server: RawServer?) throws -> String {
    guard let server else { throw Empty() }
    set(server)
    return server.url
  }
}

extension RawServer {
  var url: String { "http://\(address)" }
}
