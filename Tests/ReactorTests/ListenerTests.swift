import CLinux
import Glibc
import Reactor
import Testing
import TestKit

/// A listener on a reactor that keeps what it accepts.
private final class Door: @unchecked Sendable {
  let reactor: Reactor
  let accepted = Journal<Int32>()
  let addresses = Journal<SocketAddress?>()
  /// Read on the reactor's thread alone.
  var isOpen = true
  var asked = 0
  private(set) var listener: Listener?
  private(set) var port: UInt16 = 0

  init(_ reactor: Reactor, port: UInt16 = 0, backlog: Int32 = 4096) throws {
    self.reactor = reactor
    guard let address = SocketAddress(literal: "127.0.0.1", port: port) else { preconditionFailure("address") }
    let descriptor = try Socket.listen(on: address, backlog: backlog)
    self.port = reactor.sync { [self] in
      let listener = try! Listener(
        reactor: reactor, descriptor: descriptor, address: address,
        mayAccept: { [unowned self] in
          asked += 1
          return isOpen
        },
        accepted: { [unowned self] descriptor, peer in
          addresses.add(peer)
          accepted.add(descriptor)
        })
      self.listener = listener
      return listener.address.port
    }
  }

  func close() { reactor.sync { [self] in listener?.close() } }
  func closeAccepted() { for descriptor in accepted.entries { Socket.close(descriptor) } }
}

@Suite("Listener", .serialized)
struct ListenerTests {
  @Test("a connection is accepted with its peer's address, non-blocking and closed on exec")
  func accepts() throws {
    try withReactor { reactor in
      let door = try Door(reactor)
      let client = try RawSocket.connect(door.port)
      #expect(door.accepted.holds(1))
      #expect(door.addresses.entries.first??.host == "127.0.0.1")
      #expect(door.addresses.entries.first??.isLoopback == true)
      let descriptor = try #require(door.accepted.entries.first)
      #expect(fcntl(descriptor, F_GETFL) & Int32(O_NONBLOCK) != 0)
      #expect(fcntl(descriptor, F_GETFD) & Int32(FD_CLOEXEC) != 0)
      var buffer = [UInt8](repeating: 0, count: 4)
      let first = buffer.withUnsafeMutableBytes { Socket.receive(descriptor, into: $0) }
      #expect(first == .wouldBlock)
      client.close()
      door.close()
      door.closeAccepted()
    }
  }

