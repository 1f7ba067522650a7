import TestKit
import Testing

@testable import RedisClient

/// What a connection's bytes come to, fed in these pieces: the replies, and why it ended if it did.
struct Outcome: Equatable {
  var replies: [RedisReply] = []
  var violation: ReplyViolation?

  init(_ pieces: [ArraySlice<UInt8>], limits: ReplyLimits = ReplyLimits()) {
    var reader = ReplyReader(limits: limits)
    do throws(ReplyViolation) {
      for piece in pieces {
        reader.feed(Array(piece).span.bytes)
        while let reply = try reader.next() { replies.append(reply) }
      }
    } catch {
      violation = error
    }
  }

  init(_ text: String, limits: ReplyLimits = ReplyLimits()) { self.init([Array(text.utf8)[...]], limits: limits) }
}

@Suite("Replies, through the gate and hiredis")
struct ReplyGateTests {
  private static let good: [(String, [RedisReply])] = [
    ("+OK\r\n", [.simple("OK")]),
    ("+\r\n", [.simple("")]),
    ("-ERR no\r\n", [.error(RedisServerError("ERR no"))]),
    (
      ":0\r\n:-1\r\n:9223372036854775807\r\n:-9223372036854775808\r\n",
      [
        .integer(0), .integer(-1), .integer(.max), .integer(.min),
      ]
    ),
    ("$-1\r\n*-1\r\n", [.null, .null]),
    ("$0\r\n\r\n*0\r\n", [.bulk(""), .array([])]),
    ("$4\r\na\r\nb\r\n", [.bulk("a\r\nb")]),
    ("*2\r\n:1\r\n$1\r\nx\r\n+y\r\n", [.array([.integer(1), .bulk("x")]), .simple("y")]),
    (
      "*3\r\n*0\r\n*2\r\n$-1\r\n-NO x\r\n:1\r\n",
      [
        .array([.array([]), .array([.null, .error(RedisServerError("NO x"))]), .integer(1)])
      ]
    ),
    (
      "*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n:1\r\n",
      [
        .array([.array([.array([.array([.array([.array([.array([.integer(1)])])])])])])])
      ]
    ),
  ]

  @Test("every good reply comes out as its value, however its bytes were cut", arguments: 0..<good.count)
  func goodReplies(_ index: Int) {
    let (text, replies) = Self.good[index]
    let bytes = Array(text.utf8)
    #expect(Outcome([bytes[...]]).replies == replies)
    #expect(Outcome([bytes[...]]).violation == nil)
    everySplit(of: bytes) { #expect(Outcome([$0, $1]).replies == replies) }
    #expect(Outcome(pieces(of: bytes, size: 1)).replies == replies)
  }

  private static let small: ReplyLimits = {
    var limits = ReplyLimits()
    limits.arrayElementsMax = 8
    limits.elementsMax = 12
    limits.depthMax = 3
    limits.bulkBytesMax = 16
    limits.replyBytesMax = 64
    limits.lineBytesMax = 24
    return limits
  }()

  private static let bad: [(String, ReplyViolation)] = [
    ("*9\r\n", .arrayTooLong(elementsMax: 8)),
    ("*2147483647\r\n", .arrayTooLong(elementsMax: 8)),
    ("*18446744073709551616\r\n", .malformedNumber),
    ("*9999999999999999999\r\n", .malformedNumber),
    ("*8\r\n*5\r\n", .tooManyElements(elementsMax: 12)),
    ("*1\r\n*1\r\n*1\r\n*1\r\n", .tooDeep(depthMax: 3)),
    ("*1\r\n*1\r\n*1\r\n*0\r\n", .tooDeep(depthMax: 3)),
    ("$17\r\n", .bulkTooLong(bytesMax: 16)),
    ("$9223372036854775807\r\n", .bulkTooLong(bytesMax: 16)),
    ("*6\r\n$16\r\n0123456789abcdef\r\n$16\r\n0123456789abcdef\r\n$16\r\n", .replyTooLong(bytesMax: 64)),
    ("+0123456789abcdefghijkl\r\n", .lineTooLong(bytesMax: 24)),
    ("+0123456789abcdefghijklm", .lineTooLong(bytesMax: 24)),
    (":0000000000000000000000000", .malformedNumber),
    ("*-2\r\n", .malformedNumber), ("$-2\r\n", .malformedNumber), ("$\r\n", .malformedNumber),
    ("$-\r\n", .malformedNumber), (":-0\r\n", .malformedNumber), (":01\r\n", .malformedNumber),
    (":+1\r\n", .malformedNumber), (":--1\r\n", .malformedNumber), (":1-\r\n", .malformedNumber),
    (": 1\r\n", .malformedNumber), (":9223372036854775808\r\n", .malformedNumber),
    (":-9223372036854775809\r\n", .malformedNumber), ("$1x\r\n", .malformedNumber),
    ("$1\nx", .malformedLineEnd), ("+a\nb\r\n", .malformedLineEnd), ("+a\rb\r\n", .malformedLineEnd),
    ("$1\r\nxy", .malformedLineEnd), ("$1\r\nx\rx", .malformedLineEnd), (":1\rx", .malformedLineEnd),
    ("\r\n", .unknownType(13)), ("PONG", .unknownType(UInt8(ascii: "P"))), ("\u{0}", .unknownType(0)),
  ]

  @Test("every bad one is refused for the same reason, however its bytes were cut", arguments: 0..<bad.count)
  func badReplies(_ index: Int) {
    let (text, violation) = Self.bad[index]
    let bytes = Array(("+before\r\n" + text).utf8)
    let expected = Outcome([bytes[...]], limits: Self.small)
    #expect(expected.violation == violation)
    #expect(expected.replies == [.simple("before")])
    everySplit(of: bytes) { #expect(Outcome([$0, $1], limits: Self.small) == expected) }
    #expect(Outcome(pieces(of: bytes, size: 1), limits: Self.small) == expected)
  }

  @Test("each type of RESP3 is refused by name")
  func resp3() {
    for type in "_,#!=(%~>|".utf8 {
      #expect(Outcome(String(decoding: [type], as: UTF8.self)).violation == .resp3(type: type))
    }
  }

  @Test("what is just within each bound passes")
  func withinBounds() {
    let texts = [
      "*8\r\n" + String(repeating: ":1\r\n", count: 8), "*1\r\n*1\r\n*1\r\n:1\r\n", "$16\r\n0123456789abcdef\r\n",
      "+0123456789abcdefghijk\r\n", ":-9223372036854775808\r\n",
      "*3\r\n$16\r\n0123456789abcdef\r\n$16\r\n0123456789abcdef\r\n+0123456\r\n",
    ]
    for text in texts {
      let outcome = Outcome(text, limits: Self.small)
      #expect(outcome.violation == nil && outcome.replies.count == 1, "\(text)")
    }
  }

  @Test("nothing passes after a violation")
  func afterViolation() {
    var gate = ReplyGate()
    #expect(
      gate.inspect(Array("+a\r\nx+b\r\n".utf8).span.bytes)
        == .init(admittedBytes: 4, completedReplies: 1, violation: .unknownType(120)))
    #expect(
      gate.inspect(Array("+c\r\n".utf8).span.bytes)
        == .init(admittedBytes: 0, completedReplies: 0, violation: .unknownType(120)))
  }

