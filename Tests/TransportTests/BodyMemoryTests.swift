import Glibc
import Reactor
import Testing

@testable import Transport
import TestKit

@Suite("The order in which bodies get memory")
struct BodyQueueTests {
  private func queue(_ entries: [(BodyQueue<Int>.Kind, Int, holds: Int)]) -> BodyQueue<Int> {
    var queue = BodyQueue<Int>()
    for (number, entry) in entries.enumerated() {
      let began = MonotonicTime(nanoseconds: UInt64(entry.1))
      _ = queue.add(entry.0, began: began, wants: 1, holds: entry.holds, owner: number)
    }
    return queue
  }

  @Test("those that hold a part come first, the oldest of them, then small ones, then beginners")
  func order() {
    var queue = queue([(.beginner, 1, 0), (.small, 5, 0), (.holder, 9, 10), (.small, 4, 0), (.holder, 7, 10)])
    var served: [Int] = []
    while let next = queue.next({ _ in true }) { served.append(next.owner) }
    #expect(served == [4, 2, 3, 1, 0])
    #expect(queue.count == 0)
  }

  @Test("nobody begins while one that holds a part waits, but small ones go on")
  func beginners() {
    var queue = queue([(.beginner, 1, 0), (.small, 5, 0), (.holder, 9, 10)])
    #expect(queue.next { $0.kind != .holder }?.owner == 1)
    #expect(queue.next { $0.kind != .holder } == nil)
    #expect(queue.next { _ in true }?.owner == 2)
    #expect(queue.next { $0.kind != .holder }?.owner == 0)
  }

  @Test("of those that hold a part the youngest gives way, but never to one that is younger")
  func youngest() {
    var queue = queue([(.holder, 1, 10), (.holder, 2, 20), (.holder, 3, 30), (.beginner, 4, 0)])
    #expect(queue.held == 60)
    #expect(queue.removeYoungestHolder(than: 3) == nil)
    #expect(queue.removeYoungestHolder(than: 4) == nil)
    #expect(queue.removeYoungestHolder(than: 1)?.owner == 2)
    #expect(queue.removeYoungestHolder()?.owner == 1)
    #expect(queue.removeYoungestHolder()?.owner == 0)
    #expect(queue.removeYoungestHolder() == nil)
  }

  @Test("a body's room grows in proportion, and never beyond the body")
  func rooms() {
    var rooms: [Int] = []
    var room = 0
    while room < 1_000_000 {
      room = DownstreamConnection.nextBodyRoom(room, needed: min(room + 65_536, 1_000_000), bytesMax: 1_000_000)
      rooms.append(room)
    }
    #expect(rooms.dropLast().map { $0 >> 10 } == [64, 128, 192, 288, 432, 648, 972] && rooms.last == 1_000_000)
    #expect(DownstreamConnection.nextBodyRoom(0, needed: 10, bytesMax: 20) == 20)
    #expect(DownstreamConnection.nextBodyRoom(0, needed: 10, bytesMax: 1 << 20) == 4096)
    // Framing of chunks may be counted beyond the longest body.
    #expect(DownstreamConnection.nextBodyRoom(0, needed: 30, bytesMax: 20) == 30)
  }
}

@Suite("Client connections: memory for bodies", .serialized)
struct BodyMemoryTests {
  private static let bound = 1 << 20

  private func withMemory(
    _ change: (inout DownstreamLimits) -> Void = { _ in }, _ body: (DownstreamRig) throws -> Void
  ) throws {
    try withDownstream(change) { rig in
      rig.memory.setBytesMax(Self.bound)
      try body(rig)
      #expect(waitUntil { rig.memory.counts.held == 0 })
      #expect(rig.memory.counts.waiting == 0)
    }
  }

  private func head(_ length: Int) -> String { "POST /a HTTP/1.1\r\nhost: x\r\ncontent-length: \(length)\r\n\r\n" }

  /// A connection that has sent so much of a body.
  private func sending(_ rig: DownstreamRig, _ count: Int, of length: Int) throws -> RawSocket {
    let client = try rig.connect()
    try client.send(head(length))
    try client.send([UInt8](repeating: 97, count: count))
    return client
  }

  private func holds(_ rig: DownstreamRig, atLeast bytes: Int) -> Bool {
    waitUntil { rig.memory.counts.held >= bytes }
  }

  @Test("what is held is counted while a body arrives, and given back when it is complete or its client has left")
  func counted() throws {
    try withMemory { rig in
      let client = try sending(rig, 300_000, of: 400_000)
      #expect(holds(rig, atLeast: 300_000))
      #expect(rig.memory.counts.held <= 400_000)
      try client.send([UInt8](repeating: 97, count: 100_000))
      #expect(try AnswerReader(client).next().status == 200)
      #expect(waitUntil { rig.memory.counts.held == 0 })
      let leaving = try sending(rig, 300_000, of: 400_000)
      #expect(holds(rig, atLeast: 300_000))
      leaving.close()
    }
  }

  @Test(
    "a body that can never be held is refused at once, by its length or when it has grown", arguments: [true, false])
  func neverFits(isChunked: Bool) throws {
    try withMemory { rig in
      rig.reactor.sync { rig.receiver.bodyBytesMax = 10 << 20 }
      let client = try rig.connect()
      if isChunked {
        let sender = spawn {
          try? client.send("POST /a HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n200000\r\n")
          try? client.send([UInt8](repeating: 97, count: 0x200000))
        }
        defer { join(sender) }
        #expect(try AnswerReader(client).next().status == 413)
        client.close()
      } else {
        try client.send(head(2 << 20))
        #expect(try AnswerReader(client).next().status == 413)
      }
    }
  }

