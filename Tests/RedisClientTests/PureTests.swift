import Reactor
import TestKit
import Testing

@testable import RedisClient

@Suite("Commands and scripts")
struct CommandTests {
  private func wire(_ command: RedisCommand) -> String {
    var bytes = Array("before".utf8)
    command.encode(into: &bytes)
    return String(decoding: bytes, as: UTF8.self)
  }

  @Test("a command stands on the wire as an array of its words, behind what is there already")
  func encoding() {
    var command = RedisCommand("SET")
    command.appendKey("k")
    command.append(-5)
    command.append("")
    command.append([13, 10])
    #expect(wire(command) == "before*5\r\n$3\r\nSET\r\n$1\r\nk\r\n$2\r\n-5\r\n$0\r\n\r\n$2\r\n\r\n\r\n")
    #expect(wire(RedisCommand("")) == "before*1\r\n$0\r\n\r\n")
    #expect(command.wordCount == 5)
    #expect(command.key.map(Array.init) == Array("k".utf8))
    #expect("\(command)" == "SET")
    #expect(RedisCommand("PING").key == nil)
  }

  @Test("a script's digest is its SHA-1; its call names it, and can be made whole")
  func scripts() {
    // FIPS 180-2, appendix A.1; the second is the digest that redis-cli gives.
    #expect(RedisScript("abc").digest == "a9993e364706816aba3e25717850c26c9cd0d89d")
    #expect(RedisScript("return 1").digest == "e0e1f9fabfc9d4800c877a703b823ac0578ff8db")
    var call = RedisScript("return 1").call(keys: ["{a}1", "{a}2"])
    call.append(7)
    let digest = "$40\r\ne0e1f9fabfc9d4800c877a703b823ac0578ff8db\r\n"
    let rest = "$1\r\n2\r\n$4\r\n{a}1\r\n$4\r\n{a}2\r\n$1\r\n7\r\n"
    #expect(wire(call) == "before*6\r\n$7\r\nEVALSHA\r\n" + digest + rest)
    let whole = RedisScript.whole(call)
    #expect(whole.map(wire) == "before*6\r\n$4\r\nEVAL\r\n$8\r\nreturn 1\r\n" + rest)
    #expect(whole?.key.map(Array.init) == Array("{a}1".utf8))
    #expect(RedisScript.whole(RedisCommand("GET", "a")) == nil)
  }
}

@Suite("A cluster's slots")
struct SlotTests {
  @Test("CRC16 and slots are those of the specification")
  func crc() {
    #expect(HashSlot.crc16("123456789".utf8) == 0x31C3)
    #expect(HashSlot.crc16([]) == 0)
    // As `CLUSTER KEYSLOT` answers.
    for (key, slot) in [
      ("123456789", 12_739), ("foo", 12_182), ("a", 15_495), ("", 0), ("{user1000}.following", 3_443),
    ] {
      #expect(HashSlot.of(key.utf8) == slot, "\(key)")
    }
  }

  @Test("the tag in braces decides: the first pair, if something is in it")
  func tags() {
    func same(_ left: String, _ right: String) -> Bool { HashSlot.of(left.utf8) == HashSlot.of(right.utf8) }
    #expect(same("{user1000}.following", "user1000"))
    #expect(same("foo{bar}{zap}", "bar"))
    #expect(same("foo{{bar}}zap", "{bar"))
    #expect(!same("foo{}{bar}", "bar"))
    #expect(!same("foo{}", "foo"))
    #expect(!same("foo}bar{", "bar"))
    #expect(!same("foo{bar", "bar"))
    #expect(same("}{x}", "x"))
  }

  private static let asked = RedisEndpoint(host: "10.0.0.1", port: 7000)

  private func range(_ first: Int64, _ last: Int64, _ host: RedisReply, _ port: Int64) -> RedisReply {
    .array([.integer(first), .integer(last), .array([host, .integer(port), .bulk("id"), .array([])])])
  }

