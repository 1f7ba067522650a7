import Reactor
import TestKit
import Testing
import Transport

@testable import RedisClient

@Suite("With a real redis-server")
struct ServerStories {
  @Test("every type of reply comes out as its value")
  func replies() async throws {
    let server = try await offPool { try RedisServer() }
    let rig = Rig(server)
    defer { rig.shutDown() }
    #expect(try await rig.ask("SET", ["1"], key: "a") == .simple("OK"))
    #expect(try await rig.ask("GET", key: "a") == .bulk("1"))
    #expect(try await rig.ask("INCR", key: "a") == .integer(2))
    #expect(try await rig.ask("GET", key: "none") == .null)
    #expect(try await rig.ask("MGET", ["none"], key: "a") == .array([.bulk("2"), .null]))
    let script = "return {1, 'x', {redis.error_reply('NO thing')}, false, {}}"
    let nested = RedisReply.array([.error(RedisServerError("NO thing"))])
    let made = try await rig.ask("EVAL", [script, "0"])
    #expect(made == .array([.integer(1), .bulk("x"), nested, .null, .array([])]))
    #expect(await rig.failure("LPUSH", ["x"], key: "a").map { "\($0)" }?.contains("WRONGTYPE") == true)
  }

  @Test("words of any bytes and of any length go there and back")
  func bytes() async throws {
    let server = try await offPool { try RedisServer() }
    let rig = Rig(server)
    defer { rig.shutDown() }
    let all = (0...255).map { UInt8($0) }
    let long = [UInt8]((0..<3_000_000).map { UInt8(truncatingIfNeeded: $0 &* 31) })
    for value in [[], all, long] {
      var set = RedisCommand("SET")
      set.appendKey(all)
      set.append(value)
      #expect(try await rig.send(set, within: .seconds(20)) == .simple("OK"))
      var get = RedisCommand("GET")
      get.appendKey(all)
      #expect(try await rig.send(get, within: .seconds(20)) == .bulk(value))
    }
  }

  @Test("commands of one turn leave in one write, and replies come in their order")
  func pipelining() async throws {
    let server = try await offPool { try RedisServer() }
    let rig = Rig(server)
    defer { rig.shutDown() }
    try await rig.ask("PING")
    let before = try Self.packets(server)
    let order = Locked<[Int64]>([])
    let client = rig.client
    await rig.reactor.run {
      for _ in 0..<1000 {
        client.execute(Rig.command("INCR", key: "n"), deadline: .seconds(20)) { result in
          order.withLock { $0.append((try? result.get().integer) ?? -1) }
        }
      }
    }
    #expect(await eventually { order.withLock { $0.count } == 1000 })
    #expect(order.withLock { $0 } == Array(1...1000))
    // 1,000 commands of 24 bytes: had each been a write of its own, the server had read some hundred times.
    #expect(try Self.packets(server) - before < 100)
  }

  /// How often the server has read from sockets.
  private static func packets(_ server: RedisServer) throws -> Int {
    let info = try server.order("INFO", "stats")
    let line = info.split(separator: "\r\n").first { $0.hasPrefix("total_reads_processed:") }
    return Int(line?.split(separator: ":").last ?? "") ?? -1
  }

  @Test("a stopped server fails commands by their deadline; the breaker opens, and closes when it goes on")
  func stopped() async throws {
    let server = try await offPool { try RedisServer() }
    let rig = Rig(server) {
      $0.breaker.failuresMax = 3
      $0.breaker.probeTimeout = .milliseconds(200) * testPatience
    }
    defer { rig.shutDown() }
    try await rig.ask("PING")
    server.pause()
    for _ in 0..<3 {
      let failure = await rig.failure("INCR", key: "n", within: .milliseconds(20))
      #expect(failure == .deadlineExceeded(mayHaveRun: true))
    }
    #expect(await rig.failure("PING") == .breakerOpen)
    server.resume()
    #expect(await rig.eventually("PING") == .simple("PONG"))
    // The late replies were not taken for those of later commands.
    #expect(try await rig.ask("GET", key: "n") == .bulk("3"))
    #expect(rig.events.contains { if case .breakerOpened = $0 { true } else { false } })
    #expect(rig.events.contains { if case .breakerClosed = $0 { true } else { false } })
  }

