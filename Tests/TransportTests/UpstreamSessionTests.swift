import Glibc
import HTTPWire
import Reactor
import Testing

@testable import Transport
import TestKit

@Suite("Upstream sessions", .serialized)
struct UpstreamSessionTests {
  static let request = "GET / HTTP/1.1\r\nhost: x\r\n\r\n"

  // MARK: Connecting

  @Test("an address that refuses is followed by the next")
  func nextAddress() throws {
    let server = try RawSocket.listen()
    let deaf = try (0..<2).map { _ in try RawSocket.deaf() }
    let rig = UpstreamRig(try deaf.map { try loopback($0.port) } + [try loopback(server.port)])
    defer { rig.shutDown() }
    let peer = try server.accept()
    #expect(rig.holds(.connected))
    #expect(rig.owner.journal.entries == [.connected])
    peer.close()
  }

  @Test("when every address refuses the owner is told once, with the last reason, never from inside connect")
  func allRefuse() throws {
    let deaf = try (0..<2).map { _ in try RawSocket.deaf() }
    let rig = UpstreamRig(try deaf.map { try loopback($0.port) })
    defer { rig.shutDown() }
    #expect(rig.holds(.connectFailed(.connectFailed(ECONNREFUSED))))
    rig.settle()
    #expect(rig.owner.journal.count == 1)
    #expect(rig.isClosed)
    #expect(rig.reactor.sync { (rig.reactor.timerCount, rig.reactor.registeredCount) } == (0, 0))
  }

  @Test("a socket that the system refuses to watch is a failed connect, and is closed")
  func notWatched() throws {
    let server = try RawSocket.listen()
    let rig = UpstreamRig([try loopback(server.port), try loopback(server.port)], watchesMax: 0)
    defer { rig.shutDown() }
    #expect(rig.holds(.connectFailed(.exhausted(ENOSPC))))
    rig.settle()
    #expect(rig.owner.journal.count == 1)
    #expect(rig.isClosed)
    for _ in 0..<2 { _ = try server.accept().endCode() }
    #expect(rig.reactor.sync { (rig.reactor.timerCount, rig.reactor.registeredCount) } == (0, 0))
  }

  @Test("a server that never accepts ends in the connect time-out")
  func connectTimeout() throws {
    let server = try RawSocket.listen(backlog: 0)
    // One connection fills the backlog; the next one's SYN is dropped.
    var fillers: [RawSocket] = []
    fillers.append(try RawSocket.connect(server.port))
    let rig = UpstreamRig([try loopback(server.port)], connectTimeout: .milliseconds(150))
    defer { rig.shutDown() }
    #expect(rig.holds(.connectFailed(.connectTimedOut)))
    #expect(rig.owner.journal.count == 1)
    #expect(rig.reactor.sync { rig.reactor.registeredCount } == 0)
    fillers.removeAll()
  }

  @Test("a session that is closed while it connects says nothing more")
  func closeWhileConnecting() throws {
    let server = try RawSocket.listen()
    let rig = UpstreamRig([try loopback(server.port)])
    defer { rig.shutDown() }
    rig.reactor.sync { rig.session.close() }
    rig.settle()
    #expect(rig.owner.journal.entries.filter { $0 != .connected }.isEmpty)
    #expect(rig.reactor.sync { rig.reactor.timerCount } == 0)
  }

  // MARK: Answers

  struct Sample: CustomStringConvertible, Sendable {
    var name: String
    var answer: String
    var status = 200
    var body = ""
    var method = HTTPMethod.get
    var isReusable = true
    var endsWithClose = false
    var description: String { name }
  }

