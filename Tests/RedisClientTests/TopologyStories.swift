import Reactor
import TestKit
import Testing
import Transport

@testable import RedisClient

@Suite("Over TLS, in a cluster, behind sentinels")
struct TopologyStories {
  // MARK: TLS

  @Test(
    "rediss with an authority of its own and a client certificate; without them the server is not believed, or does not believe us"
  )
  func tls() async throws {
    let certificates = try await offPool { try Certificates() }
    let tlsPort = try freePort()
    let server = try await offPool {
      try RedisServer(options: [
        "--tls-port", "\(tlsPort)", "--tls-cert-file", certificates.file("server.pem"),
        "--tls-key-file", certificates.file("server.key"), "--tls-ca-cert-file", certificates.file("ca.pem"),
        "--tls-auth-clients", "yes",
      ])
    }
    func makeRig(_ change: (inout TLSClientContext.Options) -> Void) throws -> Rig {
      var settings = try RedisSettings(url: "rediss://localhost:\(tlsPort)")
      settings.stretch()
      var options = try #require(settings.tls)
      options.authorityFile = certificates.file("ca.pem")
      options.certificateFile = certificates.file("client.pem")
      options.keyFile = certificates.file("client.key")
      change(&options)
      settings.tls = options
      try settings.validate()
      return Rig(settings)
    }
    do {
      let rig = try makeRig { _ in }
      defer { rig.shutDown() }
      let value = [UInt8]((0..<400_000).map { UInt8(truncatingIfNeeded: $0) })
      var set = RedisCommand("SET")
      set.appendKey("a")
      set.append(value)
      let isSet = try await rig.send(set)
      #expect(isSet == .simple("OK"))
      #expect(try await rig.ask("GET", key: "a") == .bulk(value))
      try server.order("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
      #expect(await rig.eventually("STRLEN", key: "a") == .integer(400_000))
    }
    for change: @Sendable (inout TLSClientContext.Options) -> Void in [
      { $0.authorityFile = certificates.file("other.pem") }, { $0.serverName = "elsewhere" },
      { ($0.certificateFile, $0.keyFile) = (nil, nil) },
    ] {
      let rig = try makeRig(change)
      defer { rig.shutDown() }
      let failure = try #require(await rig.failure("PING"))
      #expect(!failure.mayHaveRun, "\(failure)")
      #expect(await rig.status.map(\.isConnected) == [false])
    }
    #expect(throws: TransportError.self) { try makeRig { $0.authorityFile = "/nowhere/ca.pem" } }
  }

  // MARK: Cluster

  private static func settings(_ cluster: RedisCluster) -> RedisSettings {
    // One of the seeds is not there.
    let seeds = [
      RedisEndpoint(host: "127.0.0.1", port: 1), RedisEndpoint(host: "127.0.0.1", port: cluster.nodes[1].port),
    ]
    var settings = RedisSettings(topology: .cluster(seeds: seeds))
    settings.stretch()
    return settings
  }

  @Test("in a cluster keys find their nodes, while a slot moves, after it, and scripts with them")
  func cluster() async throws {
    let cluster = try await offPool { try RedisCluster() }
    let rig = Rig(Self.settings(cluster))
    defer { rig.shutDown() }
    // Three nodes, from one seed that answers.
    for index in 0..<60 {
      #expect(try await rig.ask("SET", ["\(index)"], key: "key\(index)") == .simple("OK"))
    }
    let counts = try cluster.nodes.map { Int(try $0.order("DBSIZE")) ?? 0 }
    #expect(counts.allSatisfy { $0 > 5 } && counts.reduce(0, +) == 60)
    #expect(await rig.status.filter(\.isConnected).count == 3)
    let script = RedisScript("return redis.call('INCRBY', KEYS[1], ARGV[1])")
    for key in ["{tag}1", "{tag}2", "a", "b", "c", "d"] {
      var call = script.call(keys: [key])
      call.append(3)
      let reply = try await rig.send(call)
      #expect(reply == .integer(3))
    }
    // Two keys of one slot, the slot on its way from one node to another, one key gone ahead.
    let slot = HashSlot.of("{tag}1".utf8)
    let source = try #require((0..<3).first { RedisCluster.slots(of: $0).contains(slot) })
    let destination = (source + 1) % 3
    try cluster.beginMoving(slot: slot, from: source, to: destination)
    try cluster.move(key: "{tag}1", from: source, to: destination)
    #expect(try await rig.ask("INCR", key: "{tag}1") == .integer(4))
    #expect(try await rig.ask("INCR", key: "{tag}2") == .integer(4))
    // A new key of the slot is made where the slot is going.
    #expect(try await rig.ask("INCR", key: "{tag}new") == .integer(1))
    // A script that the new node has never seen, by way of ASK.
    try cluster.nodes[destination].order("SCRIPT", "FLUSH")
    var call = script.call(keys: ["{tag}1"])
    call.append(1)
    let asked = try await rig.send(call)
    #expect(asked == .integer(5))
    // Both keys at once, one on each side: refused until the move is over.
    async let both = rig.ask("MGET", ["{tag}2"], key: "{tag}1", within: .seconds(20))
    try await Task.sleep(for: .milliseconds(30))
    try cluster.move(key: "{tag}2", from: source, to: destination)
    #expect(try await both == .array([.bulk("5"), .bulk("4")]))
    try cluster.endMoving(slot: slot, to: destination)
    let told = try Self.redirects(cluster.nodes[source])
    #expect(try await rig.ask("GET", key: "{tag}1") == .bulk("5"))
    #expect(try Self.redirects(cluster.nodes[source]) == told + 1)
    // Learned: the next one goes straight there.
    #expect(try await rig.ask("GET", key: "{tag}2") == .bulk("4"))
    #expect(try Self.redirects(cluster.nodes[source]) == told + 1)
    // Keys of different slots in one command are the caller's mistake.
    #expect(await rig.failure("MGET", ["b"], key: "a").map { "\($0)" }?.contains("CROSSSLOT") == true)
  }

  /// How many commands a node has answered with MOVED.
  private static func redirects(_ node: RedisServer) throws -> Int {
    let errors = try node.order("INFO", "errorstats")
    let line = errors.split(separator: "\r\n").first { $0.hasPrefix("errorstat_MOVED:count=") }
    return line.flatMap { Int($0.split(separator: "=")[1]) } ?? 0
  }

  @Test("a node of a cluster that dies takes its slots along and no others; back again, it is found")
  func clusterNodeDies() async throws {
    let cluster = try await offPool { try RedisCluster(options: ["--cluster-require-full-coverage", "no"]) }
    let rig = Rig(Self.settings(cluster))
    defer { rig.shutDown() }
    let keys = try (0..<3).map { index in
      try #require((0..<1_000).map { "k\($0)" }.first { RedisCluster.slots(of: index).contains(HashSlot.of($0.utf8)) })
    }
    for key in keys { #expect(try await rig.ask("SET", ["1"], key: key) == .simple("OK")) }
    cluster.nodes[2].kill9()
    #expect(await rig.failure("GET", key: keys[2], within: .milliseconds(100)) != nil)
    #expect(try await rig.ask("GET", key: keys[0]) == .bulk("1"))
    #expect(try await rig.ask("GET", key: keys[1]) == .bulk("1"))
    try cluster.nodes[2].restart()
    #expect(await rig.eventually("SET", ["2"], key: keys[2]) == .simple("OK"))
  }

  // MARK: Sentinel

  @Test("the sentinels' master is followed when it is stopped and another takes its place")
  func sentinel() async throws {
    let house = try await offPool { try RedisSentinels() }
    // One of the sentinels is not there.
    let sentinels = [try freePort(), house.sentinels[0].port].map { RedisEndpoint(host: "127.0.0.1", port: $0) }
    var settings = RedisSettings(topology: .sentinel(sentinels: sentinels, master: RedisSentinels.masterName))
    settings.stretch()
    settings.replyTimeMax = .milliseconds(300) * testPatience
    let rig = Rig(settings)
    defer { rig.shutDown() }
    #expect(try await rig.ask("SET", ["1"], key: "a") == .simple("OK"))
    #expect(await rig.status.map(\.endpoint.port) == [house.master.port])
    #expect(await eventually { (try? house.replica.order("GET", "a")) == "1" })
    house.master.pause()
    #expect(await rig.eventually("SET", ["2"], key: "a") == .simple("OK"))
    #expect(await rig.status.map(\.endpoint.port) == [house.replica.port])
    #expect(try house.replica.order("GET", "a") == "2")
    house.master.resume()
  }

  @Test("a master that was made a replica by hand is left as soon as it says so")
  func readOnly() async throws {
    let house = try await offPool { try RedisSentinels() }
    let sentinels = house.sentinels.map { RedisEndpoint(host: "127.0.0.1", port: $0.port) }
    var settings = RedisSettings(topology: .sentinel(sentinels: sentinels, master: RedisSentinels.masterName))
    settings.stretch()
    let rig = Rig(settings)
    defer { rig.shutDown() }
    #expect(try await rig.ask("SET", ["1"], key: "a") == .simple("OK"))
    try house.sentinels[0].order("SENTINEL", "FAILOVER", RedisSentinels.masterName)
    let isTold = await eventually(within: 20) {
      let told = try? house.sentinels[0].order("SENTINEL", "get-master-addr-by-name", RedisSentinels.masterName)
      return told?.hasSuffix("\(house.replica.port)") == true
    }
    #expect(isTold)
    // The sentinels would do it some seconds later, and cut our connection.
    try house.master.order("REPLICAOF", "127.0.0.1", "\(house.replica.port)")
    // Never READONLY to the caller as long as its deadline allows to look again.
    var isMoved = false
    for _ in 0..<4_000 where !isMoved {
      let failure = await rig.failure("INCR", key: "n", within: .seconds(20))
      if case .server(let error) = failure { Issue.record("\(error)") }
      isMoved = await rig.status.map(\.endpoint.port) == [house.replica.port]
      try await Task.sleep(for: .milliseconds(5))
    }
    #expect(isMoved)
  }

  @Test("sentinels that do not know the name: the reason is told")
  func unknownMaster() async throws {
    let house = try await offPool { try RedisSentinels() }
    let sentinels = house.sentinels.map { RedisEndpoint(host: "127.0.0.1", port: $0.port) }
    let rig = Rig(RedisSettings(topology: .sentinel(sentinels: sentinels, master: "another")))
    defer { rig.shutDown() }
    #expect(await rig.failure("PING", within: .seconds(20)) == .notConnected(.masterUnknown))
  }
}