  @Test("a connection on which no reply comes at all is ended, and a new one is made")
  func stuck() async throws {
    let server = try await offPool { try RedisServer() }
    let rig = Rig(server) {
      $0.replyTimeMax = .milliseconds(100) * testPatience
      $0.breaker.failuresMax = 1_000
    }
    defer { rig.shutDown() }
    try await rig.ask("PING")
    server.pause()
    #expect(await rig.failure("PING", within: .seconds(30)) == .connectionLost(.stuck, mayHaveRun: true))
    server.resume()
    #expect(await rig.eventually("PING") == .simple("PONG"))
  }

  @Test("a command that could not be sent before its deadline never runs")
  func unsent() async throws {
    let server = try await offPool { try RedisServer() }
    server.pause()
    let rig = Rig(server) { $0.breaker.failuresMax = 1_000 }
    defer { rig.shutDown() }
    // The kernel accepts the connection, the server says no welcome.
    #expect(await rig.failure("INCR", key: "n", within: .milliseconds(30)) == .deadlineExceeded(mayHaveRun: false))
    server.resume()
    #expect(await rig.eventually("GET", key: "n") == .null)
  }

  @Test("a killed server fails what is under way at once, and is found again when it is back")
  func killed() async throws {
    let server = try await offPool { try RedisServer(keepsData: true) }
    let rig = Rig(server)
    defer { rig.shutDown() }
    #expect(try await rig.ask("SET", ["1"], key: "a") == .simple("OK"))
    async let blocked = rig.failure("BLPOP", ["30"], key: "list", within: .seconds(60))
    #expect(await eventually { (try? server.order("INFO", "clients").contains("blocked_clients:1")) == true })
    server.kill9()
    #expect(await blocked?.mayHaveRun == true)
    #expect(await rig.failure("GET", key: "a", within: .milliseconds(50))?.mayHaveRun == false)
    try server.restart()
    #expect(await rig.eventually("GET", key: "a") == .bulk("1"))
    try server.restart(emptied: true)
    #expect(await rig.eventually("GET", key: "a") == .null)
  }

  @Test("what waits is bounded: more is refused at once")
  func bounds() async throws {
    let server = try await offPool { try RedisServer() }
    let rig = Rig(server) {
      $0.limits.commandsInFlightMax = 4
      $0.limits.bytesWaitingMax = 1_000
      $0.limits.commandBytesMax = 800
    }
    defer { rig.shutDown() }
    try await rig.ask("PING")
    #expect(await rig.failure("ECHO", [String(repeating: "x", count: 900)]) == .commandTooLong(bytesMax: 800))
    let results = Locked<[RedisError?]>([])
    let client = rig.client
    await rig.reactor.run {
      for word in ["1", "2", "3", "4", "5"] {
        client.execute(RedisCommand("ECHO", word), deadline: .seconds(20)) { result in
          results.withLock { $0.append(result.failure) }
        }
      }
      #expect(results.withLock { $0 }.isEmpty, "no completion runs inside execute")
    }
    #expect(await eventually { results.withLock { $0.count } == 5 })
    #expect(results.withLock { $0 }.filter { $0 == .tooManyCommands(commandsMax: 4) }.count == 1)
    #expect(results.withLock { $0 }.filter { $0 == nil }.count == 4)
    results.withLock { $0 = [] }
    await rig.reactor.run {
      for _ in 0..<2 {
        client.execute(RedisCommand("ECHO", String(repeating: "x", count: 600)), deadline: .seconds(20)) { result in
          results.withLock { $0.append(result.failure) }
        }
      }
    }
    #expect(await eventually { results.withLock { $0.count } == 2 })
    #expect(results.withLock { $0 }.contains(.tooManyBytes(bytesMax: 1_000)))
  }

