import HTTPWire
import Reactor
import Testing
import Transport
import TestKit

@Suite("Client connections: requests", .serialized)
struct DownstreamRequestTests {
  static let get = "GET /a HTTP/1.1\r\nhost: x\r\n\r\n"
  static let post = "POST /b HTTP/1.1\r\nhost: x\r\ncontent-length: 11\r\n\r\nhello world"
  static let chunked =
    "POST /c HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n6;x=y\r\n world\r\n0\r\nt: v\r\n\r\n"

  @Test("a request in one read is answered, and the connection serves the next")
  func oneRead() throws {
    try withDownstream { rig in
      let client = try rig.connect()
      let reader = AnswerReader(client)
      for (request, answer) in [(Self.get, "/a|"), (Self.post, "/b|hello world"), (Self.chunked, "/c|hello world")] {
        try client.send(request)
        #expect(try reader.next().text == answer)
      }
      #expect(rig.receiver.journal.count == 6)
      #expect(rig.connectionCount == 1)
      client.close()
      #expect(waitUntil { rig.connectionCount == 0 })
    }
  }

  @Test("a request split in two at any byte is read the same", arguments: [get, post, chunked, post + get + chunked])
  func everySplit(request: String) throws {
    try withDownstream { rig in
      let client = try rig.connect()
      let reader = AnswerReader(client)
      let bytes = Array(request.utf8)
      try client.send(bytes)
      let answers = request.count > 150 ? 3 : 1
      let expected = try (0..<answers).map { _ in try reader.next() }
      for split in 1..<bytes.count {
        try client.send(bytes[..<split])
        rig.settle()
        try client.send(bytes[split...])
        #expect(try (0..<answers).map { _ in try reader.next() } == expected, "split at \(split)")
      }
    }
  }

  @Test("requests that arrive byte by byte are read the same")
  func byteByByte() throws {
    try withDownstream { rig in
      let client = try rig.connect()
      let reader = AnswerReader(client)
      for byte in (Self.post + Self.chunked + Self.get).utf8 {
        try client.send([byte])
        rig.settle()
      }
      #expect(try (0..<3).map { _ in try reader.next().text } == ["/b|hello world", "/c|hello world", "/a|"])
    }
  }

  @Test("pipelined requests are answered in order, at once or later")
  func pipelined() throws {
    try withDownstream { rig in
      let reactor = rig.reactor
      let receiver = rig.receiver
      for isLater in [false, true] {
        rig.reactor.sync {
          receiver.onComplete = { connection in
            let path = receiver.path
            let work = Confined { receiver.answer(Array(path.utf8), on: connection) }
            if isLater { reactor.execute { work.value() } } else { work.value() }
          }
        }
        let client = try rig.connect()
        try client.send((0..<50).map { "GET /\($0) HTTP/1.1\r\nhost: x\r\n\r\n" }.joined())
        let reader = AnswerReader(client)
        #expect(try (0..<50).map { _ in try reader.next().text } == (0..<50).map { "/\($0)" })
      }
    }
  }

  @Test("more pipelined requests than are kept wait in the kernel, and none is lost")
  func pipelinedFlood() throws {
    try withDownstream({ $0.pipelinedBytesMax = 1000 }) { rig in
      let receiver = rig.receiver
      let reactor = rig.reactor
      let held = Confined<[() -> Void]>([])
      let isHolding = Confined(true)
      rig.reactor.sync {
        receiver.onComplete = { connection in
          let path = receiver.path
          let work = Confined { receiver.answer(Array(path.utf8), on: connection) }
          if isHolding.value { held.value.append(work.value) } else { reactor.execute { work.value() } }
        }
      }
      let client = try rig.connect()
      let requests = (0..<4000).map { "POST /\($0) HTTP/1.1\r\nhost: x\r\ncontent-length: 3\r\n\r\nabc" }.joined()
      let sender = spawn { try? client.send(requests) }
      #expect(rig.holds(.complete(bodyBytes: 3)))
      rig.settle()
      #expect(rig.receiver.journal.count == 2)
      rig.reactor.sync {
        isHolding.value = false
        for work in held.value { work() }
      }
      let reader = AnswerReader(client)
      #expect(try (0..<4000).map { _ in try reader.next().text } == (0..<4000).map { "/\($0)" })
      join(sender)
    }
  }

