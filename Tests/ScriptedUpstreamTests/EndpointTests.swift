import ScriptedUpstream
import TestKit
import Testing

@Suite("The simulator's endpoints")
struct EndpointTests {
  private func answer(_ rig: Rig, _ path: String, _ body: String) throws -> String {
    let client = try rig.client()
    try client.post(path, body)
    let response = try client.readResponse()
    #expect(response.status == 200)
    return response.text
  }

  @Test("a chat answer in one piece has text, reasoning, finish reason and usage")
  func chat() throws {
    let rig = try Rig()
    let text = try answer(
      rig, "/v1/chat/completions", Rig.body("events=3 reasoning=2 prompt=9", model: "deepseek-r1", stream: false))
    #expect(text.contains(#""object":"chat.completion","#))
    #expect(text.contains(#""content":"A sluice is","reasoning_content":"The user""#))
    #expect(text.contains(#""finish_reason":"stop""#))
    #expect(text.contains(#""usage":{"prompt_tokens":9,"completion_tokens":5,"total_tokens":14,"#))
    let tools = try answer(rig, "/v1/chat/completions", Rig.body("tools=1 reasoning=0", stream: false))
    #expect(tools.contains(#""content":null,"tool_calls":[{"id":"call_scripted_0","type":"function""#))
    #expect(tools.contains(#""arguments":"{\"city\":\"Lyon\",\"unit\":\"celsius\"}""#))
    #expect(try answer(rig, "/v1/completions", #"{"model":"m"}"#).contains(#""text":"Hello! Every word"#))
  }

