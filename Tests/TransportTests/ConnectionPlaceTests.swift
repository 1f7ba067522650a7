import Glibc
import HTTPWire
import Reactor
import Testing

@testable import Transport
import TestKit

@Suite("Client connections: when places are short", .serialized)
struct ConnectionPlaceTests {
  static let get = "GET /a HTTP/1.1\r\nhost: x\r\n\r\n"
  static let half = "GET /a HTTP/1.1\r\nhost:"

  private func withPlaces(_ count: Int, _ body: (DownstreamRig) throws -> Void) throws {
    try withDownstream({ $0.placeAgeMin = .zero }) { rig in
      rig.budget.setMost(count)
      try body(rig)
    }
  }

  private func served(_ rig: DownstreamRig) throws -> RawSocket {
    let client = try rig.connect()
    try client.send(Self.get)
    #expect(try AnswerReader(client).next().status == 200)
    return client
  }

  @Test(
    "the connection that is idle for longest gives way to a newcomer; one that is used again since is not the oldest")
  func idle() throws {
    try withPlaces(3) { rig in
      let clients = try (0..<3).map { _ in try served(rig) }
      try clients[0].send(Self.get)
      _ = try AnswerReader(clients[0]).next()
      let newcomer = try served(rig)
      #expect(clients[1].endCode() == 0)
      #expect(rig.connectionCount == 3)
      for client in [clients[0], clients[2], newcomer] {
        try client.send(Self.get)
        #expect(try AnswerReader(client).next().status == 200)
      }
      #expect(rig.budget.counts.evictedIdle == 1 && rig.budget.counts.evictedHeads == 0)
    }
  }

  @Test("unfinished heads go when nobody is idle, the oldest first, and are told why")
  func heads() throws {
    try withPlaces(3) { rig in
      let slow = try (0..<2).map { _ -> RawSocket in
        let client = try rig.connect()
        try client.send(Self.half)
        #expect(waitUntil { rig.reactor.sync { rig.context.stages.readingHead > 0 } })
        rig.settle()
        return client
      }
      let idle = try served(rig)
      let first = try served(rig)
      #expect(idle.endCode() == 0)
      try first.send(Self.half)
      #expect(waitUntil { rig.reactor.sync { rig.context.stages.readingHead == 3 } })
      _ = try served(rig)
      let told = try AnswerReader(slow[0]).next()
      #expect(told.status == 503 && told.head.contains("retry-after: 1"))
      #expect(told.text.contains("gateway_overloaded") && told.text.hasSuffix("}}"))
      #expect(slow[0].endCode() == 0)
      // The others are let finish.
      try slow[1].send(" x\r\n\r\n")
      #expect(try AnswerReader(slow[1]).next().status == 200)
      #expect(rig.budget.counts.evictedHeads == 1 && rig.budget.counts.evictedIdle == 1)
    }
  }

  @Test("requests under way never give way: a newcomer waits until a place is free")
  func busy() throws {
    try withPlaces(2) { rig in
      let waiting = Journal<Confined<DownstreamConnection>>()
      rig.reactor.sync { rig.receiver.onComplete = { waiting.add(Confined($0)) } }
      let answered = try rig.connect()
      try answered.send(Self.get)
      let sending = try rig.connect()
      try sending.send("POST /a HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\n\r\nab")
      #expect(waiting.holds(1))
      #expect(waitUntil { rig.reactor.sync { rig.context.stages.readingBody } == 1 })
      let newcomer = try rig.connect()
      try newcomer.send(Self.get)
      for _ in 0..<50 { rig.settle() }
      #expect(waiting.count == 1)
      rig.reactor.sync {
        rig.receiver.onComplete = nil
        rig.receiver.answer([], on: waiting.entries[0].value)
      }
      #expect(try AnswerReader(newcomer).next().status == 200)
      try sending.send("cde")
      #expect(try AnswerReader(sending).next().text == "/a|abcde")
    }
  }

