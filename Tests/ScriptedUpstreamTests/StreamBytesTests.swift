import ScriptedUpstream
import TestKit
import Testing

@Suite("A stream over the wire")
struct StreamBytesTests {
  static let variants = [
    "events=40", "events=0 reasoning=0", "events=30 lineEnd=crlf", "events=30 lineEnd=cr", "events=30 comments=4",
    "events=30 bom", "events=30 framing=close", "events=30 framing=length", "events=30 chunkSplit=7",
    "events=30 chunkSplit=1 lineEnd=crlf", "events=5 reasoning=2 writeSplit=1", "events=30 writeSplit=13 chunkSplit=5",
    "events=30 coalesce=4", "events=30 gap=4ms coalesce=8", "events=30 text=emoji chunkSplit=3",
    "events=30 text=escaped", "events=6 reasoning=0 text=big:70000",
    "events=6 reasoning=0 text=big:70000 chunkSplit=1000",
    "events=900 reasoning=0", "events=20 reasoning=20 usage=always", "events=20 usage=onFinish", "tools=3",
    "events=5 usage=nullEach lineEnd=crlf comments=1 bom chunkSplit=11", "events=10 headDelay=10ms firstDelay=10ms",
    "events=9 fault=noDone", "events=9 fault=noFinish", "events=9 fault=endEarly after=3",
    "events=9 fault=malformed after=3", "events=9 fault=errorEvent after=3",
  ]

  @Test("is the plan's bytes in every variant, and the connection lives on", arguments: variants)
  func equalsPlan(script: String) throws {
    let rig = try Rig()
    for usage in [false, true] {
      let client = try rig.client()
      let expected = StreamPlan.eventBytes(try Script(parsing: script), model: "qwq-32b", includeUsage: usage)
      for _ in 0..<2 {
        try client.post("/v1/chat/completions", Rig.body(script, usage: usage))
        let response = try client.readResponse()
        #expect(response.status == 200)
        #expect(response.header("content-type") == "text/event-stream; charset=utf-8")
        #expect(response.body == expected.flatMap { $0 })
        if response.header("connection") == "close" { break }
      }
    }
  }

  @Test("has a chunk for every event unless the script cuts elsewhere")
  func chunks() throws {
    let rig = try Rig()
    let client = try rig.client()
    let events = StreamPlan.eventBytes(try Script(parsing: "events=30"), model: "qwq-32b", includeUsage: false)
    try client.post("/v1/chat/completions", Rig.body("events=30"))
    #expect(try client.readResponse().chunkCounts == events.map(\.count))
    try client.post("/v1/chat/completions", Rig.body("events=30 chunkSplit=7"))
    let counts = try client.readResponse().chunkCounts
    #expect(counts.dropLast().allSatisfy { $0 == 7 })
    #expect(counts.reduce(0, +) == events.reduce(0) { $0 + $1.count })
  }

  @Test("sends one event in one write, or as many as the script says")
  func writes() throws {
    // A gap lets the reader keep up, so that a read is a write.
    let rig = try Rig()
    for (script, most) in [("events=6 reasoning=0 gap=12ms", 1), ("events=6 reasoning=0 gap=12ms coalesce=3", 3)] {
      let client = try rig.client()
      try client.post("/v1/chat/completions", Rig.body("\(script) fault=stall after=6"))
      _ = try client.read(until: "\r\n\r\n")
      var counts: [Int] = []
      while case .bytes(let bytes) = client.readSome(timeout: .milliseconds(100)) {
        counts.append(String(decoding: bytes, as: UTF8.self).split(separator: "data: ").count - 1)
      }
      #expect(counts.contains(most))
      #expect(counts.reduce(0, +) == 7)
    }
  }

  @Test("is the same for a client of HTTP/1.0, ended by the connection")
  func http10() throws {
    let rig = try Rig()
    let client = try rig.client()
    let body = Rig.body("events=5")
    try client.send("POST /v1/chat/completions HTTP/1.0\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)")
    let response = try client.readResponse()
    #expect(response.header("transfer-encoding") == nil)
    #expect(
      response.body
        == StreamPlan.eventBytes(try Script(parsing: "events=5"), model: "qwq-32b", includeUsage: false).flatMap { $0 })
  }

  @Test("goes on where it stopped when a slow reader reads again")
  func slowReader() throws {
    let rig = try Rig()
    let client = try RawClient(port: rig.server.port, receiveBufferBytes: 4096)
    let script = "events=120 reasoning=0 text=big:100000"
    try client.post("/v1/chat/completions", Rig.body(script))
    #expect(waitUntil { rig.server.seen.requestsTotal == 1 })
    let expected = StreamPlan.eventBytes(try Script(parsing: script), model: "qwq-32b", includeUsage: false)
    #expect(rig.server.seen.answersCompleted == 0)
    #expect(try client.readResponse().body == expected.flatMap { $0 })
    #expect(rig.server.seen.answersCompleted == 1)
  }

  @Test("keeps its pace, 200 at a time")
  func concurrent() throws {
    let rig = try Rig()
    let script = "events=20 reasoning=0 gap=20ms"
    let expected = StreamPlan.eventBytes(try Script(parsing: script), model: "qwq-32b", includeUsage: false)
      .flatMap { $0 }
    let clock = ContinuousClock()
    let start = clock.now
    let clients = try (0..<200).map { _ in try rig.client() }
    for client in clients { try client.post("/v1/chat/completions", Rig.body(script)) }
    for client in clients { #expect(try client.readResponse().body == expected) }
    let elapsed = clock.now - start
    // 19 gaps; and not 200 times as long.
    #expect(elapsed >= .milliseconds(380))
    #expect(elapsed < .seconds(4))
    let seen = rig.server.seen
    #expect(seen.answersCompleted == 200)
    #expect(seen.tokensSent == 4000)
    #expect(seen.connectionsOpen == 200)
  }

  @Test("tells that it is alive while it lets wait")
  func keepAlive() throws {
    let rig = try Rig()
    let client = try rig.client()
    let script = "events=1 reasoning=0 firstDelay=100ms keepAlive=20ms"
    try client.post("/v1/chat/completions", Rig.body(script))
    let parts = try client.readResponse().text.split(separator: "\n\n")
    #expect(parts[0].contains("assistant"))
    #expect((2...5).contains(parts.filter { $0 == ": keep-alive" }.count))
    #expect(parts[1] == ": keep-alive")
  }
}