  @Test("embeddings are a function of the input, in floats or the same in base64")
  func embeddings() throws {
    let rig = try Rig()
    let floats = try answer(rig, "/v1/embeddings", #"{"model":"e","input":["a","b","a"],"dimensions":1}"#)
    let values = floats.split(separator: "\"embedding\":[").dropFirst().map { $0.prefix { $0 != "]" } }
    #expect(values.count == 3)
    #expect(values[0] == values[2])
    #expect(values[0] != values[1])
    #expect(floats.contains(#""index":2"#))
    #expect(try answer(rig, "/v1/embeddings", #"{"model":"e","input":"a","dimensions":1}"#).contains(values[0]))
    let base64 = try answer(
      rig, "/v1/embeddings", #"{"model":"e","input":"a","dimensions":1,"encoding_format":"base64"}"#)
    let digits = try #require(base64.split(separator: "\"embedding\":\"").last?.prefix { $0 != "\"" })
    #expect(digits.count == 8)
    #expect(try Float(#require(Float(values[0]))).bitPattern == bits(ofBase64: digits))
  }

  /// Four little-endian bytes in base64, decoded by hand so that encoder and decoder share nothing.
  private func bits(ofBase64 digits: Substring) throws -> UInt32 {
    let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")
    var all: UInt64 = 0
    for digit in digits where digit != "=" { all = try all << 6 | UInt64(#require(alphabet.firstIndex(of: digit))) }
    return UInt32(truncatingIfNeeded: all >> 4).byteSwapped
  }

  @Test("models are listed and described")
  func models() throws {
    let rig = try Rig()
    let client = try rig.client()
    try client.send("GET /v1/models HTTP/1.1\r\nHost: t\r\n\r\n")
    let list = try client.readResponse().text
    for name in ["deepseek-r1", "qwq-32b", "gpt-4o-mini", "text-embedding-3-small"] {
      #expect(list.contains("\"id\":\"\(name)\""))
    }
    try client.send("GET /v1/models/qwq-32b HTTP/1.1\r\nHost: t\r\n\r\n")
    #expect(try client.readResponse().text.hasPrefix(#"{"id":"qwq-32b","object":"model""#))
    try client.send("GET /v1/models/none HTTP/1.1\r\nHost: t\r\n\r\n")
    #expect(try client.readResponse().status == 404)
    try client.send("HEAD /v1/models HTTP/1.1\r\nHost: t\r\n\r\n")
    let head = try client.readResponse(hasBody: false)
    #expect(head.header("content-length") == "\(list.utf8.count)")
    try client.send("GET /elsewhere HTTP/1.1\r\nHost: t\r\n\r\n")
    #expect(try client.readResponse().status == 404)
  }

  @Test("other endpoints tell what reached them; the checksum is zlib's")
  func echo() throws {
    let rig = try Rig()
    #expect(
      try answer(rig, "/v1/audio/transcriptions", "123456789")
        == #"{"object":"echo","method":"POST","path":"/v1/audio/transcriptions","bodyBytes":9,"crc32":"cbf43926"}"#)
  }

  @Test("a script comes from metadata, from user, from the model's settings or from the default, in this order")
  func scriptSources() throws {
    let rig = try Rig { settings in
      settings.defaultScript.fault = .status(500)
      settings.models["special"] = Script()
      settings.models["special"]?.fault = .status(501)
    }
    let client = try rig.client()
    func status(_ body: String) throws -> Int {
      try client.post("/v1/chat/completions", body)
      return try client.readResponse().status
    }
    #expect(try status(#"{"model":"m"}"#) == 500)
    #expect(try status(#"{"model":"special"}"#) == 501)
    #expect(try status(#"{"model":"special","user":"script: fault=status:502"}"#) == 502)
    let both = #"{"user":"script: fault=status:502","metadata":{"script":"fault=status:503"},"model":"special"}"#
    #expect(try status(both) == 503)
    let quoted = #"{"model":"m","messages":[{"content":"say \"script\": \"fault=status:504\""}]}"#
    #expect(try status(quoted) == 500)
    #expect(try status(#"{"model":"m","metadata":{"script":"evnts=1"}}"#) == 400)
  }

  @Test("a key is demanded if the settings name one")
  func key() throws {
    let rig = try Rig { $0.requiredKey = "sk-right" }
    let client = try rig.client()
    for (header, status) in [
      ("", 401), ("Authorization: Bearer sk-wrong\r\n", 401), ("Authorization: Bearer sk-right\r\n", 200),
    ] {
      try client.post("/v1/chat/completions", Rig.body("events=1"), headers: header)
      #expect(try client.readResponse().status == status)
    }
  }

  @Test("requests arrive in any pieces, in chunks and several at once")
  func requestForms() throws {
    let rig = try Rig()
    let client = try rig.client()
    let echo = #"{"object":"echo","method":"POST","path":"/v1/x","bodyBytes":9,"crc32":"cbf43926"}"#
    let plain = "POST /v1/x HTTP/1.1\r\nHost: t\r\nContent-Length: 9\r\n\r\n123456789"
    let chunked =
      "POST /v1/x HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n4\r\n1234\r\n5;a=b\r\n56789\r\n0\r\n\r\n"
    for request in [plain, chunked] {
      try everySplit(of: Array(request.utf8)) { first, second in
        try client.send(first)
        try client.send(second)
        #expect(try client.readResponse().text == echo)
      }
      for byte in request.utf8 { try client.send([byte]) }
      #expect(try client.readResponse().text == echo)
    }
    try client.send(plain + chunked + plain)
    for _ in 0..<3 { #expect(try client.readResponse().text == echo) }
    #expect(rig.server.seen.connectionsOpened == 1)
  }

  @Test("a client that asks first is told to go on")
  func expectContinue() throws {
    let rig = try Rig()
    let client = try rig.client()
    try client.send("POST /v1/x HTTP/1.1\r\nHost: t\r\nContent-Length: 9\r\nExpect: 100-continue\r\n\r\n")
    #expect(try client.read(until: "\r\n\r\n") == Array("HTTP/1.1 100 Continue\r\n\r\n".utf8))
    try client.send("123456789")
    #expect(try client.readResponse().status == 200)
  }

  @Test("a long body arrives whole, and a too long one is refused")
  func longBody() throws {
    let rig = try Rig { $0.bodyBytesMax = 3_000_000 }
    let client = try rig.client()
    let body =
      #"{"messages":[{"content":""# + String(repeating: "x", count: 2_000_000) + #""}],"model":"m","#
      + #""metadata":{"script":"events=1"}}"#
    try client.post("/v1/chat/completions", body)
    #expect(try client.readResponse().text.contains(#""content":"Hello!""#))
    #expect(rig.server.seen.requests.first?.bodyByteCount == body.utf8.count)
    try client.send("POST /v1/x HTTP/1.1\r\nHost: t\r\nContent-Length: 3000001\r\n\r\n")
    #expect(try client.readResponse().status == 413)
    #expect(client.readSome() == .end)
  }

  @Test("what is not HTTP is refused and counted")
  func malformed() throws {
    let rig = try Rig()
    let client = try rig.client()
    try client.send("POST /v1/x HTTP/1.1\r\nHost: t\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n")
    #expect(try client.readResponse().status == 400)
    #expect(client.readSome() == .end)
    #expect(rig.server.seen.requestsMalformed == 1)
    #expect(rig.server.seen.requestsTotal == 0)
  }

  @Test("a stopped simulator refuses connections and ends the open ones")
  func stop() throws {
    let rig = try Rig()
    let client = try rig.client()
    try client.post("/v1/chat/completions", Rig.body("events=1000 gap=20ms"))
    _ = try client.read(until: "assistant")
    rig.server.stop()
    #expect([.end, .reset].contains(client.readAll().ending))
    #expect(throws: TestKitError.self) { try rig.client() }
    #expect(rig.server.seen.connectionsOpen == 0)
  }

  @Test("a port that is no address is refused with words")
  func badHost() {
    let error = #expect(throws: ScriptedUpstreamServer.StartError.self) {
      try Rig { $0.host = "not an address" }
    }
    #expect(error?.description.contains("not an address") == true)
  }
}
