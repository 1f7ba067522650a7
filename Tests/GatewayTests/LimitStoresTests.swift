import Foundation
import GatewayConfiguration
import Quotas
import RateLimiting
import Reactor
import RedisClient
import TestKit
import Testing
import Transport

@testable import Gateway

/// Stores as a configuration asks for them, on real servers.
@Suite("The limits' stores, from the configuration")
struct LimitStoresTests {
  /// Stores on two reactors, and what was told of them.
  private final class Rig: Sendable {
    let group = ReactorGroup.started(count: 2)
    let stores: LimitStores
    let events: Journal<LimitStoreEvent>

    /// - Parameter redis: the keys below `redis`, in YAML's short form; nil for the store in the process.
    init(redis: String?, archivePath: String? = nil) async throws {
      let events = Journal<LimitStoreEvent>()
      self.events = events
      stores = try await LimitStores.make(
        try LimitStoresTests.settings(redis), on: group, resolver: Resolver(), archivePath: archivePath
      ) { events.add($0) }
    }

    func end() async {
      await stores.shutDown()
      group.shutDown()
    }

    /// One step on a bucket of a thousand units.
    func lease(_ id: String, _ want: Int, on index: Int = 0, sequence: Int = 1) async -> LeaseReply? {
      let stores = stores
      let reactor = group.reactors[index]
      return await withCheckedContinuation { continuation in
        reactor.execute {
          let request = LeaseRequest(sequence: sequence, want: want, least: 1, adjust: 0, seen: .none)
          let terms = BucketTerms(quota: 1000, expiryMilliseconds: 3_600_000)
          var isTold = false
          let reply = stores.storage(on: index).lease(id, request, terms, node: "node\(index)") { reply in
            // After nil a reply may still come.
            if !isTold { continuation.resume(returning: reply) }
            isTold = true
          }
          if let reply { continuation.resume(returning: reply) }
        }
      }
    }

    /// The same until the store answers.
    func leased(_ id: String, _ want: Int, on index: Int = 0) async -> LeaseReply? {
      var reply: LeaseReply?
      _ = await eventually {
        reply = await lease(id, want, on: index)
        return reply != nil
      }
      return reply
    }

    func condition(_ index: Int) async -> StoreCondition {
      let stores = stores
      return await group.reactors[index].run { stores.storage(on: index).condition }
    }
  }

  private static func settings(_ redis: String?) throws -> GatewaySettings {
    try House.settings(
      "anonymous: true\n" + House.upstreams([1]) + House.models(1)
        + (redis.map { "redis: { timeout: \(min(1000, Int(200 * testPatience)))ms, connectTimeout: 5s, \($0) }\n" }
          ?? ""))
  }

  private static func offPool<Result: Sendable>(_ body: @escaping @Sendable () throws -> Result) async throws -> Result
  {
    try await withCheckedThrowingContinuation { continuation in
      Thread.detachNewThread { continuation.resume(with: Swift.Result { try body() }) }
    }
  }

  /// What starting with these settings says.
  private static func refusal(_ redis: String?, archivePath: String? = nil) async -> String? {
    do {
      await (try Rig(redis: redis, archivePath: archivePath)).end()
      return nil
    } catch {
      return "\(error)"
    }
  }

  // MARK: In the process

  @Test("without Redis all reactors share one store, which keeps quotas in its file")
  func embedded() async throws {
    let directory = try TemporaryDirectory()
    let file = directory.file("buckets.sqlite")
    for archive in [file, nil] {
      let rig = try await Rig(redis: nil, archivePath: archive)
      let granted = try #require(await rig.lease("a", 100)).grant
      #expect(granted > 0)
      let reply = try #require(await rig.lease("a", 100, on: 1))
      #expect(reply.seen.version == 2 && reply.seen.level == 1000 - granted - reply.grant)
      #expect(await rig.condition(0) == .present)
      #expect(await rig.stores.status().isEmpty)
      await rig.end()
    }
    let again = try await Rig(redis: nil, archivePath: file)
    #expect(await again.lease("a", 1)?.seen.version == 3)
    await again.end()
    let fresh = try await Rig(redis: nil)
    #expect(await fresh.lease("a", 1)?.seen.version == 1)
    await fresh.end()
    let refusal = try #require(await Self.refusal(nil, archivePath: "/dev/null/buckets.sqlite"))
    #expect(refusal.hasPrefix("limits: cannot open /dev/null/buckets.sqlite"))
  }

  // MARK: One server

