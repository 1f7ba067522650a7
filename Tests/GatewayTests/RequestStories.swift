import Foundation
import Gateway
import GatewayConfiguration
import ScriptedUpstream
import TestKit
import Testing

@Suite("A request to the gateway")
struct RequestStories {
  @Test("without a stream is answered byte for byte, with its length and its tokens noted")
  func plain() async throws {
    try await House.story { house async throws in
      for script in ["events=5", "events=2000", "events=3 framing=chunked chunkSplit=7", "events=3 framing=close"] {
        let response = try house.ask(chat(script, stream: false))
        let direct = try RawClient(port: house.upstream.port)
        try direct.post(
          "/v1/chat/completions", chat(script, stream: false),
          headers: "Authorization: Bearer \(House.upstreamKey)\r\n")
        #expect(response.body == (try direct.readResponse().body))
        #expect(response.header("content-type") == "application/json")
      }
      let log = try await house.log(count: 4)
      #expect(log.allSatisfy { $0["completion_tokens"] as? Int ?? 0 > 0 && $0["stream"] as? Bool == false })
    }
  }

  @Test("reaches the upstream as it came, but for the model's name and the usage option")
  func mapping() async throws {
    try await House.story(configuration: { ports in
      """
      anonymous: true
      \(House.upstreams(ports))models:
        public: { serve: [{ upstream: a, model: vendor/real }], aliases: [nick] }
        gpt-*: { serve: a }
      """
    }) { house async throws in
      _ = try house.ask(chat("events=1", model: "public", extra: ", \"z\" : [1, 2.50, \"é\"]"))
      _ = try house.ask(chat("events=1", model: "nick", stream: false))
      _ = try house.ask(chat("events=1", model: "gpt-5", stream: false))
      _ = try house.ask(chat("events=1", model: "a/some/model", stream: false))
      let seen = house.upstream.seen.requests.map(\.bodyText)
      try #require(seen.count == 4)
      #expect(seen[0].hasPrefix("{\"stream_options\":{\"include_usage\":true},\"model\":\"vendor/real\","))
      #expect(seen[0].hasSuffix(", \"z\" : [1, 2.50, \"é\"]}"))
      #expect(seen[1].contains("\"model\":\"vendor/real\""))
      #expect(seen[2] == chat("events=1", model: "gpt-5", stream: false))
      #expect(seen[3].contains("\"model\":\"some/model\""))
    }
  }

  @Test("for embeddings is routed by its model")
  func embeddings() async throws {
    try await House.story { house async throws in
      let response = try house.ask("{\"model\":\"m\",\"input\":\"x\"}", path: "/v1/embeddings")
      #expect(response.status == 200)
      #expect(response.text.contains("\"embedding\""))
    }
  }

  @Test("for an unknown model is refused with the nearest names; without one, or with no JSON, it is told why")
  func refusals() async throws {
    try await House.story { house async throws in
      let unknown = try house.ask(chat(model: "mm"))
      #expect(unknown.status == 404)
      #expect(try errorCode(unknown) == "model_not_found")
      #expect(unknown.text.contains("'m'"))
      for (body, code) in [
        ("{}", "missing_model"), ("{\"model\":\"\"}", "missing_model"), ("{\"model\":", "invalid_json"),
        ("", "invalid_json"), ("[]", "invalid_json"), ("{\"model\":\"m\",\"model\":\"m\"}", "invalid_json"),
        ("{\"model\":\"m\",\"n\":\"\\ud800\"}", "invalid_json"),
      ] {
        let response = try house.ask(body)
        #expect(response.status == 400)
        #expect(try errorCode(response) == code, "\(body)")
      }
      #expect(house.upstream.seen.requestsTotal == 0)
    }
  }