  @Test("a connection for whose body there is no memory is not read until another is done, and is served then")
  func backPressure() throws {
    try withMemory({ $0.bodyMemoryWait = .seconds(60) }) { rig in
      let first = try sending(rig, 800_000, of: 900_000)
      #expect(holds(rig, atLeast: 800_000))
      let second = try rig.connect()
      let sender = spawn { [self] in
        try? second.send(head(700_000))
        try? second.send([UInt8](repeating: 97, count: 700_000))
      }
      #expect(waitUntil { rig.memory.counts.waiting == 1 })
      #expect(rig.memory.counts.held <= Self.bound)
      try first.send([UInt8](repeating: 97, count: 100_000))
      #expect(try AnswerReader(first).next().body.count == 900_003)
      #expect(try AnswerReader(second).next().body.count == 700_003)
      join(sender)
      #expect(rig.memory.counts.refused == 0)
    }
  }

  @Test("a wait ends with 503 and words, and what goes on is not touched")
  func expired() throws {
    try withMemory({ $0.bodyMemoryWait = .milliseconds(50) }) { rig in
      let first = try sending(rig, 800_000, of: 900_000)
      #expect(holds(rig, atLeast: 800_000))
      let second = try sending(rig, 150_000, of: 700_000)
      let answer = try AnswerReader(second).next()
      #expect(answer.status == 503 && answer.text.contains("memory"))
      #expect(rig.memory.counts.refused == 1)
      second.close()
      try first.send([UInt8](repeating: 97, count: 100_000))
      #expect(try AnswerReader(first).next().status == 200)
    }
  }

  @Test("small bodies go on while large ones fill the memory")
  func small() throws {
    try withMemory({ $0.bodyMemoryWait = .seconds(60) }) { rig in
      let large = try sending(rig, 900_000, of: 910_000)
      #expect(holds(rig, atLeast: 900_000))
      let waiting = try sending(rig, 150_000, of: 700_000)
      #expect(waitUntil { rig.memory.counts.waiting == 1 })
      let small = try sending(rig, 10, of: 10_000)
      rig.settle()
      try small.send([UInt8](repeating: 97, count: 9_990))
      #expect(try AnswerReader(small).next().status == 200)
      waiting.close()
      #expect(waitUntil { rig.memory.counts.waiting == 0 })
      large.close()
    }
  }

  @Test("a whole body that comes in one read is refused when the memory is full, a short one never")
  func wholeBodies() throws {
    try withMemory { rig in
      rig.reactor.sync { rig.memory.add(Self.bound - 10_000) }
      let client = try sending(rig, 20_000, of: 20_000)
      #expect(try AnswerReader(client).next().status == 503)
      let short = try sending(rig, 9_000, of: 9_000)
      #expect(try AnswerReader(short).next().status == 200)
      rig.memory.release(Self.bound - 10_000)
      client.close()
      let again = try sending(rig, 20_000, of: 20_000)
      #expect(try AnswerReader(again).next().status == 200)
    }
  }

  @Test("when all memory is held by bodies that wait for more, the youngest is refused and the others end")
  func stuck() throws {
    try withMemory({ $0.bodyMemoryWait = .seconds(600) }) { rig in
      let clients = try (0..<3).map { _ -> RawSocket in
        let client = try sending(rig, 200_000, of: 900_000)
        rig.settle()
        return client
      }
      #expect(holds(rig, atLeast: 600_000))
      let senders = clients.map { client in spawn { try? client.send([UInt8](repeating: 97, count: 700_000)) } }
      let statuses = try clients.map { try AnswerReader($0).next().status }
      #expect(statuses.allSatisfy { $0 == 200 || $0 == 503 })
      #expect(statuses[0] == 200)
      #expect(statuses.contains(503) && rig.memory.counts.refused == statuses.count { $0 == 503 })
      for client in clients { client.close() }
      senders.forEach(join)
    }
  }

  @Test(
    "a body that comes more slowly than the least rate is refused 408, also one of which much came at once",
    arguments: [0, 300_000])
  func slow(atOnce: Int) throws {
    try withMemory({
      $0.minBodyRate = 50_000
      $0.bodyTimeout = .milliseconds(300)
    }) { rig in
      let client = try sending(rig, atOnce, of: 400_000)
      let start = MonotonicTime.readClock()
      while !rig.receiver.journal.entries.contains(.rejected(408)) {
        guard MonotonicTime.readClock() < start + .seconds(10) else { break }
        try? client.send("a")
        usleep(5_000)
      }
      #expect(try AnswerReader(client).next().status == 408)
      client.close()
    }
  }

  @Test("a body at the least rate is let finish, however long it takes")
  func steady() throws {
    try withMemory({
      $0.minBodyRate = 1_000
      $0.bodyTimeout = .milliseconds(400)
    }) { rig in
      let client = try sending(rig, 0, of: 20_000)
      for _ in 0..<20 {
        try client.send([UInt8](repeating: 97, count: 1_000))
        usleep(50_000)
      }
      #expect(try AnswerReader(client).next().status == 200)
    }
  }
}