  @Test("user, password and database of the URL are used; a wrong password fails without being shown")
  func authentication() async throws {
    let server = try await offPool { try RedisServer(options: ["--requirepass", "top:se/cret"]) }
    let control = try server.control(password: "top:se/cret")
    try control.order("ACL", "SETUSER", "limits", "on", ">pass@word", "~*", "+@all", "-flushall")
    func makeRig(_ start: String) throws -> Rig {
      var settings = try RedisSettings(url: start + "@127.0.0.1:\(server.port)/3")
      settings.stretch()
      settings.breaker.failuresMax = 1_000
      return Rig(settings)
    }
    do {
      let rig = try makeRig("redis://:top%3Ase%2Fcret")
      defer { rig.shutDown() }
      #expect(try await rig.ask("ACL", ["WHOAMI"]) == .bulk("default"))
      #expect(try await rig.ask("SET", ["1"], key: "here") == .simple("OK"))
      #expect(try await rig.ask("CLIENT", ["GETNAME"]) == .bulk("sluice"))
    }
    try control.order("SELECT", "3")
    #expect(try control.order("GET", "here") == "1")
    do {
      let rig = try makeRig("redis://limits:pass%40word")
      defer { rig.shutDown() }
      #expect(try await rig.ask("ACL", ["WHOAMI"]) == .bulk("limits"))
      #expect(await rig.failure("FLUSHALL").map { "\($0)" }?.contains("NOPERM") == true)
    }
    for start in ["redis://limits:pass%40wrong", "redis://"] {
      do {
        let rig = try makeRig(start)
        defer { rig.shutDown() }
        let failure = try #require(await rig.failure("PING"))
        guard case .notConnected(.authentication(let code)) = failure else {
          Issue.record("\(failure)")
          return
        }
        #expect(code == (start == "redis://" ? "NOAUTH" : "WRONGPASS"))
        #expect(!"\(failure)".contains("wrong"))
        #expect(!"\(rig.client.settings)".contains("wrong"))
      }
    }
  }

  @Test("a user who may run nothing but scripts is welcome")
  func narrowUser() async throws {
    let server = try await offPool { try RedisServer() }
    try server.order("ACL", "SETUSER", "narrow", "on", ">p", "~limits:*", "+evalsha", "+eval", "+incrby")
    let rig = Rig(server) { $0.credentials = RedisCredentials(user: "narrow", password: "p") }
    defer { rig.shutDown() }
    var call = RedisScript("return redis.call('INCRBY', KEYS[1], ARGV[1])").call(keys: ["limits:a"])
    call.append(5)
    #expect(try await rig.send(call) == .integer(5))
  }

  @Test("a script is known by its digest, and sent whole where it is not known")
  func scripts() async throws {
    let server = try await offPool { try RedisServer() }
    let rig = Rig(server)
    defer { rig.shutDown() }
    let script = RedisScript("return {KEYS[1], ARGV[1], redis.call('INCR', KEYS[1])}")
    var call = script.call(keys: ["k"])
    call.append("v")
    for round in 1...3 {
      // A second call finds it known.
      for half in 0...1 {
        let reply = try await rig.send(call)
        #expect(reply == .array([.bulk("k"), .bulk("v"), .integer(Int64(round * 2 - 1 + half))]))
      }
      try server.order("SCRIPT", "FLUSH")
    }
    let counts = try server.order("INFO", "commandstats").split(separator: "\r\n")
    #expect(counts.contains { $0.hasPrefix("cmdstat_eval:calls=3,") })
    #expect(counts.contains { $0.hasPrefix("cmdstat_evalsha:calls=6,") })
    // An error inside the script is no reason to run it again.
    let broken = RedisScript("return redis.error_reply('NOSCRIPT no, really')")
    #expect(await rig.failure(broken.call(keys: ["k"])) == .server(RedisServerError("NOSCRIPT no, really")))
  }