  @Test("to an unknown path or with a wrong method gets 404 or 405, a suspicious path 400")
  func pathsAndMethods() async throws {
    try await House.story { house async throws in
      #expect(try house.get("/").status == 404)
      #expect(try house.get("/v2/chat/completions").status == 404)
      #expect(try house.get("/v1").status == 404)
      #expect(try house.get("/_script/seen").status == 404)
      let wrong = try house.get("/v1/chat/completions")
      #expect(wrong.status == 405)
      #expect(wrong.header("allow") == "POST, OPTIONS")
      #expect(try house.get("/v1/models", method: "DELETE").status == 405)
      #expect(try house.get("/v1/files", method: "BREW").status == 405)
      // A model's id is only looked up: a slash in it may be escaped, and two dots are a name like another.
      #expect(try house.get("/v1/models/%2e%2e").status == 404)
      for path in [
        "/v1/../secret", "/v1//chat/completions", "/v1/%2e%2e/x", "/v1/a%2fb", "/v1/x;y", "/v1/a\\b",
        "/v1/chat%2fcompletions",
        "/v1/chat/completions//", "/v1/chat/completions/%2e%2e", "/v1/%5cmodels",
      ] {
        let response = try house.get(path)
        #expect(response.status == 400, "\(path)")
        #expect(try errorCode(response) == "invalid_url")
      }
      #expect(house.upstream.seen.requestsTotal == 0)
    }
  }

  @Test("with HEAD gets no body, with OPTIONS the methods")
  func headAndOptions() async throws {
    try await House.story(configuration: { ports in
      "anonymous: true\n" + House.upstreams(ports) + House.models(1)
        + "routes: [{ pathPrefix: /v1/files, upstream: a }]\n"
    }) { house async throws in
      let client = try house.client()
      for path in ["/livez", "/v1/models", "/v1/nothing-there", "/v1/files/x", "/readyz"] {
        try client.send("HEAD \(path) HTTP/1.1\r\nHost: test\r\n\r\n")
        _ = try client.readResponse(hasBody: false)
      }
      house.upstream.defaultScript = try Script(parsing: "fault=htmlError")
      try client.send("HEAD /v1/files/y HTTP/1.1\r\nHost: test\r\n\r\n")
      #expect(try client.readResponse(hasBody: false).status == 502)
      try client.send("OPTIONS /v1/chat/completions HTTP/1.1\r\nHost: test\r\n\r\n")
      let options = try client.readResponse()
      #expect(options.status == 204)
      #expect(options.header("allow") == "POST, OPTIONS")
      // Had any of them had a body, this answer would not be where it is looked for.
      try client.send("GET /livez HTTP/1.1\r\nHost: test\r\n\r\n")
      #expect(try client.readResponse().text == "{\"status\":\"ok\"}")
    }
  }

