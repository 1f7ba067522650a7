import ScriptedUpstream
import TestKit
import Testing

@Suite("What the simulator has seen")
struct SeenTests {
  @Test("requests are kept with head, body and count")
  func requests() throws {
    let rig = try Rig { $0.bodyBytesKeptMax = 10 }
    let client = try rig.client()
    try client.post("/v1/files?purpose=x", "0123456789abcdef", headers: "X-Odd-Case:  spaced \r\n")
    #expect(try client.readResponse().status == 200)
    let request = try #require(rig.server.seen.requests.first)
    #expect(request.method == "POST")
    #expect(request.target == "/v1/files?purpose=x")
    #expect(request.headers.map(\.name) == ["Host", "Content-Type", "Content-Length", "X-Odd-Case"])
    #expect(request.header("x-odd-case") == "spaced")
    #expect(request.bodyText == "0123456789")
    #expect(request.bodyByteCount == 16)
    #expect(request.connection == 1)
  }

  @Test("a client that leaves mid-stream is noticed at once", arguments: [true, false])
  func cancel(byReset: Bool) throws {
    let rig = try Rig()
    let client = try rig.client()
    try client.post("/v1/chat/completions", Rig.body("events=1000 reasoning=0 gap=10ms"))
    _ = try client.read(until: "rained")
    let left = monotonicNanoseconds()
    if byReset { client.reset() } else { client.close() }
    #expect(waitUntil { rig.server.seen.cancelsTotal == 1 })
    let cancel = try #require(rig.server.seen.cancels.first)
    #expect(cancel.target == "/v1/chat/completions")
    #expect(cancel.model == "qwq-32b")
    #expect((5...50).contains(cancel.tokensSent))
    #expect(cancel.closedAtNanoseconds >= left)
    #expect(cancel.closedAtNanoseconds - left < 100_000_000)
    #expect(cancel.lastSentAtNanoseconds <= cancel.closedAtNanoseconds)
    #expect(waitUntil { rig.server.seen.connectionsOpen == 0 })
    #expect(rig.server.seen.answersCompleted == 0)
  }

  @Test("a client that leaves before the head or while it is stalled is noticed")
  func cancelBeforeHead() throws {
    let rig = try Rig()
    for script in ["headDelay=10s", "fault=neverAnswer", "firstDelay=10s", "fault=stall"] {
      let client = try rig.client()
      try client.post("/v1/chat/completions", Rig.body(script))
      #expect(waitUntil { rig.server.seen.requestsTotal == 1 })
      client.close()
      #expect(waitUntil { rig.server.seen.cancelsTotal == 1 })
      #expect(rig.server.seen.cancels.first?.tokensSent == 0)
      #expect(waitUntil { rig.server.seen.connectionsOpen == 0 })
      rig.server.reset()
    }
  }

  @Test("only the latest requests are kept, all are counted")
  func bounded() throws {
    let rig = try Rig { $0.requestsKeptMax = 3 }
    let client = try rig.client()
    for number in 0..<10 {
      try client.post("/v1/\(number)", "x")
      _ = try client.readResponse()
    }
    #expect(rig.server.seen.requestsTotal == 10)
    #expect(rig.server.seen.requests.map(\.target) == ["/v1/7", "/v1/8", "/v1/9"])
  }

  @Test("is told over HTTP, without the telling being seen itself")
  func overHTTP() throws {
    let rig = try Rig()
    let worker = try rig.client()
    let control = try rig.client()
    func ask(_ method: String, _ path: String, _ body: String = "") throws -> RawResponse {
      try control.send("\(method) \(path) HTTP/1.1\r\nHost: t\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)")
      return try control.readResponse()
    }
    try worker.post("/v1/chat/completions", Rig.body("events=2"))
    _ = try worker.readResponse()
    let seen = try ask("GET", "/_script/seen").text
    #expect(seen.contains(#""requestsTotal":1,"#))
    #expect(seen.contains(#""connectionsOpened":1,"#))
    #expect(seen.contains(#""connectionsOpen":1,"#))
    #expect(seen.contains(#""answersCompleted":1,"#))
    #expect(seen.contains(#"["Content-Type","application/json"]"#))
    #expect(seen.contains(#"\"metadata\":{\"script\":\"events=2\"}"#))

    #expect(try ask("POST", "/_script/default", "events=1 evnts=2").status == 400)
    #expect(try ask("POST", "/_script/default", "fault=status:418").status == 200)
    try worker.post("/v1/chat/completions", #"{"model":"m"}"#)
    #expect(try worker.readResponse().status == 418)

    #expect(try ask("POST", "/_script/reset").status == 200)
    try worker.post("/v1/chat/completions", #"{"model":"m"}"#)
    #expect(try worker.readResponse().status == 200)
    #expect(try ask("GET", "/_script/seen").text.contains(#""requestsTotal":1,"#))
  }
}