  @Test("a large body arrives whole, by length and in chunks", arguments: [false, true])
  func largeBody(isChunked: Bool) throws {
    try withDownstream { rig in
      let body = (0..<700_000).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8) }
      var request: [UInt8] = []
      if isChunked {
        request += Array("POST /x HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n".utf8)
        var at = 0
        var size = 1
        while at < body.count {
          let piece = body[at..<min(at + size, body.count)]
          request += Array("\(String(piece.count, radix: 16))\r\n".utf8) + piece + Array("\r\n".utf8)
          at += piece.count
          size = size * 7 % 90_001 + 1
        }
        request += Array("0\r\n\r\n".utf8)
      } else {
        request = Array("POST /x HTTP/1.1\r\nhost: x\r\ncontent-length: \(body.count)\r\n\r\n".utf8) + body
      }
      let client = try rig.connect()
      let bytes = request
      let sender = spawn { try? client.send(bytes) }
      let answer = try AnswerReader(client).next()
      join(sender)
      // Compared outside #expect: should they differ, it would look for the shortest difference of millions of bytes, for hours.
      let isSame = answer.body == Array("/x|".utf8) + body
      #expect(isSame)
    }
  }

  @Test("a client that waits for 100 Continue is told to go on, once, and only if the body is wanted")
  func expectContinue() throws {
    try withDownstream { rig in
      let client = try rig.connect()
      let reader = AnswerReader(client)
      let head = "POST /e HTTP/1.1\r\nhost: x\r\ncontent-length: 3\r\nexpect: 100-continue\r\n\r\n"
      try client.send(head)
      #expect(try reader.next().status == 100)
      try client.send("abc")
      #expect(try reader.next().text == "/e|abc")
      // The body is there already: no interim answer.
      try client.send(head + "abc")
      #expect(try reader.next().status == 200)
      rig.reactor.sync { rig.receiver.bodyBytesMax = 2 }
      try client.send(head)
      #expect(try reader.next().status == 413)
      #expect(client.endCode() == 0)
    }
  }

  @Test("HTTP/1.0 and 'connection: close' end the connection after the answer; HTTP/1.0 may ask for more")
  func closing() throws {
    try withDownstream { rig in
      for request in ["GET /z HTTP/1.0\r\n\r\n", "GET /z HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"] {
        let client = try rig.connect()
        try client.send(request)
        let answer = String(decoding: try client.receiveToEnd(), as: UTF8.self)
        #expect(answer.hasSuffix("/z|"))
        #expect(answer.contains("connection: close"))
      }
      let old = try rig.connect()
      let reader = AnswerReader(old)
      for _ in 0..<2 {
        try old.send("GET /k HTTP/1.0\r\nconnection: keep-alive\r\n\r\n")
        #expect(try reader.next().text == "/k|")
      }
      #expect(waitUntil { rig.connectionCount == 1 })
    }
  }

  @Test("what follows a request with 'connection: close' is not served")
  func nothingAfterClose() throws {
    try withDownstream { rig in
      let client = try rig.connect()
      try client.send("GET /z HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n" + Self.get)
      #expect(String(decoding: try client.receiveToEnd(), as: UTF8.self).hasSuffix("/z|"))
      #expect(!rig.receiver.journal.entries.contains(.head("/a")))
    }
  }

  @Test(
    "a malformed request is refused with a readable answer and the connection closes",
    arguments: [
      ("NONSENSE\r\n\r\n", 400),
      ("GET /a HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n", 400),
      ("GET / HTTP/2.0\r\n\r\n", 505),
      ("GET /a HTTP/1.1\r\nhost: x\r\na: \(String(repeating: "x", count: 20_000))\r\n\r\n", 431),
      ("POST /a HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n", 400),
      ("POST /a HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n1\r\nabc\r\n", 400),
    ])
  func malformed(request: String, status: Int) throws {
    try withDownstream { rig in
      let client = try rig.connect()
      try client.send(request + Self.get)
      #expect(try AnswerReader(client).next().status == status)
      #expect(client.endCode() == 0)
      #expect(!rig.receiver.journal.entries.contains(.complete(bodyBytes: 0)))
      client.close()
      #expect(waitUntil { rig.connectionCount == 0 })
    }
  }

  @Test("a client that still sends a body that is too large reads the refusal", arguments: [false, true])
  func tooLarge(isChunked: Bool) throws {
    try withDownstream { rig in
      rig.reactor.sync { rig.receiver.bodyBytesMax = 100_000 }
      let client = try rig.connect()
      let size = 900_000
      let framing = isChunked ? "transfer-encoding: chunked" : "content-length: \(size)"
      try client.send("POST /x HTTP/1.1\r\nhost: x\r\n\(framing)\r\n\r\n")
      let piece = [UInt8](repeating: 65, count: 9000)
      let chunk = isChunked ? Array("2328\r\n".utf8) + piece + Array("\r\n".utf8) : piece
      for _ in 0..<(size / piece.count) { try client.send(chunk) }
      #expect(try AnswerReader(client).next().status == 413)
      #expect(client.endCode() == 0)
      #expect(!rig.receiver.journal.entries.contains { if case .complete = $0 { true } else { false } })
    }
  }

  @Test("a body exactly as large as accepted passes, by length and in chunks")
  func exactlyLargeEnough() throws {
    try withDownstream { rig in
      rig.reactor.sync { rig.receiver.bodyBytesMax = 11 }
      let client = try rig.connect()
      let reader = AnswerReader(client)
      try client.send(Self.post)
      #expect(try reader.next().status == 200)
      try client.send(Self.chunked)
      #expect(try reader.next().status == 200)
    }
  }

  @Test("the unread body of a request that was answered at its head is never read as a request")
  func unreadBody() throws {
    try withDownstream { rig in
      let receiver = rig.receiver
      rig.reactor.sync {
        receiver.answersHead = { connection in
          receiver.answer(Array("no".utf8), status: 401, on: connection)
          return true
        }
      }
      let inner = "GET /smuggled HTTP/1.1\r\nhost: x\r\n\r\n"
      for framing in ["content-length: \(inner.count)\r\n\r\n\(inner)", "transfer-encoding: chunked\r\n\r\n\(inner)"] {
        let client = try rig.connect()
        try client.send("POST /a HTTP/1.1\r\nhost: x\r\n\(framing)")
        let answer = try AnswerReader(client).next()
        #expect(answer.status == 401)
        #expect(answer.head.contains("connection: close"))
        #expect(client.endCode() == 0)
      }
      #expect(receiver.journal.entries == [.head("/a"), .head("/a")])
    }
  }

  @Test("a request without a body that was answered at its head leaves the connection usable")
  func answeredAtHead() throws {
    try withDownstream { rig in
      let receiver = rig.receiver
      rig.reactor.sync {
        receiver.answersHead = { connection in
          receiver.answer(Array("no".utf8), status: 404, on: connection)
          return true
        }
      }
      let client = try rig.connect()
      let reader = AnswerReader(client)
      try client.send(Self.get + Self.get)
      #expect(try [reader.next().status, reader.next().status] == [404, 404])
      try client.send(Self.get)
      #expect(try reader.next().status == 404)
    }
  }
}