  @Test("a password or an ACL user, in the URL or beside it, prefix, database and name reach the server")
  func oneServer() async throws {
    let server = try await Self.offPool { try RedisServer(options: ["--requirepass", "top:se/cret"]) }
    let control = try server.control(password: "top:se/cret")
    try control.order("ACL", "SETUSER", "limits", "on", ">pass@word", "~gw:*", "+@all")
    let host = "127.0.0.1:\(server.port)"
    let ways = [
      "url: 'redis://:top%3Ase%2Fcret@\(host)/3'",
      "url: 'redis://\(host)/3', password: 'top:se/cret'",
      "url: 'redis://limits:pass%40word@\(host)/3'",
      "url: 'valkey://\(host)/3', username: limits, password: 'pass@word'",
    ]
    for (number, way) in ways.enumerated() {
      let rig = try await Rig(redis: "\(way), prefix: gw, nodeName: west\(number)")
      for index in 0...1 { #expect(await rig.leased("way\(number)", 10, on: index)?.grant == 10) }
      let clients = try control.order("CLIENT", "LIST")
      #expect(clients.components(separatedBy: "name=sluice-west\(number) ").count == 3, "\(clients)")
      #expect(clients.contains("user=\(number < 2 ? "default" : "limits") "))
      await rig.end()
      let areGone = try await eventually { try !control.order("CLIENT", "LIST").contains("name=sluice") }
      #expect(areGone)
    }
    #expect(try control.order("DBSIZE") == "0")
    try control.order("SELECT", "3")
    let keys = Set(try control.order("KEYS", "*").split(separator: "\n").map(String.init))
    #expect(keys == Set((0..<ways.count).flatMap { ["gw:{way\($0)}:b", "gw:{way\($0)}:m"] }))
  }

  @Test("with a wrong password the store is away, and the words for it hold no password")
  func wrongPassword() async throws {
    let server = try await Self.offPool { try RedisServer(options: ["--requirepass", "right"]) }
    let way = "url: 'redis://limits:hunter2@127.0.0.1:\(server.port)'"
    let rig = try await Rig(redis: way)
    for index in 0...1 {
      let isAway = await eventually {
        #expect(await rig.lease("a", 1, on: index) == nil)
        return await rig.condition(index) == .away
      }
      #expect(isAway)
    }
    let isKnown = await eventually { await rig.stores.status().first?.lastLoss == .authentication(code: "WRONGPASS") }
    #expect(isKnown)
    let status = try #require(await rig.stores.status().first)
    #expect(status.reactors == 2 && status.connected == 0)
    await rig.end()
    let words = rig.events.entries.map(\.description)
    #expect(words.contains { $0.contains("WRONGPASS") })
    // Told once, though two reactors try again and again.
    #expect(words.filter { $0.contains("WRONGPASS") }.count == 1)
    #expect(rig.events.entries.allSatisfy { $0.isTrouble })
    for text in words + ["\(rig.events.entries)", "\(status)"] { #expect(!text.contains("hunter2")) }
  }

  @Test("what happens to the server is told once, not once a reactor")
  func toldOnce() async throws {
    let server = try await Self.offPool { try RedisServer() }
    let rig = try await Rig(redis: "url: 'redis://127.0.0.1:\(server.port)'")
    let endpoint = RedisEndpoint(host: "127.0.0.1", port: server.port)
    func areConnected() async -> Bool { await rig.stores.status().first?.connected == 2 }
    #expect(await eventually(areConnected))
    #expect(rig.events.entries == [.redis(.connected(endpoint))])
    server.kill9()
    let areRefusing = await eventually { await rig.stores.status().first?.refusing == 2 }
    #expect(areRefusing)
    let trouble = rig.events.entries.dropFirst()
    #expect(trouble.contains(.redis(.breakerOpened(endpoint))))
    #expect(Set(trouble.map(\.description)).count == trouble.count && trouble.allSatisfy { $0.isTrouble }, "\(trouble)")
    try await Self.offPool { try server.restart() }
    #expect(await eventually(areConnected))
    let isOver = await eventually { rig.events.entries.suffix(2).allSatisfy { !$0.isTrouble } }
    #expect(isOver)
    let recovery = rig.events.entries.filter { !$0.isTrouble }
    #expect(recovery.filter { $0 == .redis(.connected(endpoint)) }.count == 2, "\(rig.events.entries)")
    #expect(recovery.filter { $0 == .redis(.breakerClosed(endpoint)) }.count == 1)
    for index in 0...1 { #expect(await rig.leased("a", 1, on: index) != nil) }
    await rig.end()
  }

  @Test("a key that another program has written is replaced, which is told once a limit and without the subject")
  func replaced() async throws {
    let server = try await Self.offPool { try RedisServer() }
    let rig = try await Rig(redis: "url: 'redis://127.0.0.1:\(server.port)'")
    #expect(await rig.leased("minute:0:secret", 1) != nil)
    for key in ["sl:{minute:0:secret}:b", "sl:{minute:0:other}:m", "sl:{day:0:}:b"] {
      _ = try server.order("DEL", key)
      _ = try server.order("SET", key, "theirs")
    }
    for id in ["minute:0:secret", "minute:0:other", "day:0:"] {
      for index in 0...1 { #expect(await rig.leased(id, 1, on: index) != nil, "\(id)") }
    }
    await rig.end()
    let told = rig.events.entries.filter { if case .keyReplaced = $0 { true } else { false } }
    #expect(told == [.keyReplaced(limit: "minute"), .keyReplaced(limit: "day")])
    #expect(told.allSatisfy { $0.isTrouble && !"\($0)".contains("secret") })
  }

  @Test("what is sent just before the end arrives")
  func lastWords() async throws {
    let server = try await Self.offPool { try RedisServer() }
    let rig = try await Rig(redis: "url: 'redis://127.0.0.1:\(server.port)'")
    for index in 0...1 { #expect(await rig.leased("a", 10, on: index) != nil) }
    let stores = rig.stores
    // Not waited for: the end may follow in the same turn.
    for index in 0...1 {
      rig.group.reactors[index].execute {
        for number in 0..<50 {
          let request = LeaseRequest(sequence: 1, want: 0, least: 1, adjust: -1, seen: .none)
          let terms = BucketTerms(quota: 1000, expiryMilliseconds: 3_600_000)
          _ = stores.storage(on: index).lease("last\(index)-\(number)", request, terms, node: "n") { _ in }
        }
      }
    }
    await rig.end()
    #expect(try server.order("KEYS", "sl:{last*}:b").split(separator: "\n").count == 100)
  }

  // MARK: TLS

  @Test("rediss with the authority, client certificate and name of the settings; a file that cannot be used is named")
  func tls() async throws {
    let certificates = try await Self.offPool { try Certificates() }
    let port = try freePort()
    let server = try await Self.offPool {
      try RedisServer(options: [
        "--tls-port", "\(port)", "--tls-cert-file", certificates.file("server.pem"),
        "--tls-key-file", certificates.file("server.key"), "--tls-ca-cert-file", certificates.file("ca.pem"),
        "--tls-auth-clients", "yes",
      ])
    }
    let authority = "caFile: '\(certificates.file("ca.pem"))'"
    let client =
      "certificateFile: '\(certificates.file("client.pem"))', keyFile: '\(certificates.file("client.key"))'"
    func way(_ tls: String, host: String = "127.0.0.1") -> String {
      "url: 'rediss://\(host):\(port)', tls: { \(tls) }"
    }
    for good in [
      way("\(authority), \(client)"), way("\(authority), \(client)", host: "localhost"),
      way("\(authority), \(client), serverName: localhost"), way("verify: false, \(client)"),
    ] {
      let rig = try await Rig(redis: good)
      #expect(await rig.leased("a", 1) != nil, "\(good)")
      await rig.end()
    }
    for bad in [
      way(client), way(authority), way("\(authority), \(client), serverName: elsewhere"),
      way("caFile: '\(certificates.file("other.pem"))', \(client)"),
    ] {
      let rig = try await Rig(redis: bad)
      let isTold = await eventually { rig.events.entries.contains { $0.isTrouble } }
      #expect(isTold && rig.events.entries.allSatisfy { $0.isTrouble }, "\(bad): \(rig.events.entries)")
      #expect(await rig.lease("a", 1) == nil)
      await rig.end()
    }
    let key = certificates.file("client.key")
    for (bad, name) in [
      ("caFile: '\(certificates.file("none.pem"))'", "redis.tls.caFile"),
      (
        "\(authority), certificateFile: '\(certificates.file("none.pem"))', keyFile: '\(key)'",
        "redis.tls.certificateFile"
      ),
      (
        "certificateFile: '\(certificates.file("client.pem"))', keyFile: '\(certificates.file("none.key"))'",
        "redis.tls.keyFile"
      ),
      // A key that belongs to another certificate.
      (
        "certificateFile: '\(certificates.file("client.pem"))', keyFile: '\(certificates.file("server.key"))'",
        "redis.tls.keyFile"
      ),
    ] {
      let refusal = try #require(await Self.refusal(way(bad)))
      #expect(refusal.hasPrefix("\(name): TLS failed ("), "\(refusal)")
    }
    withExtendedLifetime(server) {}
  }

  // MARK: Several servers

  @Test("a cluster is found from some of its nodes, and each bucket goes to its own")
  func cluster() async throws {
    let cluster = try await Self.offPool { try RedisCluster() }
    let seeds = "127.0.0.1:1,127.0.0.1:\(cluster.nodes[1].port)"
    let rig = try await Rig(redis: "url: 'redis+cluster://\(seeds)'")
    for number in 0..<30 {
      for index in 0...1 { #expect(await rig.leased("bucket\(number)", 1, on: index) != nil) }
    }
    let counts = try cluster.nodes.map { Int(try $0.order("DBSIZE")) ?? 0 }
    #expect(counts.allSatisfy { $0 > 0 } && counts.reduce(0, +) == 60)
    let status = await rig.stores.status()
    #expect(Set(status.map(\.endpoint.port)) == Set(cluster.nodes.map(\.port)))
    #expect(status.allSatisfy { $0.connected == 2 && $0.reactors == 2 && $0.refusing == 0 }, "\(status)")
    let found = rig.events.entries.filter { if case .redis(.clusterChanged) = $0 { true } else { false } }
    #expect(found.count == 1, "\(rig.events.entries)")
    await rig.end()
  }

  @Test("behind sentinels the master is asked, in the database of the URL")
  func sentinel() async throws {
    let house = try await Self.offPool { try RedisSentinels() }
    let seeds = "127.0.0.1:\(try freePort()),127.0.0.1:\(house.sentinels[0].port)"
    let rig = try await Rig(redis: "url: 'redis+sentinel://\(seeds)/\(RedisSentinels.masterName)/2'")
    for index in 0...1 { #expect(await rig.leased("a", 1, on: index) != nil) }
    #expect(await rig.stores.status().map(\.endpoint.port) == [house.master.port])
    let control = try house.master.control()
    try control.order("SELECT", "2")
    #expect(try control.order("DBSIZE") == "2")
    await rig.end()
    let other = try await Rig(redis: "url: 'redis+sentinel://\(seeds)/another'")
    let isTold = await eventually { await other.stores.status().first?.lastLoss == .masterUnknown }
    #expect(isTold)
    await other.end()
  }

  // MARK: Changes

  @Test("trouble is told by the first reactor that has it, its end by the last, and a cause once until then")
  func changes() {
    let endpoint = RedisEndpoint(host: "a")
    var one = RedisChanges(.single(endpoint))
    let steps: [(event: RedisEvent, reactor: Int, isNews: Bool)] = [
      (.connected(endpoint), 0, true), (.connected(endpoint), 1, false),
      (.disconnected(endpoint, .closedByServer), 1, true), (.disconnected(endpoint, .closedByServer), 0, false),
      (.disconnected(endpoint, .connectTimedOut), 0, true), (.disconnected(endpoint, .closedByServer), 1, false),
      (.breakerOpened(endpoint), 0, true), (.breakerOpened(endpoint), 1, false), (.breakerOpened(endpoint), 1, false),
      (.connected(endpoint), 0, false), (.breakerClosed(endpoint), 0, false),
      (.connected(endpoint), 1, true), (.breakerClosed(endpoint), 1, true), (.breakerClosed(endpoint), 1, false),
      (.disconnected(endpoint, .closedByServer), 0, true), (.connected(endpoint), 0, true),
      // Sentinels: the master is another.
      (.connected(RedisEndpoint(host: "b")), 0, true), (.connected(RedisEndpoint(host: "b")), 1, false),
    ]
    for (number, step) in steps.enumerated() {
      let isNews = one.isNews(step.event, from: step.reactor)
      #expect(isNews == step.isNews, "step \(number)")
    }
    // In a cluster each server has its own story.
    let other = RedisEndpoint(host: "b")
    var cluster = RedisChanges(.cluster(seeds: [endpoint]))
    let clusterSteps: [(event: RedisEvent, reactor: Int, isNews: Bool)] = [
      (.disconnected(endpoint, .stuck), 0, true), (.connected(other), 0, true), (.disconnected(other, .stuck), 0, true),
      (.connected(endpoint), 0, true), (.clusterChanged(masters: [endpoint, other]), 0, true),
      (.clusterChanged(masters: [other, endpoint]), 1, false), (.clusterChanged(masters: [endpoint]), 1, true),
      // What was told of a server that had left is forgotten.
      (.disconnected(other, .stuck), 1, true),
    ]
    for (number, step) in clusterSteps.enumerated() {
      let isNews = cluster.isNews(step.event, from: step.reactor)
      #expect(isNews == step.isNews, "step \(number)")
    }
  }
}
