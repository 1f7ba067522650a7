import Glibc
import Reactor
import TestKit
import Transport
import Testing

@testable import RedisClient

/// A client of a server that greets well and answers `ASK` with what no Redis would say, in pieces.
private func hostileRig(_ answer: String, piece: Int = .max) async throws -> (rig: Rig, peer: RawClient) {
  let listener = try RawListener()
  let rig = Rig(port: listener.port)
  rig.reactor.execute { [client = rig.client] in client.start() }
  let peer = try await offPool {
    let peer = try listener.accept()
    try greet(peer)
    return peer
  }
  background {
    _ = try peer.read(until: "ASK\r\n")
    for piece in pieces(of: Array(answer.utf8), size: piece) { try peer.send(piece) }
  }
  return (rig, peer)
}

private func greet(_ peer: RawClient) throws {
  _ = try peer.read(until: "PING\r\n")
  try peer.send("+OK\r\n+PONG\r\n")
}

@Suite("With a server that is none")
struct HostileServerStories {
  @Test(
    "what breaks a bound or the protocol fails the command and ends the connection",
    arguments: [
      ("*2147483647\r\n", ReplyViolation.arrayTooLong(elementsMax: 16_384)),
      ("$9223372036854775807\r\n", .bulkTooLong(bytesMax: 16 << 20)),
      ("*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n:1\r\n", .tooDeep(depthMax: 7)),
      ("%1\r\n+a\r\n+b\r\n", .resp3(type: UInt8(ascii: "%"))),
      ("HTTP/1.1 400 Bad Request\r\n\r\n", .unknownType(UInt8(ascii: "H"))),
      ("$3\r\nabcXY", .malformedLineEnd),
      (":12a\r\n", .malformedNumber),
    ])
  func violations(_ answer: String, _ violation: ReplyViolation) async throws {
    for piece in [Int.max, 1] {
      let (rig, peer) = try await hostileRig(answer, piece: piece)
      defer { rig.shutDown() }
      #expect(await rig.failure("ASK") == .connectionLost(.violation(violation), mayHaveRun: true))
      #expect(await eventually { rig.events.contains { if case .disconnected = $0 { true } else { false } } })
      let ending = try await offPool { peer.readAll().ending }
      #expect(ending != .timeout)
    }
  }

  @Test("a good reply in front of a bad one still counts")
  func goodThenBad() async throws {
    let (rig, _) = try await hostileRig(":7\r\n*9999999\r\n")
    defer { rig.shutDown() }
    #expect(try await rig.ask("ASK") == .integer(7))
    #expect(await eventually { rig.events.contains { if case .disconnected = $0 { true } else { false } } })
  }

  @Test("a reply that nobody asked for ends the connection")
  func unasked() async throws {
    let (rig, _) = try await hostileRig("+OK\r\n+more\r\n")
    defer { rig.shutDown() }
    #expect(try await rig.ask("ASK") == .simple("OK"))
    let loss = RedisLoss.violation(.unexpectedReply)
    #expect(await eventually { rig.events.contains { if case .disconnected(_, loss) = $0 { true } else { false } } })
  }

  @Test("a reply that never ends fails by its deadline, and the connection when it is stuck")
  func dribble() async throws {
    let listener = try RawListener()
    let rig = Rig(port: listener.port) {
      $0.replyTimeMax = .milliseconds(150) * testPatience
      $0.breaker.failuresMax = 1_000
    }
    defer { rig.shutDown() }
    rig.reactor.execute { [client = rig.client] in client.start() }
    let peer = try await offPool {
      let peer = try listener.accept()
      try greet(peer)
      return peer
    }
    background {
      try peer.send("$1000000\r\n")
      // Until the client closes, and a send fails.
      while true {
        try peer.send("x")
        usleep(2_000)
      }
    }
    #expect(await rig.failure("ASK", within: .milliseconds(40)) == .deadlineExceeded(mayHaveRun: true))
    #expect(await eventually { rig.events.contains { if case .disconnected(_, .stuck) = $0 { true } else { false } } })
  }

