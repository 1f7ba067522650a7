import Foundation
import GatewayConfiguration
import Reactor
import TestKit
import Testing

@testable import Gateway

@Suite("Handing listening sockets over")
struct HandoverTests {
  /// An address of loopback that nobody listens on.
  private func freeAddress() throws -> ListenAddress {
    let any = try #require(SocketAddress(literal: "127.0.0.1", port: 0))
    let descriptor = try Socket.listen(on: any)
    defer { Socket.close(descriptor) }
    return ListenAddress(host: "127.0.0.1", port: Int(try #require(Socket.localAddress(descriptor)).port))
  }

  /// The name that gateways of this user meet under.
  private func name(_ listen: ListenAddress) -> String { "sluice-\(geteuid())-\(listen)" }

  /// A process' sockets for one address, as far as this matter goes.
  private final class Owner: Sendable {
    let sockets = ListeningSockets(handsOver: true)
    let descriptors: [Int32]
    let address: SocketAddress
    let changes = Locked<[Bool]>([])

    init(_ listen: ListenAddress, reactors: Int) throws {
      (address, descriptors) = try sockets.open(listen, count: reactors, key: "server.listen")
    }

    func begin(on reactor: Reactor) async {
      await sockets.beginHandingOver(on: reactor) { [changes] _, isTaken in changes.withLock { $0.append(isTaken) } }
    }

    @discardableResult
    func end(on reactor: Reactor) async -> Bool {
      let taken = await sockets.leave(on: reactor)
      for descriptor in descriptors { Socket.close(descriptor) }
      return taken.contains(address)
    }
  }

  private func story(_ body: (Reactor, ListenAddress) async throws -> Void) async throws {
    let group = try ReactorGroup(count: 1)
    defer { group.shutDown() }
    try await body(group.reactors[0], try freeAddress())
  }

  private func eventually(_ condition: () -> Bool) async -> Bool {
    for _ in 0..<2000 {
      if condition() { return true }
      try? await Task.sleep(for: .milliseconds(5))
    }
    return false
  }

  @Test(
    "a successor is given every socket, and adds of its own only what its reactors are more",
    arguments: [(1, 1), (2, 2), (2, 5), (5, 2), (1, 300), (300, 3)])
  func spread(_ old: Int, _ new: Int) async throws {
    try await story { reactor, listen async throws in
      let first = try Owner(listen, reactors: old)
      await first.begin(on: reactor)
      let second = try Owner(listen, reactors: new)
      #expect(first.descriptors.count == old && second.descriptors.count == max(old, new))
      await second.begin(on: reactor)
      #expect(await eventually { first.changes.withLock { $0 } == [true] })
      let third = try Owner(listen, reactors: 1)
      #expect(third.descriptors.count == max(old, new), "the chain goes on, and loses none")
      await third.begin(on: reactor)
      #expect(await eventually { second.changes.withLock { $0 } == [true] })
      for owner in [first, second] { #expect(await owner.end(on: reactor)) }
      #expect(await !third.end(on: reactor), "nobody has taken from the last")
    }
  }

  @Test("connections that wait in a queue outlive the process that they were made to")
  func queues() async throws {
    try await story { reactor, listen async throws in
      let first = try Owner(listen, reactors: 2)
      await first.begin(on: reactor)
      let clients = try (0..<20).map { _ in try RawClient(port: UInt16(listen.port)) }
      for client in clients { try client.send("GET / HTTP/1.1\r\n\r\n") }
      let second = try Owner(listen, reactors: 2)
      // Not yet accepting, and already what keeps them.
      #expect(await first.end(on: reactor))
      await second.begin(on: reactor)
      let accepted = Locked(0)
      let listeners = await reactor.run {
        Kept(
          second.descriptors.compactMap { descriptor in
            try? Listener(reactor: reactor, descriptor: descriptor, address: second.address) { connection, _ in
              accepted.withLock { $0 += 1 }
              Socket.close(connection)
            }
          })
      }
      #expect(await eventually { accepted.withLock { $0 } == clients.count })
      _ = await second.sockets.leave(on: reactor)
      await reactor.run { for listener in listeners.listeners { listener.close() } }
    }
  }

  /// Listeners are their reactor's.
  private final class Kept: @unchecked Sendable {
    let listeners: [Listener]
    init(_ listeners: [Listener]) { self.listeners = listeners }
  }

  @Test("a successor that ends first gives the place back; one that was itself succeeded does not")
  func ends() async throws {
    try await story { reactor, listen async throws in
      let first = try Owner(listen, reactors: 1)
      await first.begin(on: reactor)
      let second = try Owner(listen, reactors: 1)
      await second.begin(on: reactor)
      #expect(await eventually { first.changes.withLock { $0 } == [true] })
      #expect(await !second.end(on: reactor))
      #expect(await eventually { first.changes.withLock { $0 } == [true, false] })
      // The first answers again.
      let third = try Owner(listen, reactors: 1)
      #expect(third.descriptors.count == 1)
      await third.begin(on: reactor)
      #expect(await eventually { first.changes.withLock { $0 } == [true, false, true] })
      let fourth = try Owner(listen, reactors: 1)
      await fourth.begin(on: reactor)
      #expect(await eventually { third.changes.withLock { $0 } == [true] })
      await third.end(on: reactor)
      let fifth = try Owner(listen, reactors: 4)
      #expect(fifth.descriptors.count == 4)
      await fifth.begin(on: reactor)
      #expect(await eventually { fourth.changes.withLock { $0 } == [true] }, "the youngest was asked, not the first")
      for owner in [first, fourth, fifth] { await owner.end(on: reactor) }
    }
  }

  @Test("a start that fails after it was given sockets leaves its predecessor in office")
  func failedStart() async throws {
    try await story { reactor, listen async throws in
      let first = try Owner(listen, reactors: 1)
      await first.begin(on: reactor)
      let name = name(listen)
      for _ in 0..<20 {
        let link = try LocalSocket.connect(name)
        #expect(LocalSocket.send(link, HandoverMessage.take.text))
        #expect(LocalSocket.waitForInput(link, until: .readClock() + .seconds(10)))
        if case .message(_, let descriptors) = LocalSocket.receive(link) {
          for descriptor in descriptors { Socket.close(descriptor) }
        }
        Socket.close(link)
      }
      let second = try Owner(listen, reactors: 1)
      await second.begin(on: reactor)
      #expect(await eventually { first.changes.withLock { $0 } == [true] })
      await first.end(on: reactor)
      await second.end(on: reactor)
    }
  }

  @Test("who talks nonsense is let go of, and keeps nobody out")
  func nonsense() async throws {
    try await story { reactor, listen async throws in
      let first = try Owner(listen, reactors: 1)
      await first.begin(on: reactor)
      let words = [
        "", "take", "sluice-handover/2 take", HandoverMessage.accepting(process: 1).text, "sluice-handover/1 ",
      ]
      for words in words where !words.isEmpty {
        let link = try LocalSocket.connect(name(listen))
        #expect(LocalSocket.send(link, words))
        #expect(LocalSocket.waitForInput(link, until: .readClock() + .seconds(10)))
        #expect(LocalSocket.receive(link) == .end, "\(words)")
        Socket.close(link)
      }
      #expect(first.changes.withLock { $0 } == [])
      // Silent ones, more than are kept.
      let silent = try (0..<8).map { _ in try LocalSocket.connect(name(listen)) }
      for link in silent {
        #expect(LocalSocket.waitForInput(link, until: .readClock() + .seconds(10)) && LocalSocket.receive(link) == .end)
        Socket.close(link)
      }
      await first.end(on: reactor)
    }
  }

  @Test("a name behind which nobody answers, or answers wrongly, costs about a second and no start")
  func silence() async throws {
    let listen = try freeAddress()
    let impostor = try LocalSocket.listen(name(listen))
    defer { Socket.close(impostor) }
    let started = MonotonicTime.readClock()
    let owner = try Owner(listen, reactors: 2)
    #expect(owner.descriptors.count == 2)
    #expect(MonotonicTime.readClock() < started + .seconds(5))
    for descriptor in owner.descriptors { Socket.close(descriptor) }
  }

  @Test("what is given must listen on the address that was asked for")
  func wrongSockets() async throws {
    let (listen, other) = (try freeAddress(), try freeAddress())
    let address = try #require(SocketAddress(literal: other.host, port: UInt16(other.port)))
    let impostor = try LocalSocket.listen(name(listen))
    let elsewhere = try Socket.listen(on: address)
    defer { for descriptor in [impostor, elsewhere] { Socket.close(descriptor) } }
    let answering = Task.detached { [impostor, elsewhere] in
      guard LocalSocket.waitForInput(impostor, until: .readClock() + .seconds(10)),
        let link = LocalSocket.accept(impostor), LocalSocket.waitForInput(link, until: .readClock() + .seconds(10))
      else { return }
      _ = LocalSocket.receive(link)
      let sent = [impostor, elsewhere, impostor]
      _ = LocalSocket.send(link, HandoverMessage.sockets(process: 1, remaining: 0).text, sent)
      _ = LocalSocket.waitForInput(link, until: .readClock() + .seconds(10))
      Socket.close(link)
    }
    let owner = try Owner(listen, reactors: 1)
    #expect(owner.descriptors.allSatisfy { Socket.localAddress($0)?.port == UInt16(listen.port) })
    await answering.value
    for descriptor in owner.descriptors { Socket.close(descriptor) }
  }

  @Test("an address that another program has is told in words")
  func inUse() throws {
    let listen = try freeAddress()
    let listener = try RawListener()
    _ = listen
    let taken = ListenAddress(host: "127.0.0.1", port: Int(listener.port))
    let error = #expect(throws: GatewayStartError.self) {
      try ListeningSockets(handsOver: true).open(taken, count: 1, key: "server.listen")
    }
    #expect(
      error?.description.hasPrefix("server.listen: 127.0.0.1:\(listener.port) is in use by another program") == true)
    let strange = ListenAddress(host: "203.0.113.1", port: 8080)
    let unknown = #expect(throws: GatewayStartError.self) {
      try ListeningSockets().open(strange, count: 1, key: "admin.listen")
    }
    #expect(unknown?.description.contains("no interface") == true)
  }

  @Test("messages are read as they are written, and nothing else is one")
  func messages() {
    let all: [HandoverMessage] = [
      .take, .sockets(process: 42, remaining: 0), .sockets(process: 0, remaining: 300), .accepting(process: 7),
      .succeeded,
    ]
    for message in all { #expect(HandoverMessage(message.text) == message) }
    for text in all.map(\.text) {
      for end in text.indices.dropFirst(18) {
        if let read = HandoverMessage(String(text[..<end])) { #expect(read.text != text) }
      }
      #expect(HandoverMessage(text + " 1") == nil)
    }
    for text in [
      "", "take", "sluice-handover/1", "sluice-handover/1 sockets -1 0", "sluice-handover/1 sockets 1 99999",
    ] {
      #expect(HandoverMessage(text) == nil, "\(text)")
    }
  }
}