  @Test("a storm of 2,000 connections is accepted whole, a message gets through meanwhile")
  func storm() throws {
    try withReactor { reactor in
      let door = try Door(reactor)
      let port = door.port
      let failures = Journal<String>()
      let threads = (0..<4).map { _ in
        spawn {
          for _ in 0..<500 {
            do { try RawSocket.connect(port).close() } catch { failures.add("\(error)") }
          }
        }
      }
      for _ in 0..<50 { #expect(reactor.sync { true }) }
      threads.forEach { pthread_join($0, nil) }
      #expect(door.accepted.holds(2000))
      #expect(failures.entries.isEmpty)
      #expect(door.accepted.count == 2000)
      door.close()
      door.closeAccepted()
    }
  }

  @Test("one turn accepts at most a bounded number")
  func boundedTurn() throws {
    try withReactor { reactor in
      let door = try Door(reactor)
      let clients = try reactor.sync { () -> Result<[RawSocket], any Error> in
        // The loop stands still meanwhile, so that all of them wait.
        Result { try (0..<150).map { _ in try RawSocket.connect(door.port) } }
      }.get()
      let inOneTurn = Journal<Int>()
      reactor.execute {
        func look() {
          inOneTurn.add(door.accepted.count)
          if door.accepted.count < 150 { reactor.atEndOfTurn(look) }
        }
        reactor.atEndOfTurn(look)
      }
      #expect(door.accepted.holds(150))
      let counts = inOneTurn.entries
      let steps = zip(counts, counts.dropFirst()).map { $1 - $0 }
      #expect(steps.allSatisfy { $0 <= Listener.acceptsPerTurnMax })
      clients.forEach { $0.close() }
      door.close()
      door.closeAccepted()
    }
  }

  @Test("while the owner asks for a pause nothing is accepted and nothing spins; afterwards who waited is served")
  func pause() throws {
    try withReactor { reactor in
      let door = try Door(reactor)
      reactor.sync { door.isOpen = false }
      let client = try RawSocket.connect(door.port)
      try client.send("x")
      #expect(waitUntil { reactor.sync { door.asked } >= 3 })
      #expect(door.accepted.count == 0)
      // Asked once a pause, so three times take two pauses; a spinning loop asks thousands of times.
      let start = MonotonicTime.readClock()
      let before = reactor.sync { door.asked }
      #expect(waitUntil { reactor.sync { door.asked } >= before + 2 })
      let pauses = MonotonicTime.readClock().nanoseconds(since: start) / Listener.pauseDuration.wholeNanoseconds
      #expect(reactor.sync { door.asked } - before <= Int(pauses) + 3)
      reactor.sync { door.isOpen = true }
      #expect(door.accepted.holds(1))
      client.close()
      door.close()
      door.closeAccepted()
    }
  }

  @Test("closing hands over who has connected and not yet been accepted; later ones are refused")
  func closeHandsOver() throws {
    try withReactor { reactor in
      let door = try Door(reactor)
      let port = door.port
      let outcome = reactor.sync { () -> (Int, Bool) in
        // The loop stands still: the connections wait in the kernel.
        let clients = (0..<20).compactMap { _ in try? RawSocket.connect(port) }
        door.listener?.close()
        door.listener?.close()
        let refused = (try? RawSocket.connect(port)) == nil
        return (clients.count, refused)
      }
      #expect(outcome.0 == 20)
      #expect(outcome.1)
      #expect(door.accepted.count == 20)
      #expect(reactor.sync { reactor.registeredCount } == 0)
      door.closeAccepted()
    }
  }

  @Test("two listeners share a port, and both are given connections")
  func sharedPort() throws {
    let group = ReactorGroup.started(count: 2)
    defer { group.shutDown() }
    let first = try Door(group.reactors[0])
    let second = try Door(group.reactors[1], port: first.port)
    let clients = try (0..<100).map { _ in try RawSocket.connect(first.port) }
    #expect(waitUntil { first.accepted.count + second.accepted.count == 100 })
    #expect(first.accepted.count > 0)
    #expect(second.accepted.count > 0)
    first.close()
    // The port lives on with the other.
    let late = try RawSocket.connect(first.port)
    #expect(waitUntil { first.accepted.count + second.accepted.count == 101 })
    late.close()
    clients.forEach { $0.close() }
    second.close()
    first.closeAccepted()
    second.closeAccepted()
  }

  @Test("a port that is taken without sharing is an error that names the address")
  func portTaken() throws {
    let taken = try RawSocket.listen()
    let address = try #require(SocketAddress(literal: "127.0.0.1", port: taken.port))
    #expect {
      _ = try Socket.listen(on: address)
    } throws: { error in
      "\(error)".contains("127.0.0.1:\(taken.port)") && (error as? SystemCallError)?.code == EADDRINUSE
    }
  }

  @Test("a listener that cannot be watched is an error, and its socket is closed")
  func refused() throws {
    try withReactor { reactor in
      reactor.sync { reactor.watchesMax = 0 }
      let address = try #require(SocketAddress(literal: "127.0.0.1", port: 0))
      let descriptor = try Socket.listen(on: address)
      let code = reactor.sync { () -> Int32 in
        do throws(SystemCallError) {
          _ = try Listener(reactor: reactor, descriptor: descriptor, address: address, accepted: { _, _ in })
          return 0
        } catch {
          return error.code
        }
      }
      #expect(code == ENOSPC)
      #expect(Socket.localAddress(descriptor) == nil)
    }
  }

  @Test("at the descriptor limit accepting rests, and goes on when descriptors are free again")
  func descriptorLimit() async {
    await #expect(processExitsWith: .success) {
      let group = ReactorGroup.started(count: 1)
      let door = try Door(group.reactors[0])
      let clients = try (0..<40).map { _ in try RawSocket.connect(door.port) }
      guard door.accepted.holds(40) else { exit(2) }
      var limit = rlimit()
      getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
      // Clients first: they need descriptors of their own; then no more are allowed.
      let late = try (0..<10).map { _ in try RawSocket.connect(door.port) }
      guard door.accepted.holds(50) else { exit(3) }
      let waiting = try group.reactors[0].sync { () -> Result<[RawSocket], any Error> in
        Result {
          let sockets = try (0..<5).map { _ in try RawSocket.connect(door.port) }
          let highest = dup(0)
          close(highest)
          var low = limit
          low.rlim_cur = rlim_t(highest)
          guard setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &low) == 0 else { exit(4) }
          return sockets
        }
      }.get()
      let before = processorTime()
      let start = MonotonicTime.readClock()
      while MonotonicTime.readClock() < start + .milliseconds(200) {
        _ = group.reactors[0].sync { true }
        usleep(5000)
      }
      guard door.accepted.count == 50 else { exit(5) }
      // It rested: 200 ms of spinning would cost most of 200 ms.
      guard processorTime() &- before < 100_000_000 else { exit(6) }
      // Room for all that wait.
      for descriptor in door.accepted.entries.prefix(20) { close(descriptor) }
      guard door.accepted.holds(55) else { exit(7) }
      _ = (clients, late, waiting)
      exit(0)
    }
  }

  @Test("writing to a connection that the peer has reset fails as an error and does not end the process")
  func brokenPipe() async {
    await #expect(processExitsWith: .success) {
      let group = ReactorGroup.started(count: 1)
      let door = try Door(group.reactors[0])
      let client = try RawSocket.connect(door.port)
      guard door.accepted.holds(1), let descriptor = door.accepted.entries.first else { exit(2) }
      client.reset()
      let bytes = [UInt8](repeating: 1, count: 100)
      guard waitUntil({ bytes.withUnsafeBytes { Socket.send(descriptor, $0) } == .failed(EPIPE) }) else { exit(3) }
      // A plain write, as a TLS library makes it, raises the signal unless the group ignores it.
      guard write(descriptor, bytes, 100) == -1, errno == EPIPE else { exit(4) }
      exit(0)
    }
  }
}

