import ScriptedUpstream
import TestKit
import Testing

@Suite("A scripted fault")
struct FaultTests {
  /// The stream's events before the fault as they go over the wire in chunks.
  private func chunks(_ script: String, first count: Int) throws -> String {
    let events = StreamPlan.eventBytes(try Script(parsing: script), model: "qwq-32b", includeUsage: false)
    return events.prefix(count).map {
      "\(String($0.count, radix: 16))\r\n\(String(decoding: $0, as: UTF8.self))\r\n"
    }.joined()
  }

  private func body(_ text: String) -> Substring {
    text.firstRange(of: "\r\n\r\n").map { text[$0.upperBound...] } ?? ""
  }

  @Test("reset, close and stall send the tokens and then end, each its way")
  func cuts() throws {
    let rig = try Rig()
    for (fault, ending) in [("reset", RawClient.Read.reset), ("close", .end), ("stall", .timeout)] {
      let script = "events=9 reasoning=0 gap=4ms fault=\(fault) after=5"
      let answer = try rig.exchange(script)
      #expect(answer.ending == ending)
      #expect(body(answer.text) == (try chunks(script, first: 6)))
    }
    #expect(waitUntil { rig.server.seen.answersCut == 2 && rig.server.seen.cancelsTotal == 1 })
  }

  @Test("truncate ends inside an event that the chunk had promised whole")
  func truncate() throws {
    let rig = try Rig()
    let script = "events=9 reasoning=0 fault=truncate after=2"
    let events = StreamPlan.eventBytes(try Script(parsing: script), model: "qwq-32b", includeUsage: false)
    let answer = try rig.exchange(script)
    #expect(answer.ending == .end)
    let whole = try chunks(script, first: 3)
    #expect(body(answer.text).hasPrefix(whole))
    #expect(events.count == 4)
    // The size line promises the event that a stream without the fault has here.
    let healthy = StreamPlan.eventBytes(
      try Script(parsing: "events=9 reasoning=0"), model: "qwq-32b", includeUsage: false)
    let half = String(decoding: healthy[3].prefix(healthy[3].count / 2), as: UTF8.self)
    #expect(body(answer.text).dropFirst(whole.count) == "\(String(healthy[3].count, radix: 16))\r\n\(half)")
  }

  @Test("bad framing is bytes that are no chunk, on a connection that stays")
  func badFraming() throws {
    let rig = try Rig()
    let script = "events=9 reasoning=0 fault=badFraming after=1"
    let answer = try rig.exchange(script)
    #expect(answer.ending == .timeout)
    #expect(body(answer.text) == (try chunks(script, first: 2)) + "zz\r\nno chunk\r\n")
    #expect(try rig.exchange(script, stream: false).text.hasSuffix("\r\n\r\nzz\r\nno chunk\r\n"))
  }

  @Test("before an answer there may be a close, a reset, silence or nonsense")
  func beforeAnswer() throws {
    let rig = try Rig()
    for (fault, ending) in [
      ("closeBeforeAnswer", RawClient.Read.end), ("resetBeforeAnswer", .reset), ("neverAnswer", .timeout),
    ] {
      for stream in [true, false] {
        let answer = try rig.exchange("fault=\(fault)", stream: stream)
        #expect(answer.text.isEmpty)
        #expect(answer.ending == ending)
      }
    }
    #expect(try rig.exchange("fault=badHead").text == "THIS IS NO HTTP\r\n\r\n")
  }

  @Test("a status comes with OpenAI's error shape and the script's fields")
  func status() throws {
    let rig = try Rig()
    let client = try rig.client()
    try client.post(
      "/v1/chat/completions", Rig.body("fault=status:429 retryAfter=7 header='x-note: two words' interim=103"))
    #expect(try client.read(until: "\r\n\r\n").starts(with: "HTTP/1.1 103 Early Hints\r\n".utf8))
    let response = try client.readResponse()
    #expect(response.status == 429)
    #expect(response.header("retry-after") == "7")
    #expect(response.header("x-note") == "two words")
    #expect(response.text.hasPrefix(#"{"error":{"message":"Rate limit reached.","type":"rate_limit_error""#))
    try client.post("/v1/chat/completions", Rig.body("fault=htmlError"))
    let page = try client.readResponse()
    #expect(page.status == 502)
    #expect(page.header("content-type") == "text/html")
    #expect(page.text.contains("Bad Gateway"))
  }

  @Test("only the first requests meet a fault that says so, counted by script")
  func first() throws {
    let rig = try Rig()
    let client = try rig.client()
    var statuses: [Int] = []
    for _ in 0..<4 {
      try client.post("/v1/chat/completions", Rig.body("events=1 fault=status:503 first=2"))
      statuses.append(try client.readResponse().status)
    }
    #expect(statuses == [503, 503, 200, 200])
    try client.post("/v1/chat/completions", Rig.body("events=1 fault=status:503 first=2 tag=other"))
    #expect(try client.readResponse().status == 503)
  }

  @Test("closeAfterAnswer answers whole, promises to stay, and closes")
  func closeAfterAnswer() throws {
    let rig = try Rig()
    for stream in [true, false] {
      let client = try rig.client()
      try client.post("/v1/chat/completions", Rig.body("events=3 fault=closeAfterAnswer", stream: stream))
      let response = try client.readResponse()
      #expect(response.header("connection") == nil)
      #expect(response.status == 200)
      #expect(client.readSome() == .end)
    }
    #expect(rig.server.seen.answersCompleted == 2)
  }

  @Test("lateBytes follow the whole answer on the same connection")
  func lateBytes() throws {
    let rig = try Rig()
    for gap in ["0", "10ms"] {
      let client = try rig.client()
      try client.post("/v1/chat/completions", Rig.body("events=3 fault=lateBytes gap=\(gap)"))
      #expect(try client.readResponse().text.hasSuffix("data: [DONE]\n\n"))
      let late = try client.readResponse()
      #expect(late.status == 200)
      #expect(late.text.contains("nobody asked for"))
    }
  }

  @Test("of a stream meets an answer in one piece in its middle")
  func plain() throws {
    let rig = try Rig()
    let client = try rig.client()
    try client.post("/v1/chat/completions", Rig.body("events=3", stream: false))
    let whole = try client.readResponse().text
    for (fault, ending) in [("reset", RawClient.Read.reset), ("truncate", .end), ("stall", .timeout)] {
      let answer = try rig.exchange("events=3 fault=\(fault)", stream: false)
      #expect(answer.ending == ending)
      #expect(answer.text.contains("content-length: \(whole.utf8.count)\r\n"))
      #expect(body(answer.text) == whole.prefix(whole.count / 2))
    }
  }

  @Test("a cut stream with a length falls short of it")
  func lengthFallsShort() throws {
    let rig = try Rig()
    let client = try rig.client()
    try client.post("/v1/chat/completions", Rig.body("events=3 framing=length fault=close after=1"))
    #expect(throws: TestKitError.self) { try client.readResponse() }
  }

  @Test("a stalled stream can still send comments")
  func stallWithComments() throws {
    let rig = try Rig()
    let client = try rig.client()
    try client.post("/v1/chat/completions", Rig.body("events=3 fault=stall after=1 keepAlive=10ms"))
    for _ in 0..<3 { _ = try client.read(until: ": keep-alive\n\n") }
    client.close()
    #expect(waitUntil { rig.server.seen.cancelsTotal == 1 })
  }
}
