import Glibc
import Reactor
import Testing
import Transport
import TestKit

@Suite("Client connections: leaving, waiting, closing", .serialized)
struct DownstreamLifeTests {
  static let get = "GET /a HTTP/1.1\r\nhost: x\r\n\r\n"

  /// A connection whose request is complete and whose answer is up to the test.
  private func responding(_ rig: DownstreamRig, receiveBuffer: Int32? = nil) throws -> (RawSocket, DownstreamConnection)
  {
    let connections = Journal<Confined<DownstreamConnection>>()
    rig.reactor.sync { rig.receiver.onComplete = { connections.add(Confined($0)) } }
    let client = try rig.connect(receiveBuffer: receiveBuffer)
    try client.send(Self.get)
    #expect(connections.holds(1))
    return (client, try #require(connections.entries.first).value)
  }

  @Test("an idle connection is closed after the idle time-out, also before its first request")
  func idleTimeout() throws {
    try withDownstream({ $0.idleTimeout = .milliseconds(60) }) { rig in
      let silent = try rig.connect()
      #expect(silent.endCode() == 0)
      let client = try rig.connect()
      try client.send(Self.get)
      _ = try AnswerReader(client).next()
      #expect(client.endCode() == 0)
      #expect(rig.receiver.journal.count == 2)
      #expect(waitUntil { rig.connectionCount == 0 })
    }
  }

  @Test("a client whose socket the system refuses to watch is closed and counted, and the next one is served")
  func notWatched() throws {
    try withDownstream { rig in
      // The listener is watched already.
      rig.reactor.sync { rig.reactor.watchesMax = 1 }
      let refused = try rig.connect()
      try? refused.send(Self.get)
      _ = refused.endCode()
      #expect(waitUntil { rig.budget.counts.refusedBySystem == 1 })
      #expect(rig.connectionCount == 0)
      #expect(rig.reactor.sync { rig.reactor.timerCount } == 0)

      rig.reactor.sync { rig.reactor.watchesMax = .max }
      let client = try rig.connect()
      try client.send(Self.get)
      #expect(try AnswerReader(client).next().status == 200)
      #expect(rig.budget.counts.refusedBySystem == 1)
    }
  }

  @Test("a head that does not arrive in time is answered 408, however slowly its bytes drip", arguments: [1, 5, 20])
  func headTimeout(bytes: Int) throws {
    try withDownstream({ $0.headTimeout = .milliseconds(80) }) { rig in
      let client = try rig.connect()
      let start = MonotonicTime.readClock()
      var isRefused = false
      for byte in Self.get.utf8.prefix(bytes) {
        try client.send([byte])
        isRefused = waitUntil(timeout: .seconds(0.01)) { rig.receiver.journal.entries.contains(.rejected(408)) }
        if isRefused { break }
      }
      #expect(try AnswerReader(client).next().status == 408)
      #expect(MonotonicTime.readClock() > start + .milliseconds(80))
      #expect(client.endCode() == 0)
    }
  }

  @Test("a body that stops arriving is answered 408", arguments: ["content-length: 10", "transfer-encoding: chunked"])
  func bodyTimeout(framing: String) throws {
    try withDownstream({ $0.bodyTimeout = .milliseconds(60) }) { rig in
      let client = try rig.connect()
      try client.send("POST /a HTTP/1.1\r\nhost: x\r\n\(framing)\r\n\r\n5\r\na")
      #expect(try AnswerReader(client).next().status == 408)
      #expect(client.endCode() == 0)
      #expect(rig.receiver.journal.entries == [.head("/a"), .rejected(408)])
    }
  }

  @Test("time-outs of one request do not touch the next, and none runs while a request is answered")
  func noTimeoutWhileResponding() throws {
    try withDownstream({
      $0.headTimeout = .milliseconds(40)
      $0.bodyTimeout = .milliseconds(40)
      $0.idleTimeout = .milliseconds(40)
      $0.writeTimeout = .milliseconds(40)
    }) { rig in
      let (client, connection) = try responding(rig)
      let confined = Confined(connection)
      let over = Journal<Bool>()
      rig.reactor.sync {
        _ = rig.reactor.startTimer(at: rig.reactor.now + .milliseconds(150), AfterTime { over.add(true) })
      }
      #expect(over.holds(1))
      rig.reactor.sync { rig.receiver.answer(Array("late".utf8), on: confined.value) }
      #expect(try AnswerReader(client).next().text == "late")
    }
  }

  enum Departure: CaseIterable { case close, halfClose, reset }

  @Test("a client that leaves while it waits for its answer is noticed at once", arguments: Departure.allCases)
  func leaves(how: Departure) throws {
    try withDownstream { rig in
      let (client, _) = try responding(rig)
      let start = MonotonicTime.readClock()
      switch how {
      case .close: client.close()
      case .halfClose: client.shutdownSending()
      case .reset: client.reset()
      }
      #expect(rig.holds(.gone(.left)))
      #expect(MonotonicTime.readClock() < start + .seconds(3))
      #expect(rig.connectionCount == 0)
    }
  }

  @Test("a client that leaves with more pipelined bytes than are kept is noticed too")
  func leavesWhilePaused() throws {
    try withDownstream({ $0.pipelinedBytesMax = 100 }) { rig in
      let (client, _) = try responding(rig)
      try client.send([UInt8](repeating: 65, count: 30_000))
      rig.settle()
      client.shutdownSending()
      #expect(rig.holds(.gone(.left)))
    }
  }

  @Test("a client that leaves before its request is complete is forgotten without a word")
  func leavesEarly() throws {
    try withDownstream { rig in
      for part in ["", "GET /", "POST /a HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\nabc"] {
        let client = try rig.connect()
        try client.send(part)
        #expect(waitUntil { rig.connectionCount == 1 })
        rig.settle()
        client.close()
        #expect(waitUntil { rig.connectionCount == 0 })
      }
      #expect(rig.receiver.journal.entries == [.head("/a")])
    }
  }

  @Test("sending to a client that has reset tells the observer later, never inside the call")
  func sendToGone() throws {
    try withDownstream { rig in
      let (client, connection) = try responding(rig)
      let confined = Confined(connection)
      // The reset arrives while the loop stands still: the send meets it first.
      let told = rig.reactor.sync { () -> (during: Int, wasTaken: [Bool]) in
        client.reset()
        let piece = [UInt8](repeating: 65, count: 1000)
        let before = rig.receiver.journal.count
        let taken = (0..<3).map { _ in piece.withUnsafeBytes { confined.value.send($0) } }
        return (rig.receiver.journal.count - before, taken)
      }
      #expect(told.during == 0)
      #expect(told.wasTaken.contains(false))
      #expect(rig.holds(.gone(.left)))
      #expect(rig.receiver.journal.entries.filter { $0 == .gone(.left) }.count == 1)
    }
  }

  // MARK: Slow readers

  @Test("a slow reader stops the sender until what waited is sent, and gets every byte")
  func backPressure() throws {
    try withDownstream { rig in
      let (client, connection) = try responding(rig, receiveBuffer: 65_536)
      let confined = Confined(connection)
      let pattern = (0..<65_536).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ $0 >> 8) }
      var sent: [UInt8] = []
      for round in 1...3 {
        let taken = rig.reactor.sync { () -> Int in
          var count = 1
          while pattern.withUnsafeBytes({ confined.value.send($0) }) && count < 1000 { count += 1 }
          return count
        }
        #expect(taken < 1000, "the kernel took everything")
        for _ in 0..<taken { sent += pattern }
        #expect(rig.receiver.journal.entries.filter { $0 == .drained }.count == round - 1)
        #expect(try client.receive(exactly: taken * pattern.count) == Array(sent.suffix(taken * pattern.count)))
        #expect(waitUntil { rig.receiver.journal.entries.filter { $0 == .drained }.count == round })
      }
      rig.reactor.sync { confined.value.finishResponse(keepAlive: true) }
      #expect(rig.connectionCount == 1)
    }
  }

  @Test(
    "an answer that ends while bytes wait is sent whole before the next request, or before the close",
    arguments: [true, false])
  func endsWhileWaiting(keepAlive: Bool) throws {
    try withDownstream { rig in
      let (client, connection) = try responding(rig, receiveBuffer: 65_536)
      let confined = Confined(connection)
      let body = [UInt8](repeating: 66, count: 8 << 20)
      rig.reactor.sync {
        #expect(!body.withUnsafeBytes { confined.value.send($0) })
        confined.value.finishResponse(keepAlive: keepAlive)
        rig.receiver.onComplete = nil
      }
      try client.send(Self.get)
      // Compared outside #expect: should they differ, it would look for the shortest difference of millions of bytes, for hours.
      let isSame = try client.receive(exactly: body.count) == body
      #expect(isSame)
      #expect(!rig.receiver.journal.entries.contains(.drained))
      if keepAlive {
        #expect(try AnswerReader(client).next().text == "/a|")
      } else {
        #expect(client.endCode() == 0)
      }
    }
  }

  @Test("a client that reads nothing for the write time-out is cut, and sees that the answer is not whole")
  func writeTimeout() throws {
    try withDownstream({ $0.writeTimeout = .milliseconds(100) }) { rig in
      let (client, connection) = try responding(rig, receiveBuffer: 65_536)
      let confined = Confined(connection)
      let body = [UInt8](repeating: 66, count: 8 << 20)
      rig.reactor.sync { _ = body.withUnsafeBytes { confined.value.send($0) } }
      #expect(rig.holds(.gone(.stalled)))
      #expect(client.endCode() == ECONNRESET)
      #expect(rig.connectionCount == 0)
    }
  }

  @Test("a client that reads slowly but steadily is not cut")
  func steadyReader() throws {
    try withDownstream({ $0.writeTimeout = .milliseconds(200) }) { rig in
      let (client, connection) = try responding(rig, receiveBuffer: 65_536)
      let confined = Confined(connection)
      let body = [UInt8](repeating: 66, count: 6 << 20)
      rig.reactor.sync {
        _ = body.withUnsafeBytes { confined.value.send($0) }
        confined.value.finishResponse(keepAlive: true)
      }
      var received = 0
      while received < body.count {
        received += try client.receive(max: 100_000).count
        if received % 16 == 0 { usleep(8000) }
      }
      #expect(!rig.holds(.gone(.stalled), within: 0))
    }
  }

  // MARK: Ending

  @Test("an aborted answer shows as a reset, and the observer hears nothing")
  func abort() throws {
    try withDownstream { rig in
      let (client, connection) = try responding(rig)
      let confined = Confined(connection)
      rig.reactor.sync {
        _ = Array("HTTP/1.1 200 OK\r\n".utf8).withUnsafeBytes { confined.value.send($0) }
        confined.value.abort()
      }
      #expect(client.endCode() == ECONNRESET)
      #expect(rig.receiver.journal.entries == [.head("/a"), .complete(bodyBytes: 0)])
    }
  }

  @Test("draining closes who waits, and the others after their answer")
  func closeIdle() throws {
    try withDownstream { rig in
      let idle = try rig.connect()
      try idle.send(Self.get)
      _ = try AnswerReader(idle).next()
      let (busy, connection) = try responding(rig)
      let confined = Confined(connection)
      rig.reactor.sync { rig.context.closeIdle() }
      #expect(idle.endCode() == 0)
      rig.reactor.sync { rig.receiver.answer(Array("done".utf8), on: confined.value) }
      let answer = try AnswerReader(busy).next()
      #expect(answer.text == "done")
      #expect(answer.head.contains("connection: close"))
      #expect(busy.endCode() == 0)
    }
  }

  @Test("draining lets a connection that has sent nothing yet have its first answer, and no second")
  func silentWhileDraining() throws {
    try withDownstream { rig in
      let silent = try rig.connect()
      #expect(waitUntil { rig.connectionCount == 1 })
      rig.reactor.sync { rig.context.closeIdle() }
      let counts = rig.reactor.sync {
        [true, false].map { rig.context.unfinishedCount(countingSilent: $0) }
      }
      #expect(counts == [1, 0])
      try silent.send(Self.get + Self.get)
      #expect(try AnswerReader(silent).next().head.contains("connection: close"))
      #expect(silent.endCode() == 0)
      #expect(rig.receiver.journal.count == 2, "one head, one completed request")
    }
  }

  @Test("cutting tells the observer, counts whose answer was cut, and resets them")
  func cutAll() throws {
    try withDownstream { rig in
      let idle = try rig.connect()
      #expect(waitUntil { rig.connectionCount == 1 })
      let (busy, _) = try responding(rig)
      #expect(rig.reactor.sync { rig.context.cutAll() } == 1)
      #expect(rig.receiver.journal.entries.suffix(2) == [.mustEnd, .gone(.shutDown)])
      #expect(busy.endCode() == ECONNRESET)
      #expect(idle.endCode() == ECONNRESET)
      #expect(rig.connectionCount == 0)
    }
  }

  @Test("an observer that ends its answer when the gateway ends is heard: what it said arrives, and a regular end")
  func cutWithLastWords() throws {
    try withDownstream { rig in
      let (busy, connection) = try responding(rig, receiveBuffer: 4096)
      let confined = Confined(connection)
      // More than the client's window: the rest is still in this side's kernel when the connection is closed.
      let words = [UInt8](repeating: 67, count: 200_000)
      rig.reactor.sync {
        rig.receiver.onMustEnd = {
          #expect(words.withUnsafeBytes { confined.value.send($0) })
          confined.value.finishResponse(keepAlive: false)
        }
      }
      #expect(rig.reactor.sync { rig.context.cutAll() } == 1)
      #expect(rig.connectionCount == 0)
      #expect(try busy.receiveToEnd() == words)
      #expect(rig.receiver.journal.entries.suffix(1) == [.mustEnd])
    }
  }

  @Test("no more connections are accepted than allowed, and the next one as soon as one leaves")
  func connectionLimit() throws {
    try withDownstream { rig in
      rig.budget.setMost(2)
      let clients = try (0..<3).map { _ in try rig.connect() }
      #expect(waitUntil { rig.connectionCount == 2 })
      try clients[2].send(Self.get)
      rig.settle()
      #expect(rig.receiver.journal.count == 0)
      clients[0].close()
      #expect(try AnswerReader(clients[2]).next().text == "/a|")
    }
  }

  @Test("opening and dropping connections leaves no registration and no timer behind")
  func noLeaks() throws {
    try withDownstream { rig in
      for round in 0..<300 {
        let client = try rig.connect()
        if round % 3 > 0 { try client.send(Self.get) }
        if round % 3 == 1 { _ = try AnswerReader(client).next() }
        if round % 2 == 0 { client.reset() } else { client.close() }
      }
      #expect(waitUntil { rig.connectionCount == 0 })
      // The listener alone is left.
      #expect(rig.reactor.sync { rig.reactor.registeredCount } == 1)
      #expect(rig.reactor.sync { rig.reactor.timerCount } == 0)
    }
  }
}

/// Runs a closure when its timer fires.
final class AfterTime: TimerHandler {
  private let body: () -> Void
  init(_ body: @escaping () -> Void) { self.body = body }
  func timerFired(token: UInt32) { body() }
}