  @Test("may be followed by others before its answer: they are answered in order")
  func pipelined() async throws {
    try await House.story { house async throws in
      let client = try house.client()
      for count in 1...20 { try client.post("/v1/chat/completions", chat("events=\(count)")) }
      try client.send("GET /livez HTTP/1.1\r\nHost: test\r\n\r\n")
      for count in 1...20 { #expect(try client.readResponse().body == (try expected("events=\(count)"))) }
      #expect(try client.readResponse().text == "{\"status\":\"ok\"}")
    }
  }

  @Test("in pieces of any size is the same request")
  func pieces() async throws {
    try await House.story { house async throws in
      let body = chat("events=2")
      let request =
        "POST /v1/chat/completions HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n"
        + "5\r\n\(body.prefix(5))\r\n\(String(body.utf8.count - 5, radix: 16))\r\n\(body.dropFirst(5))\r\n0\r\n\r\n"
      for size in [1, 7, 64] {
        let client = try house.client()
        for piece in TestKit.pieces(of: Array(request.utf8), size: size) { try client.send(piece) }
        #expect(try client.readResponse().body == (try expected("events=2")))
      }
      #expect(house.upstream.seen.requests.allSatisfy { $0.header("transfer-encoding") == nil })
    }
  }

  @Test("that expects 100-continue and has no key is refused before its body is read")
  func expectContinue() async throws {
    let key = "sk-one-0123456789"
    try await House.story(configuration: {
      House.upstreams($0) + House.models(1) + "consumers: { c: { keys: [\"${ONE}\"] } }\n"
    }) { house async throws in
      let refused = try house.client()
      let head = "POST /v1/chat/completions HTTP/1.1\r\nHost: t\r\nContent-Length: 1000000\r\nExpect: 100-continue\r\n"
      try refused.send(head + "\r\n")
      let answer = String(decoding: try refused.read(until: "\r\n\r\n"), as: UTF8.self)
      #expect(answer.hasPrefix("HTTP/1.1 401 "))
      #expect(answer.contains("connection: close"))
      let welcome = try house.client()
      let body = chat("events=1")
      try welcome.send(
        "POST /v1/chat/completions HTTP/1.1\r\nHost: t\r\nContent-Length: \(body.utf8.count)\r\n"
          + "Expect: 100-continue\r\nAuthorization: Bearer \(key)\r\n\r\n")
      #expect(String(decoding: try welcome.read(until: "\r\n\r\n"), as: UTF8.self).hasPrefix("HTTP/1.1 100 "))
      try welcome.send(body)
      #expect(try welcome.readResponse().status == 200)
    }
  }

  @Test("with a body beyond the bound gets 413, in OpenAI's form")
  func tooLarge() async throws {
    try await House.story { house async throws in
      let client = try house.client()
      try client.send(
        "POST /v1/chat/completions HTTP/1.1\r\nHost: t\r\nContent-Length: \(64 << 30)\r\n\r\n")
      let response = try client.readResponse()
      #expect(response.status == 413)
      #expect(try errorCode(response) == "request_too_large")
      #expect(response.header("connection") == "close")
      var settings = house.gateway.settings
      settings.server.bodyBytesMax = 2_000
      try await house.gateway.reload(settings)
      for isChunked in [false, true] {
        let client = try house.client()
        let body = chat(extra: ",\"pad\":\"\(String(repeating: "x", count: 3_000))\"")
        let framing = isChunked ? "Transfer-Encoding: chunked" : "Content-Length: \(body.utf8.count)"
        let size = isChunked ? "\(String(body.utf8.count, radix: 16))\r\n" : ""
        try client.send(
          "POST /v1/chat/completions HTTP/1.1\r\nHost: t\r\n\(framing)\r\n\r\n\(size)\(body)\r\n0\r\n\r\n")
        #expect(try client.readResponse().status == 413)
      }
      #expect(house.upstream.seen.requestsTotal == 0)
    }
  }

  @Test(
    "that is not HTTP gets 400 in OpenAI's form and a closed connection",
    arguments: [
      "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
      "POST /v1/chat/completions HTTP/1.1\r\nHost: a\r\nContent-Length: +1\r\n\r\n", "GET / HTTP/1.1\nHost: a\n\n",
      "nonsense\r\n\r\n", "GET / HTTP/1.1\r\n Host: a\r\n\r\n",
    ])
  func malformed(bytes: String) async throws {
    try await House.story { house async throws in
      let client = try house.client()
      try client.send(bytes)
      let response = try client.readResponse()
      #expect(response.status == 400)
      #expect(try errorCode(response) == "invalid_http")
      #expect(response.header("x-request-id")?.count == 32)
      #expect(client.readAll().ending == .end)
      #expect(house.upstream.seen.requestsTotal == 0)
      let log = try await house.log(count: 1)
      #expect(log[0]["status"] as? Int == 400)
    }
  }

  @Test("brings its id or gets one, and the upstream is told the same")
  func requestID() async throws {
    try await House.story { house async throws in
      let given = try house.ask(chat("events=1"), headers: "X-Request-ID: my-id/1\r\n")
      #expect(given.header("x-request-id") == "my-id/1")
      let odd = try house.ask(chat("events=1"), headers: "X-Request-ID: a \"b\"\r\n")
      let made = try #require(odd.header("x-request-id"))
      #expect(made.count == 32 && made.allSatisfy { $0.isHexDigit })
      #expect(house.upstream.seen.requests.map { $0.header("x-request-id") } == ["my-id/1", made])
      let log = try await house.log(count: 2)
      #expect(log.map { $0["id"] as? String } == ["my-id/1", made])
    }
  }

  @Test("to a pass-through route keeps method, query string and body, and its id-less model")
  func passThrough() async throws {
    try await House.story(
      upstreams: 2,
      configuration: {
        "anonymous: true\n" + House.upstreams($0) + House.models(1)
          + "routes: [{ pathPrefix: /v1/files, upstream: b }, { path: /v1/responses, upstream: b, methods: [GET, POST] }]\n"
      }
    ) { house async throws in
      let deleted = try house.get("/v1/files/abc?after=1&x=%2F", method: "DELETE")
      #expect(deleted.status == 200, "\(deleted.text)")
      #expect(try house.ask("\u{1}binary", path: "/v1/files?purpose=x").status == 200)
      #expect(try house.ask("{\"input\":\"x\"}", path: "/v1/responses").status == 200)
      #expect(try house.get("/v1/filesystem").status == 404)
      #expect(try errorCode(try house.get("/v1/batches")) == "no_route")
      let seen = house.upstreams[1].seen.requests
      try #require(seen.count == 3)
      #expect(seen.map(\.method) == ["DELETE", "POST", "POST"])
      #expect(seen[0].target == "/v1/files/abc?after=1&x=%2F")
      #expect(seen[1].target == "/v1/files?purpose=x")
      #expect(seen[1].body == Array("\u{1}binary".utf8))
      #expect(seen[2].bodyText == "{\"input\":\"x\"}")
      #expect(house.upstreams[0].seen.requestsTotal == 0)
      let log = try await house.log(count: 1)
      #expect(log[0]["path"] as? String == "/v1/files/abc")
    }
  }

  @Test("that names no model is sent again unchanged when its session was stale")
  func replayWithoutModel() async throws {
    try await House.story(
      upstreams: 2,
      configuration: { ports in
        let urls = ports.map { "{ url: http://127.0.0.1:\($0)/v1 }" }.joined(separator: ", ")
        return
          "anonymous: true\nupstreams:\n  a: { provider: vllm, endpoints: [\(urls)], apiKeys: [\(House.upstreamKey)] }\n"
          + "routes: [{ path: /v1/responses, upstream: a }]\n"
      }
    ) { house async throws in
      house.upstreams[0].defaultScript = try Script(parsing: "fault=status:503")
      house.upstreams[1].defaultScript = try Script(parsing: "fault=status:503")
      let body = "{\"model\":\"\",\"previous_response_id\":\"r1\"}"
      _ = try house.ask(body, path: "/v1/responses")
      #expect(house.upstreams.flatMap { $0.seen.requests.map(\.bodyText) } == [body, body])
    }
  }

  @Test("with a recording in multipart is routed by its model, whose name is mapped in place")
  func multipart() async throws {
    try await House.story(configuration: {
      "anonymous: true\n" + House.upstreams($0)
        + "models:\n  whisper: { serve: [{ upstream: a, model: big-whisper-3 }] }\n"
    }) { house async throws in
      func body(_ model: String) -> String {
        "--XX\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.mp3\"\r\n\r\nmodel\u{0}bytes\r\n"
          + "--XX\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\n\(model)\r\n--XX--\r\n"
      }
      let client = try house.client()
      let text = body("whisper")
      try client.send(
        "POST /v1/audio/transcriptions HTTP/1.1\r\nHost: t\r\nContent-Type: multipart/form-data; boundary=XX\r\n"
          + "Content-Length: \(text.utf8.count)\r\n\r\n\(text)")
      #expect(try client.readResponse().status == 200)
      let seen = try #require(house.upstream.seen.requests.first)
      #expect(seen.bodyText == body("big-whisper-3"))
      #expect(seen.header("content-type") == "multipart/form-data; boundary=XX")
      #expect(try errorCode(try house.ask("x", path: "/v1/audio/transcriptions")) == "invalid_multipart")
    }
  }

  @Test("is served by both reactors alike")
  func bothReactors() async throws {
    try await House.story(reactors: 2) { house async throws in
      for _ in 0..<40 { #expect(try house.ask(chat("events=2")).body == (try expected("events=2"))) }
      let clients = try (0..<24).map { _ in try house.client() }
      for client in clients { try client.post("/v1/chat/completions", chat("events=20 gap=1ms")) }
      for client in clients { #expect(try client.readResponse().body == (try expected("events=20 gap=1ms"))) }
      #expect(try await house.log(count: 64).count == 64)
    }
  }

  @Test("for health needs no key")
  func health() async throws {
    try await House.story(configuration: {
      House.upstreams($0) + House.models(1) + "consumers: { c: { keys: [\"${ONE}\"] } }\n"
    }) { house async throws in
      #expect(try house.get("/livez").text == "{\"status\":\"ok\"}")
      #expect(try house.get("/readyz").status == 200)
      #expect(try house.get("/health").text.contains("\"ready\":true"))
      #expect(try house.get("/v1/models").status == 401)
    }
  }
}