  @Test("the map is read from CLUSTER SLOTS, corrected by MOVED, and knows what nobody serves")
  func map() throws {
    var map = try #require(
      SlotMap(
        .array([
          range(0, 99, .bulk("a"), 1), range(200, 299, .null, 2), range(300, 300, .bulk(""), 3),
          range(301, 400, .bulk("a"), 1),
        ]),
        asked: Self.asked))
    let a = RedisEndpoint(host: "a", port: 1)
    #expect(map.nodes == [a, RedisEndpoint(host: "10.0.0.1", port: 2), RedisEndpoint(host: "10.0.0.1", port: 3)])
    #expect(map.node(of: 0) == a && map.node(of: 99) == a && map.node(of: 400) == a)
    #expect(map.node(of: 100) == nil && map.node(of: -1) == nil && map.node(of: 16_384) == nil)
    let new = RedisEndpoint(host: "new", port: 9)
    map.move(100, to: new)
    map.move(99_999, to: new)
    #expect(map.node(of: 100) == new && map.node(of: 101) == nil)
    #expect(SlotMap().isEmpty && !map.isEmpty)
  }

  @Test("what is no map is none")
  func malformedMaps() {
    let bad: [RedisReply] = [
      .null, .simple("OK"), .array([.integer(1)]), .array([.array([.integer(0), .integer(1)])]),
      .array([range(5, 4, .bulk("a"), 1)]), .array([range(-1, 4, .bulk("a"), 1)]),
      .array([range(0, 16_384, .bulk("a"), 1)]),
      .array([range(0, .max, .bulk("a"), 1)]), .array([range(0, 1, .bulk("a"), 0)]),
      .array([range(0, 1, .bulk("a"), 65_536)]),
      .array([range(0, 16_383, .bulk("a"), 1), range(0, 0, .bulk("a"), 1)]),
      .array([range(0, 1, .bulk("?"), 1)]), .array([range(0, 1, .integer(1), 1)]),
      .array([range(0, 1, .bulk(String(repeating: "h", count: 256)), 1)]),
      .array([.array([.integer(0), .integer(1), .array([.bulk("a")])])]),
      .array((0..<1_001).map { range($0, $0, .bulk("h\($0)"), 1) }),
    ]
    for reply in bad { #expect(SlotMap(reply, asked: Self.asked) == nil) }
    #expect(SlotMap(.array([]), asked: Self.asked)?.isEmpty == true)
  }

  @Test("redirections are read, malformed ones are none")
  func redirections() {
    func read(_ line: String) -> Redirection? { Redirection(RedisServerError(line), asked: Self.asked) }
    #expect(read("MOVED 3999 127.0.0.1:6381")?.endpoint == RedisEndpoint(host: "127.0.0.1", port: 6381))
    #expect(read("MOVED 3999 127.0.0.1:6381")?.isAsk == false)
    #expect(read("ASK 3999 ::1:6381")?.endpoint == RedisEndpoint(host: "::1", port: 6381))
    #expect(read("ASK 3999 h:1")?.isAsk == true)
    #expect(read("MOVED 1 :7002")?.endpoint == RedisEndpoint(host: "10.0.0.1", port: 7002))
    for line in [
      "MOVED", "MOVED 1", "MOVED x h:1", "MOVED -1 h:1", "MOVED 16384 h:1", "MOVED 1 h", "MOVED 1 h:", "MOVED 1 h:0",
      "MOVED 1 h:65536", "MOVED 1 h:1 x", "ERR 1 h:1", "MOVED 99999999999999999999 h:1",
      "MOVED 1 \(String(repeating: "h", count: 300)):1",
    ] { #expect(read(line) == nil, "\(line)") }
  }
}

@Suite("The Redis breaker")
struct BreakerTests {
  private func time(_ milliseconds: UInt64) -> MonotonicTime { MonotonicTime(nanoseconds: milliseconds * 1_000_000) }

  @Test("so many failures in a row open it; one success in between starts the count anew")
  func opening() {
    var breaker = RedisBreaker(.init())
    #expect(breaker.failed(at: time(0)) == .none)
    #expect(breaker.failed(at: time(1)) == .none)
    breaker.succeeded()
    #expect(breaker.failed(at: time(2)) == .none)
    #expect(breaker.failed(at: time(3)) == .none)
    #expect(breaker.admits)
    #expect(breaker.failed(at: time(4)) == .opened(until: time(1_004)))
    #expect(!breaker.admits)
    // What was under way says nothing new.
    #expect(breaker.failed(at: time(5)) == .none)
    breaker.succeeded()
    #expect(!breaker.admits)
  }

  @Test("when its time is over it probes once; the probe decides")
  func probing() {
    var breaker = RedisBreaker(.init())
    #expect(breaker.probeDue(at: time(0)) == false)
    for _ in 0..<3 { _ = breaker.failed(at: time(0)) }
    #expect(breaker.probeDue(at: time(999)) == false)
    #expect(breaker.probeDue(at: time(1_000)) == true)
    #expect(breaker.probeDue(at: time(1_001)) == false)
    #expect(!breaker.admits)
    #expect(breaker.failed(at: time(1_002)) == .none)
    #expect(breaker.probeEnded(succeeded: false, at: time(1_100)) == .opened(until: time(2_100)))
    #expect(breaker.probeDue(at: time(2_100)) == true)
    #expect(breaker.probeEnded(succeeded: true, at: time(2_101)) == .closed)
    #expect(breaker.admits && breaker.state == .closed(failures: 0))
    #expect(breaker.probeEnded(succeeded: false, at: time(2_102)) == .none)
  }

  @Test("a new connection closes it, from any state")
  func connected() {
    var breaker = RedisBreaker(.init())
    #expect(breaker.connected() == .none)
    for _ in 0..<3 { _ = breaker.failed(at: time(0)) }
    #expect(breaker.connected() == .closed)
    for _ in 0..<3 { _ = breaker.failed(at: time(0)) }
    _ = breaker.probeDue(at: time(5_000))
    #expect(breaker.connected() == .closed)
    #expect(breaker.state == .closed(failures: 0))
  }
}

@Suite("Waiting to reconnect")
struct BackoffTests {
  @Test("waits double up to the longest; chance moves them between half and all")
  func doubling() {
    var shortest = ReconnectBackoff(.init())
    var longest = ReconnectBackoff(.init())
    for ceiling in [20, 40, 80, 160, 320, 640, 1_280, 2_000, 2_000, 2_000] {
      #expect(shortest.next(afterHolding: nil, draw: 0) == .milliseconds(ceiling) / 2)
      let most = longest.next(afterHolding: nil, draw: .max)
      #expect(most <= .milliseconds(ceiling) && most > .milliseconds(ceiling) - .microseconds(1))
    }
  }

  @Test("a connection that held long enough starts anew, one that was lost at once does not")
  func settled() {
    var backoff = ReconnectBackoff(.init())
    for _ in 0..<5 { _ = backoff.next(afterHolding: nil, draw: 0) }
    #expect(backoff.next(afterHolding: .milliseconds(999), draw: 0) == .milliseconds(320))
    #expect(backoff.next(afterHolding: .seconds(1), draw: 0) == .milliseconds(10))
  }

  @Test("no settings and no number of attempts make it trap")
  func extremes() {
    for duration: Duration in [.zero, .seconds(-1), .nanoseconds(1), .seconds(Int64.max)] {
      var settings = ReconnectBackoff.Settings()
      settings.shortest = duration
      settings.longest = duration
      var backoff = ReconnectBackoff(settings)
      for _ in 0..<70 { #expect(backoff.next(afterHolding: nil, draw: .max) >= .zero) }
    }
  }
}

@Suite("What waits for replies")
struct RequestQueueTests {
  @Test("it gives back what it was given, in order, however it grew")
  func order() {
    withSeeds(50) { generator in
      var queue = RequestQueue<Int>()
      var model: [Int] = []
      for value in 0..<300 {
        if generator.int(in: 0...2) > 0 {
          queue.append(value)
          model.append(value)
        } else {
          #expect(queue.popFirst() == (model.isEmpty ? nil : model.removeFirst()))
        }
        #expect(queue.count == model.count && queue.first == model.first && queue.isEmpty == model.isEmpty)
      }
      queue.forEach { $0 += 1 }
      #expect(queue.takeAll() == model.map { $0 + 1 })
      #expect(queue.isEmpty)
    }
  }
}