  @Test("a server that accepts and says nothing, or something else than a welcome, is given up")
  func noWelcome() async throws {
    let listener = try RawListener()
    let rig = Rig(port: listener.port) { $0.connectTimeout = .milliseconds(60) * testPatience }
    defer { rig.shutDown() }
    #expect(await rig.failure("PING") == .notConnected(.connectTimedOut))
    let other = Rig(port: listener.port)
    defer { other.shutDown() }
    other.reactor.execute { [client = other.client] in client.start() }
    let isOver = Locked(false)
    background {
      while !isOver.withLock({ $0 }) { try listener.accept(timeout: .seconds(10)).send("220 mail.example ESMTP\r\n") }
    }
    defer { isOver.withLock { $0 = true } }
    #expect(
      await eventually {
        other.events.contains {
          if case .disconnected(_, .violation(.unknownType)) = $0 { true } else { false }
        }
      })
  }

  @Test("a socket that the system refuses to watch is a failed connect that names it, and the next try goes on")
  func notWatched() async throws {
    let listener = try RawListener()
    // However many tries fail before the machine gets round to the next line, the breaker is not what this is about.
    let rig = Rig(port: listener.port) { $0.breaker.failuresMax = .max }
    defer { rig.shutDown() }
    await rig.reactor.run { [reactor = rig.reactor] in reactor.watchesMax = 0 }
    #expect(await rig.failure("PING") == .notConnected(.transport(.exhausted(ENOSPC))))
    await rig.reactor.run { [reactor = rig.reactor] in reactor.watchesMax = .max }
    async let reply = rig.ask("PING")
    background {
      // The first were closed before they said anything.
      while true {
        let peer = try listener.accept(timeout: .seconds(10))
        if (try? greet(peer)) != nil { try? peer.send("+PONG\r\n") }
      }
    }
    #expect(try await reply == .simple("PONG"))
  }

  @Test("an error that quotes the password is not repeated")
  func quotingServer() async throws {
    let listener = try RawListener()
    let rig = Rig(port: listener.port) { $0.credentials = RedisCredentials(user: "u", password: "hunter2") }
    defer { rig.shutDown() }
    async let failure = rig.failure("PING")
    let peer = try await offPool { try listener.accept() }
    _ = try await offPool { try peer.read(until: "hunter2\r\n") }
    try peer.send("-ERR unknown command 'AUTH', with args beginning with: 'u' 'hunter2'\r\n")
    let seen = await failure
    #expect(seen == .notConnected(.authentication(code: "ERR")))
    #expect(!"\(String(describing: seen)) \(rig.events)".contains("hunter2"))
  }

  @Test("a command under way to a node that leaves the cluster still gets its reply")
  func nodeLeaves() async throws {
    let (first, second) = (try RawListener(), try RawListener())
    let seed = RedisEndpoint(host: "127.0.0.1", port: first.port)
    var settings = RedisSettings(topology: .cluster(seeds: [seed]))
    settings.stretch()
    settings.slotRefreshInterval = .milliseconds(150)
    settings.discoveryTimeout = .milliseconds(100) * testPatience
    let rig = Rig(settings)
    defer { rig.shutDown() }
    let ports = (first.port, second.port)
    background {
      // At the first question the second node has all slots, afterwards none.
      for port in [ports.1, ports.0] {
        let peer = try first.accept()
        try greet(peer)
        _ = try peer.read(until: "SLOTS\r\n")
        try peer.send("*1\r\n*3\r\n:0\r\n:16383\r\n*2\r\n$9\r\n127.0.0.1\r\n:\(port)\r\n")
        _ = peer.readAll()
      }
    }
    async let reply = rig.ask("GET", key: "a")
    let other = try await offPool {
      let peer = try second.accept()
      try greet(peer)
      _ = try peer.read(until: "GET\r\n")
      return peer
    }
    #expect(
      await eventually {
        rig.events.contains(.clusterChanged(masters: [RedisEndpoint(host: "127.0.0.1", port: ports.0)]))
      })
    // The second is to the question for the map, which nobody waits for any more.
    try other.send("+late\r\n*0\r\n")
    #expect(try await reply == .simple("late"))
    #expect(try await offPool { other.readAll().ending } == .end)
  }

  @Test("a cluster of which no seed answers refuses at once what it cannot send")
  func noSeeds() async throws {
    let seeds = try (0..<3).map { _ in RedisEndpoint(host: "127.0.0.1", port: try freePort()) }
    var settings = RedisSettings(topology: .cluster(seeds: seeds))
    settings.stretch()
    let rig = Rig(settings)
    defer { rig.shutDown() }
    // Long before its deadline.
    #expect(await rig.failure("GET", key: "a", within: .seconds(600)) == .slotNotServed)
    #expect(await rig.failure("PING", within: .seconds(600)) == .slotNotServed)
  }

  @Test("a node that sends a command in a circle is followed so often and no further")
  func circle() async throws {
    let listener = try RawListener()
    var settings = RedisSettings(topology: .cluster(seeds: [RedisEndpoint(host: "127.0.0.1", port: listener.port)]))
    settings.stretch()
    let rig = Rig(settings)
    defer { rig.shutDown() }
    let port = listener.port
    background {
      let peer = try listener.accept()
      try greet(peer)
      while true {
        let asked = String(decoding: try peer.read(until: "\r\n"), as: UTF8.self)
        if asked.hasPrefix("SLOTS") {
          try peer.send("*1\r\n*3\r\n:0\r\n:16383\r\n*2\r\n$9\r\n127.0.0.1\r\n:\(port)\r\n")
        } else if asked.hasPrefix("GET") {
          try peer.send("-MOVED 15495 127.0.0.1:\(port)\r\n")
        }
      }
    }
    #expect(await rig.failure("GET", key: "a") == .tooManyRedirects)
  }
}