/// The process' CPU time in nanoseconds.
func processorTime() -> UInt64 {
  var time = timespec()
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
  return UInt64(time.tv_sec) &* 1_000_000_000 &+ UInt64(time.tv_nsec)
}

@Suite("Sockets", .serialized)
struct SocketTests {
  private func connected() throws -> (Int32, RawSocket) {
    let listener = try RawSocket.listen()
    let address = try #require(SocketAddress(literal: "127.0.0.1", port: listener.port))
    let descriptor = try Socket.connect(to: address)
    return (descriptor, try listener.accept())
  }

  @Test("receiving tells bytes, nothing yet, the end and a reset apart")
  func transfers() throws {
    var buffer = [UInt8](repeating: 0, count: 16)
    func receive(_ descriptor: Int32) -> Socket.Transfer {
      buffer.withUnsafeMutableBytes { Socket.receive(descriptor, into: $0) }
    }
    let (regular, peer) = try connected()
    #expect(Socket.connectError(regular) == 0)
    #expect(receive(regular) == .wouldBlock)
    try peer.send("abc")
    #expect(waitUntil { receive(regular) == .bytes(3) })
    peer.close()
    #expect(waitUntil { receive(regular) == .end })
    Socket.close(regular)

    let (broken, rude) = try connected()
    rude.reset()
    #expect(waitUntil { receive(broken) == .failed(ECONNRESET) })
    Socket.close(broken)
  }

  @Test("sending stops short when the kernel's buffer is full and goes on when the peer has read")
  func partialWrites() throws {
    let (descriptor, peer) = try connected()
    let bytes = [UInt8](repeating: 7, count: 1 << 20)
    var sent = 0
    var isFull = false
    while !isFull {
      switch bytes.withUnsafeBytes({ Socket.send(descriptor, $0) }) {
      case .bytes(let count): sent += count
      case .wouldBlock: isFull = true
      default: Issue.record("broken")
      }
    }
    #expect(try peer.receive(exactly: sent).count == sent)
    #expect(bytes.withUnsafeBytes { Socket.send(descriptor, $0) } != .wouldBlock)
    Socket.close(descriptor)
  }

  @Test("a reset on close reaches the peer as a reset, a plain close as an end")
  func closing() throws {
    let (rude, shocked) = try connected()
    Socket.resetOnClose(rude)
    Socket.close(rude)
    #expect(shocked.endCode() == ECONNRESET)
    let (polite, informed) = try connected()
    Socket.shutdownSending(polite)
    #expect(informed.endCode() == 0)
    Socket.close(polite)
  }

  @Test("a refused connect is told by its error")
  func refused() throws {
    let deaf = try RawSocket.deaf()
    let address = try #require(SocketAddress(literal: "127.0.0.1", port: deaf.port))
    do {
      let descriptor = try Socket.connect(to: address)
      #expect(waitUntil { Socket.connectError(descriptor) == ECONNREFUSED })
      Socket.close(descriptor)
    } catch { #expect(error.code == ECONNREFUSED) }
  }

  @Test("addresses are read and written as text", arguments: ["127.0.0.1", "10.1.2.3", "::1", "2001:db8::7"])
  func addresses(host: String) throws {
    let address = try #require(SocketAddress(literal: host, port: 8080))
    #expect(address.host == host)
    #expect(address.port == 8080)
    #expect(address.description == (host.contains(":") ? "[\(host)]:8080" : "\(host):8080"))
    #expect(address.with(port: 81).port == 81)
    #expect(address.with(port: 8080) == address)
    #expect(address.isLoopback == ["127.0.0.1", "::1"].contains(host))
    #expect(address.hostBytes.count == (host.contains(":") ? 16 : 4))
  }

  @Test("names are no literals", arguments: ["localhost", "1.2.3", "1.2.3.4.5", "[::1]", ""])
  func names(host: String) { #expect(SocketAddress(literal: host, port: 1) == nil) }
}