  static let samples = [
    Sample(name: "length", answer: "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello", body: "hello"),
    Sample(name: "length zero", answer: "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"),
    Sample(
      name: "chunked",
      answer: "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nhel\r\n2;a=b\r\nlo\r\n0\r\nx: y\r\n\r\n",
      body: "hello"),
    Sample(
      name: "until close", answer: "HTTP/1.1 200 OK\r\n\r\nhello", body: "hello", isReusable: false, endsWithClose: true
    ),
    Sample(name: "until close, empty", answer: "HTTP/1.1 200 OK\r\n\r\n", isReusable: false, endsWithClose: true),
    Sample(name: "HEAD", answer: "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n", method: .head),
    Sample(name: "204", answer: "HTTP/1.1 204 No Content\r\n\r\n", status: 204),
    Sample(name: "304", answer: "HTTP/1.1 304 Not Modified\r\ncontent-length: 9\r\n\r\n", status: 304),
    Sample(
      name: "interim",
      answer:
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok",
      body: "ok"),
    Sample(
      name: "connection: close", answer: "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok",
      body: "ok",
      isReusable: false),
    Sample(
      name: "HTTP/1.0", answer: "HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nok", body: "ok", isReusable: false),
    Sample(
      name: "extra bytes", answer: "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nokHTTP/1.1 200 OK\r\n\r\n", body: "ok",
      isReusable: false),
    Sample(
      name: "an interim answer that announces a body",
      answer: "HTTP/1.1 103 Hints\r\ncontent-length: 4\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok",
      body: "ok",
      isReusable: false),
  ]