  @Test("a reply that is half there is known to be")
  func halfReply() {
    var gate = ReplyGate()
    #expect(gate.isBetweenReplies)
    _ = gate.inspect(Array("*2\r\n+a\r\n".utf8).span.bytes)
    #expect(!gate.isBetweenReplies)
    _ = gate.inspect(Array("+b\r\n".utf8).span.bytes)
    #expect(gate.isBetweenReplies)
  }

  @Test(
    "random replies come out as they went in; broken ones alike for any cuts, and hiredis refuses nothing that the gate lets pass"
  )
  func random() {
    withSeeds(400) { generator in
      var bytes: [UInt8] = []
      var replies: [RedisReply] = []
      for _ in 0..<generator.int(in: 1...6) {
        let reply = Self.randomReply(&generator, depth: 0)
        replies.append(reply)
        Self.encode(reply, into: &bytes)
      }
      let pieces = randomPieces(of: bytes, sizeMax: 40, &generator)
      #expect(Outcome(pieces).replies == replies, "\(generator)")
      // The same with a few bytes changed.
      for _ in 0..<generator.int(in: 1...3) {
        bytes[generator.int(in: 0...bytes.count - 1)] = generator.element(of: Array("\r\n$*:+-0129x".utf8)) ?? 0
      }
      let whole = Outcome([bytes[...]], limits: Self.small)
      #expect(whole == Outcome(randomPieces(of: bytes, sizeMax: 9, &generator), limits: Self.small), "\(generator)")
      #expect(whole.violation != .refusedByReader, "\(generator)")
    }
  }

  private static func randomReply(_ generator: inout SeededGenerator, depth: Int) -> RedisReply {
    switch generator.int(in: 0...(depth < 6 ? 6 : 4)) {
    case 0:
      .simple(
        String(decoding: (0..<generator.int(in: 0...9)).map { _ in UInt8(generator.int(in: 32...126)) }, as: UTF8.self))
    case 1: .error(RedisServerError("ERR \(generator.int(in: 0...99))"))
    case 2: .integer(Int64(truncatingIfNeeded: generator.next()))
    case 3: .bulk(generator.bytes(count: generator.int(in: 0...60)))
    case 4: .null
    default: .array((0..<generator.int(in: 0...4)).map { _ in randomReply(&generator, depth: depth + 1) })
    }
  }

  private static func encode(_ reply: RedisReply, into bytes: inout [UInt8]) {
    switch reply {
    case .simple(let text): bytes += Array("+\(text)\r\n".utf8)
    case .error(let error): bytes += Array("-\(error.message)\r\n".utf8)
    case .integer(let value): bytes += Array(":\(value)\r\n".utf8)
    case .bulk(let value): bytes += Array("$\(value.count)\r\n".utf8) + value + Array("\r\n".utf8)
    case .null: bytes += Array("$-1\r\n".utf8)
    case .array(let elements):
      bytes += Array("*\(elements.count)\r\n".utf8)
      for element in elements { encode(element, into: &bytes) }
    }
  }

  @Test("an error's code is its first word if that looks like one; long words are cut")
  func errors() {
    #expect(RedisServerError("WRONGTYPE Operation").code == "WRONGTYPE")
    #expect(RedisServerError("wrong number").code == "ERR")
    #expect(RedisServerError("").code == "ERR")
    #expect(RedisServerError("MOVED").code == "MOVED")
    #expect(RedisServerError("ERR " + String(repeating: "x", count: 9_000)).message.utf8.count == 512)
  }
}