  @Test("a silent connection is asked for a sign of life")
  func idlePing() async throws {
    let server = try await offPool { try RedisServer() }
    let rig = Rig(server) { $0.idlePingAfter = .milliseconds(30) }
    defer { rig.shutDown() }
    try await rig.ask("PING")
    #expect(
      waitUntil {
        let stats = (try? server.order("INFO", "commandstats")) ?? ""
        let calls = stats.split(separator: "\r\n").first { $0.hasPrefix("cmdstat_ping:calls=") }
        // One is the fixture's, one the greeting's, one ours.
        return (calls?.split(separator: "=").dropFirst().first?.prefix { $0 != "," }).flatMap { Int($0) } ?? 0 > 6
      })
  }

  @Test("nobody there: the reason is told, commands fail at once, and the breaker opens")
  func nobody() async throws {
    let port = try freePort()
    let rig = Rig(port: port) { $0.breaker.openFor = .seconds(60) }
    defer { rig.shutDown() }
    let failure = await rig.failure("PING")
    #expect("\(failure.map { "\($0)" } ?? "")".contains("refused"))
    #expect(await eventually { rig.events.contains { if case .breakerOpened = $0 { true } else { false } } })
    #expect(await rig.failure("PING") == .breakerOpen)
    // Said once, though tried again and again.
    #expect(rig.events.filter { if case .disconnected = $0 { true } else { false } }.count == 1)
    #expect(await rig.status.map(\.isConnected) == [false])
  }

  @Test("every reply is its own command's, whatever is cut, delayed or given up meanwhile")
  func noMixing() async throws {
    let server = try await offPool { try RedisServer() }
    let rig = Rig(server) {
      $0.breaker.failuresMax = 1_000_000
      $0.backoff.longest = .milliseconds(5)
    }
    defer { rig.shutDown() }
    let control = Confined(try server.control())
    let answered = Locked(0)
    let ended = Locked(0)
    let wrong = Locked<[String]>([])
    let client = rig.client
    for round in 0..<60 {
      await rig.reactor.run {
        for index in 0..<40 {
          let word = "\(round)-\(index)"
          let deadline = Duration.milliseconds(index % 4 == 0 ? 1 + index / 4 : 5_000)
          client.execute(RedisCommand("ECHO", word), deadline: deadline) { result in
            ended.withLock { $0 += 1 }
            guard case .success(let reply) = result else { return }
            answered.withLock { $0 += 1 }
            if reply != .bulk(word) { wrong.withLock { $0.append("\(word): \(reply)") } }
          }
        }
      }
      if round % 7 == 3 { try control.value.order("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes") }
      if round % 5 == 1 { try control.value.order("CLIENT", "PAUSE", "8") }
      try await Task.sleep(for: .milliseconds(4))
    }
    #expect(await eventually { ended.withLock { $0 } == 60 * 40 })
    #expect(wrong.withLock { $0 } == [])
    #expect(answered.withLock { $0 } > 200)
    #expect(ended.withLock { $0 } == 60 * 40, "each completion runs once")
  }

  @Test("a slow server's breaker stays open while its probes take too long, and closes when it is quick again")
  func slow() async throws {
    let server = try await offPool { try RedisServer() }
    let proxy = try SlowProxy(to: server.port)
    let rig = Rig(port: proxy.port) { $0.breaker.probeTimeout = .milliseconds(60) * testPatience }
    defer { rig.shutDown() }
    #expect(try await rig.ask("PING") == .simple("PONG"))
    proxy.delay.withLock { $0 = .milliseconds(200) * testPatience }
    for _ in 0..<3 {
      let failure = await rig.failure("INCR", key: "n", within: .milliseconds(20))
      #expect(failure == .deadlineExceeded(mayHaveRun: true))
    }
    // Several probes' time; each connection is still the first.
    for _ in 0..<10 {
      #expect(await rig.failure("PING") == .breakerOpen)
      try await Task.sleep(for: .milliseconds(30) * testPatience)
    }
    #expect(rig.events.filter { if case .connected = $0 { true } else { false } }.count == 1)
    proxy.delay.withLock { $0 = .zero }
    #expect(await rig.eventually("GET", key: "n") == .bulk("3"))
    #expect(rig.events.filter { if case .breakerOpened = $0 { true } else { false } }.count == 1)
  }

  @Test("a task on the reactor itself gets its reply there")
  func onReactor() async throws {
    let server = try await offPool { try RedisServer() }
    let rig = Rig(server)
    defer { rig.shutDown() }
    let seen = Locked<[Bool]>([])
    let (client, reactor) = (rig.client, rig.reactor)
    reactor.startTask {
      let reply = try? await client.execute(RedisCommand("PING"), deadline: .seconds(10))
      seen.withLock { $0 += [reply == .simple("PONG"), reactor.isCurrent] }
    }
    #expect(await eventually { seen.withLock { $0.count } == 2 })
    #expect(seen.withLock { $0 } == [true, true])
  }

  @Test("a closed client says so")
  func closed() async throws {
    let server = try await offPool { try RedisServer() }
    let rig = Rig(server)
    let client = rig.client
    async let blocked = rig.failure("BLPOP", ["30"], key: "list", within: .seconds(60))
    #expect(await eventually { (try? server.order("INFO", "clients").contains("blocked_clients:1")) == true })
    await rig.reactor.run { client.close() }
    #expect(await blocked == .connectionLost(.closed, mayHaveRun: true))
    #expect(await rig.failure("PING") == .closed)
    #expect(await rig.reactor.run { rig.reactor.registeredCount } == 0)
    rig.shutDown()
  }
}

extension Result {
  var failure: Failure? {
    if case .failure(let error) = self { error } else { nil }
  }
}