  /// Sends the sample's answer in pieces that end at `splits` and checks what comes out.
  private func exchange(_ sample: Sample, splits: [Int]) throws {
    try withUpstream { rig, peer in
      rig.begin("\(sample.method.name) / HTTP/1.1\r\nhost: x\r\n\r\n", method: sample.method)
      _ = try peer.receive(until: "\r\n\r\n")
      let bytes = Array(sample.answer.utf8)
      var start = 0
      for split in splits + [bytes.count] {
        try? peer.send(bytes[start..<split])
        start = split
        if split < bytes.count { rig.settle() }
      }
      if sample.endsWithClose { peer.close() }
      #expect(waitUntil { rig.isOver }, "\(sample) split at \(splits)")
      #expect(rig.owner.text == sample.body, "\(sample) split at \(splits)")
      #expect(
        rig.owner.journal.entries == [.connected, .head(sample.status), .last(isIdle: sample.isReusable)],
        "\(sample) split at \(splits)")
      #expect(rig.isClosed == !sample.isReusable)
    }
  }

  @Test("an answer in one piece is given on, and the session is free or closed as the answer says", arguments: samples)
  func answers(sample: Sample) throws { try exchange(sample, splits: []) }

  @Test("an answer split in two at any byte is the same", arguments: samples.filter { $0.name != "extra bytes" })
  func everySplit(sample: Sample) throws {
    for split in 1..<sample.answer.utf8.count { try exchange(sample, splits: [split]) }
  }

  @Test("answers byte by byte are the same", arguments: samples.filter { $0.name != "extra bytes" })
  func byteByByte(sample: Sample) throws { try exchange(sample, splits: Array(1..<sample.answer.utf8.count)) }

  @Test("a session carries one request after the other")
  func reuse() throws {
    try withUpstream { rig, peer in
      for number in 1...20 {
        rig.begin("GET /\(number) HTTP/1.1\r\nhost: x\r\n\r\n")
        #expect(try peer.receive(until: "\r\n\r\n").hasPrefix("GET /\(number) "))
        try peer.send("HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\nx")
        #expect(rig.holds(.last(isIdle: true), count: number))
      }
      #expect(rig.requestCount == 20)
    }
  }

  @Test("the next request may be begun from inside the last piece of the answer before")
  func beginInsideLast() throws {
    try withUpstream { rig, peer in
      rig.reactor.sync {
        rig.owner.onLast = { [owner = rig.owner] session in
          if session.requestCount < 5 { session.begin(Array(Self.request.utf8), method: .get, receiver: owner) }
        }
      }
      rig.begin()
      for number in 1...5 {
        _ = try peer.receive(until: "\r\n\r\n")
        try peer.send("HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\n\(number)")
      }
      #expect(waitUntil { rig.owner.text == "12345" })
    }
  }

  // MARK: Sessions that go stale

  @Test("bytes that arrive on an idle session close it, and the owner is told")
  func lateBytes() throws {
    try withUpstream { rig, peer in
      try peer.send("HTTP/1.1 408 Request Timeout\r\n\r\n")
      #expect(rig.holds(.diedIdle))
      #expect(rig.isClosed)
    }
  }

  @Test("bytes that had arrived before a request began are not taken for its answer")
  func bytesBeforeRequest() throws {
    try withUpstream { rig, peer in
      let isAsked = rig.reactor.sync { () -> Bool in
        // The loop stands still, so that it cannot notice by itself; on the loopback the bytes are there when `send` returns.
        try? peer.send("HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nforged")
        rig.session.begin(Array(Self.request.utf8), method: .get, receiver: rig.owner)
        return true
      }
      #expect(isAsked)
      #expect(waitUntil { rig.isFailed })
      #expect(rig.owner.body.isEmpty)
      #expect(!rig.hasReceived, "it could not be retried")
      #expect(rig.isClosed)
    }
  }

  @Test("a server that closed while the session was idle fails the request before its first byte")
  func closedBeforeRequest() throws {
    try withUpstream { rig, peer in
      rig.reactor.sync {
        peer.close()
        rig.session.begin(Array(Self.request.utf8), method: .get, receiver: rig.owner)
      }
      #expect(rig.holds(.failed(.closedEarly)))
      #expect(!rig.hasReceived)
    }
  }

  @Test("an idle session whose server closes or resets tells its owner", arguments: [true, false])
  func diesIdle(byReset: Bool) throws {
    try withUpstream { rig, peer in
      rig.begin()
      _ = try peer.receive(until: "\r\n\r\n")
      try peer.send("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
      #expect(rig.holds(.last(isIdle: true)))
      if byReset { peer.reset() } else { peer.close() }
      #expect(rig.holds(.diedIdle))
      #expect(rig.owner.journal.count == 4)
    }
  }

  @Test("a pause asked for behind the last piece does not touch the next answer")
  func pauseWhenIdle() throws {
    try withUpstream { rig, peer in
      rig.reactor.sync { rig.owner.onLast = { $0.setPaused(true) } }
      for number in 1...2 {
        rig.begin()
        _ = try peer.receive(until: "\r\n\r\n")
        try peer.send("HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\nx")
        #expect(rig.holds(.last(isIdle: true), count: number))
      }
      peer.close()
      #expect(rig.holds(.diedIdle))
    }
  }

  // MARK: Failures

  @Test(
    "a server that ends in the middle of an answer fails it",
    arguments: [
      "", "HTTP/1.1 200 OK\r\n", "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhello",
      "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n",
    ], [true, false])
  func cutShort(answer: String, byReset: Bool) throws {
    try withUpstream { rig, peer in
      rig.begin()
      _ = try peer.receive(until: "\r\n\r\n")
      try peer.send(answer)
      rig.settle()
      if byReset { peer.reset() } else { peer.close() }
      #expect(rig.holds(.failed(byReset ? .broken(ECONNRESET) : .closedEarly)))
      #expect(rig.isClosed)
      #expect(rig.hasReceived == !answer.isEmpty)
      #expect(!rig.owner.journal.entries.contains { if case .last = $0 { true } else { false } })
    }
  }

  @Test("a reset in a close-delimited answer is a failure, not its end")
  func resetUntilClose() throws {
    try withUpstream { rig, peer in
      rig.begin()
      _ = try peer.receive(until: "\r\n\r\n")
      try peer.send("HTTP/1.1 200 OK\r\n\r\nhello")
      #expect(rig.holds(.head(200)))
      peer.reset()
      #expect(rig.holds(.failed(.broken(ECONNRESET))))
    }
  }

  @Test(
    "what is not HTTP/1.1 fails as a violation",
    arguments: [
      "SSH-2.0-x\r\n", "HTTP/1.1 200 OK\nx: y\n\n", "HTTP/1.1 101 Switching Protocols\r\n\r\n",
      "HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n",
      "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nxyz\r\n",
      "HTTP/1.1 200 OK\r\nx: \(String(repeating: "y", count: 70_000))\r\n\r\n",
      String(repeating: "HTTP/1.1 100 Continue\r\n\r\n", count: 17),
    ])
  func violations(answer: String) throws {
    try withUpstream { rig, peer in
      rig.begin()
      _ = try peer.receive(until: "\r\n\r\n")
      try? peer.send(answer)
      #expect(waitUntil { rig.isFailed })
      guard case .failed(.protocolViolation)? = rig.owner.journal.entries.last else {
        Issue.record("told \(rig.owner.journal.entries)")
        return
      }
      #expect(rig.isClosed)
    }
  }

  @Test("an early answer to a request that is not wholly sent is given on, and the session is not used again")
  func earlyAnswer() throws {
    try withUpstream { rig, peer in
      let size = 12 << 20
      rig.begin(
        "POST / HTTP/1.1\r\nhost: x\r\ncontent-length: \(size)\r\n\r\n" + String(repeating: "x", count: size),
        method: .post)
      try peer.send("HTTP/1.1 413 Too Large\r\ncontent-length: 3\r\n\r\nbig")
      #expect(rig.holds(.last(isIdle: false)))
      #expect(rig.owner.text == "big")
      #expect(rig.isClosed)
    }
  }

  @Test("an answer is read although the server stopped reading the request and closed")
  func answerBehindClose() throws {
    try withUpstream { rig, peer in
      let size = 12 << 20
      rig.begin(
        "POST / HTTP/1.1\r\nhost: x\r\ncontent-length: \(size)\r\n\r\n" + String(repeating: "x", count: size),
        method: .post)
      try peer.send("HTTP/1.1 401 No\r\ncontent-length: 3\r\nconnection: close\r\n\r\nkey")
      peer.shutdownSending()
      #expect(rig.holds(.last(isIdle: false)))
      #expect(rig.owner.text == "key")
    }
  }

  @Test("a large request arrives whole while the server reads slowly")
  func largeRequest() throws {
    try withUpstream { rig, peer in
      let size = 8 << 20
      let head = "POST / HTTP/1.1\r\nhost: x\r\ncontent-length: \(size)\r\n\r\n"
      rig.begin(head + String(repeating: "y", count: size), method: .post)
      let received = try peer.receive(exactly: head.utf8.count + size)
      #expect(received.suffix(size).allSatisfy { $0 == UInt8(ascii: "y") })
      try peer.send("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
      #expect(rig.holds(.last(isIdle: true)))
    }
  }

  // MARK: Back-pressure and giving up

  @Test("while paused nothing is handed on; afterwards nothing is lost")
  func pause() throws {
    try withUpstream { rig, peer in
      let body = (0..<1_000_000).map { UInt8(truncatingIfNeeded: $0 &* 13 &+ $0 >> 8) }
      rig.reactor.sync { rig.owner.onHead = { $0.setPaused(true) } }
      rig.begin()
      _ = try peer.receive(until: "\r\n\r\n")
      try peer.send("HTTP/1.1 200 OK\r\ncontent-length: \(body.count)\r\n\r\n")
      #expect(rig.holds(.head(200)))
      let sender = spawn {
        try? peer.send(body)
        peer.shutdownSending()
      }
      rig.settle()
      let before = rig.owner.pieces.count
      for _ in 0..<50 { rig.settle() }
      #expect(rig.owner.pieces.count == before)
      // Pausing again after each piece, as a slow client makes it.
      rig.reactor.sync {
        rig.owner.onBody = { session in
          guard !session.isClosed, !session.isIdle else { return }
          session.setPaused(true)
          let again = Confined(session)
          rig.reactor.execute { again.value.setPaused(false) }
        }
        rig.session.setPaused(false)
      }
      #expect(waitUntil { rig.owner.bodyBytes == body.count })
      // Compared outside #expect: should they differ, it would look for the shortest difference of millions of bytes, for hours.
      let isSame = rig.owner.body == body
      #expect(isSame)
      join(sender)
    }
  }

  @Test("an answer whose socket cannot be watched again fails, and not from inside the call that resumes it")
  func notWatchedAgain() throws {
    try withUpstream { rig, peer in
      rig.reactor.sync { rig.owner.onHead = { $0.setPaused(true) } }
      rig.begin()
      _ = try peer.receive(until: "\r\n\r\n")
      try peer.send("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n")
      #expect(rig.holds(.head(200)))
      peer.reset()
      #expect(waitUntil { rig.reactor.sync { rig.reactor.registeredCount } == 0 })
      let before = rig.reactor.sync {
        rig.reactor.watchesMax = 0
        rig.session.setPaused(false)
        return rig.owner.journal.count
      }
      #expect(rig.holds(.failed(.broken(ENOSPC))))
      #expect(rig.owner.journal.count == before + 1)
      #expect(rig.isClosed)
    }
  }

  @Test("a reset while paused neither spins the loop nor is lost")
  func resetWhilePaused() throws {
    try withUpstream { rig, peer in
      rig.reactor.sync { rig.owner.onHead = { $0.setPaused(true) } }
      rig.begin()
      _ = try peer.receive(until: "\r\n\r\n")
      try peer.send("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n")
      #expect(rig.holds(.head(200)))
      peer.reset()
      #expect(waitUntil { rig.reactor.sync { rig.reactor.registeredCount } == 0 })
      #expect(!rig.isFailed)
      rig.reactor.sync { rig.session.setPaused(false) }
      #expect(waitUntil { rig.isFailed })
    }
  }

  @Test("giving up closes at once, and the receiver hears nothing more")
  func abandon() throws {
    try withUpstream { rig, peer in
      rig.begin()
      _ = try peer.receive(until: "\r\n\r\n")
      try peer.send("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhello")
      #expect(waitUntil { rig.owner.text == "hello" })
      let start = MonotonicTime.readClock()
      rig.reactor.sync { rig.session.abandon() }
      #expect(peer.endCode() == ECONNRESET)
      #expect(MonotonicTime.readClock() < start + .seconds(1))
      rig.settle()
      #expect(rig.owner.journal.entries == [.connected, .head(200)])
    }
  }

  @Test("giving up from inside a call of the receiver is safe", arguments: ["head", "body"])
  func abandonInside(place: String) throws {
    try withUpstream { rig, peer in
      rig.reactor.sync {
        if place == "head" { rig.owner.onHead = { $0.abandon() } } else { rig.owner.onBody = { $0.abandon() } }
      }
      rig.begin()
      _ = try peer.receive(until: "\r\n\r\n")
      try peer.send("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n")
      #expect(peer.endCode() == ECONNRESET)
      rig.settle()
      #expect(rig.owner.journal.entries == [.connected, .head(200)])
      #expect(rig.owner.text == (place == "head" ? "" : "hello"))
    }
  }

  @Test("an owner that is gone is not kept alive by its sessions")
  func weakOwner() throws {
    let server = try RawSocket.listen()
    let group = ReactorGroup.started(count: 1)
    defer { group.shutDown() }
    let reactor = group.reactors[0]
    let address = try loopback(server.port)
    let isAlive = reactor.sync { () -> Bool in
      weak var watched: RecordingOwner?
      let session: UpstreamSession
      do {
        let owner = RecordingOwner()
        watched = owner
        session = UpstreamSession(
          context: UpstreamContext(reactor: reactor), target: UpstreamTarget(addresses: [address], tls: nil),
          owner: owner,
          connectDeadline: reactor.now + .seconds(5))
        session.connect()
      }
      session.close()
      return watched != nil
    }
    #expect(!isAlive)
  }
}