  @Test("a connection whose request has come but was not read yet does not give way, nor one that came a moment ago")
  func fresh() throws {
    try withDownstream({ $0.placeAgeMin = .seconds(100) }) { rig in
      rig.budget.setMost(1)
      let client = try served(rig)
      let newcomer = try rig.connect()
      try newcomer.send(Self.get)
      for _ in 0..<50 { rig.settle() }
      #expect(rig.budget.counts.evictedIdle == 0)
      rig.reactor.sync { rig.context.limits.placeAgeMin = .zero }
      try rig.reactor.sync { Result { try client.send(Self.get) } }.get()
      #expect(try AnswerReader(client).next().status == 200)
      #expect(try AnswerReader(newcomer).next().status == 200)
    }
  }

  @Test("a reactor without a connection that may go has others give way")
  func elsewhere() throws {
    let budget = ConnectionBudget(most: 2)
    let other = ReactorGroup.started()
    defer { other.shutDown() }
    let receiver = RecordingReceiver()
    var limits = DownstreamLimits()
    limits.placeAgeMin = .zero
    let context = other.reactors[0].sync { [limits] in
      DownstreamContext(
        reactor: other.reactors[0], limits: limits, headLimits: .request, budget: budget,
        memory: BodyMemory(bytesMax: 1 << 20), receiver: receiver)
    }
    let here = other.reactors[0].sync { [limits] in
      DownstreamContext(
        reactor: other.reactors[0], limits: limits, headLimits: .request, budget: budget,
        memory: BodyMemory(bytesMax: 1 << 20), receiver: receiver)
    }
    let listener = try RawSocket.listen()
    let address = try #require(SocketAddress(literal: "127.0.0.1", port: listener.port))
    let clients = try (0..<2).map { _ -> RawSocket in
      let descriptor = try Socket.connect(to: address)
      let client = try listener.accept()
      other.reactors[0].sync { context.accept(descriptor, from: nil) }
      return client
    }
    #expect(other.reactors[0].sync { here.mayAccept || here.makeRoom() } == false)
    for client in clients { #expect(client.endCode() == 0) }
    #expect(waitUntil { other.reactors[0].sync { here.mayAccept } })
    _ = other.reactors[0].sync { (context.cutAll(), here.cutAll()) }
  }

  @Test(
    "one client holds as many connections as it may, others are not touched, and a place that it leaves is free again")
  func perClient() throws {
    try withDownstream { rig in
      rig.budget.setMost(100, ofClient: 2)
      let clients = try (0..<2).map { _ in try served(rig) }
      let third = try rig.connect()
      _ = third.endCode()
      #expect(rig.budget.counts.refusedByClientLimit == 1)
      clients[0].close()
      #expect(waitUntil { rig.connectionCount == 1 })
      _ = try served(rig)
      rig.reactor.sync { rig.context.isExemptFromClientLimit = { $0.host == "127.0.0.1" } }
      for _ in 0..<3 { _ = try served(rig) }
    }
  }

  @Test("an IPv6 client is its network of 64 bits, an IPv4 client its address, however it is written")
  func networks() throws {
    func network(_ host: String) throws -> ClientNetwork? {
      ClientNetwork(try #require(SocketAddress(literal: host, port: 1)))
    }
    #expect(try network("2001:db8:1:2::1") == network("2001:db8:1:2:ffff::9"))
    #expect(try network("2001:db8:1:2::1") != network("2001:db8:1:3::1"))
    #expect(try network("10.0.0.1") == network("::ffff:10.0.0.1"))
    #expect(try network("10.0.0.1") != network("10.0.0.2"))
    #expect(try network("0.0.0.1") != network("::1"))
  }

  @Test("of many, those go first that are idle, then those that linger, then heads, each kind by age")
  func order() {
    var list = ConnectionEviction()
    let all = (0..<300).map { number in
      ConnectionEviction.Candidate(
        id: SlotID(index: UInt32(number), generation: 1),
        kind: [.readingHead, .idle, .lingering][number % 3],
        deadline: MonotonicTime(nanoseconds: UInt64(number * 7919 % 1009)))
    }
    list.fill(all)
    var taken: [ConnectionEviction.Candidate] = []
    while let next = list.next() { taken.append(next) }
    let expected = all.sorted { $0.goesBefore($1) }.prefix(ConnectionEviction.batchMax)
    #expect(taken.map(\.deadline) == expected.map(\.deadline))
    #expect(taken.allSatisfy { $0.kind == .idle })
  }
}
