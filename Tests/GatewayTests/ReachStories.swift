import Foundation
import Gateway
import GatewayConfiguration
import ScriptedUpstream
import TestKit
import Testing

/// One upstream `a` behind a gateway with a consumer who may use `small` alone, one who may use all, and the routes of a test.
private func guarded(_ routes: String = "", limits: String = "") -> ([UInt16]) -> String {
  { ports in
    House.upstreams(ports) + """
      models:
        small: { serve: [{ upstream: a, model: small-there }] }
        big: { serve: [{ upstream: a, model: big-there }] }
        wild-*: { serve: a }
      consumers:
        limited: { keys: ["${LIMITED}"], models: [small, "wild-x*"] }
        free: { keys: ["${FREE}"] }
      \(routes)
      \(limits)
      """
  }
}

private let limited = "Authorization: Bearer \(SecurityStories.key)\r\n"
private let free = "Authorization: Bearer sk-free-0123456789\r\n"
private let json = "Content-Type: application/json\r\n"

@Suite("What a request may reach")
struct ReachStories {
  @Test(
    "an endpoint that nobody named goes nowhere, however few upstreams there are",
    arguments: [
      ("GET", "/v1/organization/admin_api_keys"), ("DELETE", "/v1/files/file-1"), ("POST", "/v1/fine_tuning/jobs"),
      ("POST", "/v1/engines/small/completions"), ("POST", "/v1/chat/completions/x"), ("GET", "/v1/responses/resp_1"),
      ("POST", "/v1/batches"), ("GET", "/v1/batches"), ("HEAD", "/v1/files"), ("GET", "/v1/responses"),
      ("GET", "/v1/videos"), ("POST", "/v1/models/small:generateContent"), ("POST", "/v2/chat"), ("PUT", "/v1/rerank"),
      ("POST", "/v1/organization/../chat"), ("POST", "/v1/assistants"),
    ])
  func noImplicitWay(method: String, path: String) async throws {
    for anonymous in ["", "anonymous: true"] {
      try await House.story(configuration: guarded(anonymous)) { house async throws in
        for headers in [limited, free] + (anonymous.isEmpty ? [] : [""]) {
          let client = try house.client()
          let body = method == "POST" ? #"{"model":"small"}"# : ""
          try client.send(
            "\(method) \(path) HTTP/1.1\r\nHost: x\r\n\(headers)Content-Length: \(body.utf8.count)\r\n\r\n\(body)")
          let response = try client.readResponse(hasBody: method != "HEAD")
          #expect(response.status == (path.contains("..") ? 400 : 404), "\(method) \(path)")
          guard method != "HEAD", response.status == 404 else { continue }
          #expect(try errorCode(response) == "no_route")
          #expect(response.text.contains("routes"), "the words say how it is configured")
        }
        #expect(house.upstream.seen.requestsTotal == 0)
      }
    }
  }

  @Test("a route takes its methods and paths, and HEAD with GET")
  func routes() async throws {
    let routes = "routes: [{ pathPrefix: /v1/files, upstream: a, methods: [GET] }]"
    try await House.story(configuration: guarded(routes)) { house async throws in
      #expect(try house.get("/v1/files/f", headers: free).status == 200)
      #expect(try house.get("/v1/files/f", method: "HEAD", headers: free).status == 200)
      #expect(try house.get("/v1/files/f", method: "DELETE", headers: free).status == 404)
      #expect(try house.get("/v1/filesystem", headers: free).status == 404)
      #expect(house.upstream.seen.requestsTotal == 2)
    }
  }

  @Test("a route is for the consumers that it names; another may have another one for the same path")
  func consumers() async throws {
    let routes = """
      routes:
        - { path: /v1/own, upstream: a, consumers: [free] }
        - { path: /v1/both, upstream: b, consumers: [free] }
        - { path: /v1/both, upstream: a }
      """
    try await House.story(upstreams: 2, configuration: guarded(routes)) { house async throws in
      #expect(try house.get("/v1/own", headers: free).status == 200)
      let refused = try house.get("/v1/own", headers: limited)
      #expect(refused.status == 403)
      #expect(try errorCode(refused) == "route_not_allowed")
      #expect(try house.get("/v1/both", headers: free).header("x-sluice-upstream") == "b")
      #expect(try house.get("/v1/both", headers: limited).header("x-sluice-upstream") == "a")
      #expect(house.upstreams[0].seen.requestsTotal == 2)
    }
  }

  @Test("a model in the body of a route is checked, renamed and recorded like everywhere")
  func modelOnRoute() async throws {
    let routes = "routes: [{ pathPrefix: /v1/own, upstream: a }]"
    try await House.story(configuration: guarded(routes)) { house async throws in
      for (body, headers, status) in [
        (#"{"model":"big"}"#, limited, 403), (#"{"model":"else"}"#, limited, 404),
        (#"{"x":1,"model":"b\u0069g"}"#, limited, 403),
        (#"{"model":"small","model":"big"}"#, limited, 400), (#"{"model":"small","Model":"big"}"#, limited, 400),
        (#"{"model":"small","models":["big"]}"#, limited, 403), ("[{\"model\":\"big\"}]", limited, 400),
        (#"{"model":"big""#, limited, 400), ("\u{FEFF}{\"model\":\"big\"}", limited, 400),
        (#"{"model":["big"]}"#, limited, 400),
        (#"{"model":"small","Model":"big"}"#, free, 400),
      ] {
        let response = try house.ask(body, path: "/v1/own/x", headers: headers)
        #expect(response.status == status, "\(body): \(response.text)")
      }
      #expect(house.upstream.seen.requestsTotal == 0)
      for (body, headers) in [
        (#"{"model":"small"}"#, limited), ("{}", limited), (#"{"model":"else","n":-1,"metadata":5}"#, free),
        (#"{"model":"big"}"#, free), ("{broken", free), ("[1]", free),
      ] {
        #expect(try house.ask(body, path: "/v1/own/x", headers: headers).status == 200, "\(body)")
      }
      let bodies = house.upstream.seen.requests.map { String(decoding: $0.body, as: UTF8.self) }
      #expect(
        bodies == [
          #"{"model":"small-there"}"#, "{}", #"{"model":"else","n":-1,"metadata":5}"#, #"{"model":"big-there"}"#,
          "{broken", "[1]",
        ])
      let log = try await house.log(count: 17)
      #expect(log[11]["model"] as? String == "small")
    }
  }

  @Test("what cannot be read cannot name a model, for one who may use some only")
  func unreadable() async throws {
    let routes = "routes: [{ pathPrefix: /v1/own, upstream: a }]"
    try await House.story(configuration: guarded(routes)) { house async throws in
      func ask(_ body: [UInt8], _ type: String?, _ headers: String) throws -> Int {
        let client = try house.client()
        let type = type.map { "Content-Type: \($0)\r\n" } ?? ""
        try client.send(
          Array("POST /v1/own HTTP/1.1\r\nHost: x\r\n\(headers)\(type)Content-Length: \(body.count)\r\n\r\n".utf8)
            + body)
        return try client.readResponse().status
      }
      let object = Array(#"{"model":"big"}"#.utf8)
      let form = Array("--b\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nbig\r\n--b--".utf8)
      let utf16: [UInt8] = object.flatMap { [$0, UInt8(0)] }
      for (body, type) in [
        (object, "application/x-www-form-urlencoded"), (object, nil), (object, "application/json; charset=utf-16"),
        (utf16, "application/json"), ([UInt8(0)] + Array(utf16.dropLast()), "application/json"),
        (form, "multipart/form-data"),
        (form, "multipart/form-data; boundary=b"), (form, "application/json"),
        (Array("model=big".utf8), "application/x-www-form-urlencoded"),
        ([1, 2], "application/octet-stream"),
      ] {
        #expect((400..<404).contains(try ask(body, type, limited)), "\(type ?? "")")
      }
      #expect(house.upstream.seen.requestsTotal == 0)
      #expect(try ask([1, 2], "application/octet-stream", free) == 200)
      #expect(try ask(utf16, "application/json", free) == 200)
      let small = Array("--b\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nsmall\r\n--b--".utf8)
      #expect(try ask(small, "multipart/form-data; boundary=b", limited) == 200)
      #expect(
        String(decoding: try #require(house.upstream.seen.requests.last).body, as: UTF8.self).contains(
          "\r\n\r\nsmall-there\r\n"))
    }
  }

  @Test("a model in the path is checked as well")
  func modelInPath() async throws {
    let routes = "routes: [{ pathPrefix: /v1, upstream: a }]"
    try await House.story(configuration: guarded(routes)) { house async throws in
      for path in [
        "/v1/models/big:generateContent", "/v1/models/big:streamGenerateContent?alt=sse", "/v1/models/else:countTokens",
        "/v1/models/b%69g:generateContent", "/v1/engines/big/completions", "/v1/deployments/big/chat/completions",
        "/v1/publishers/google/models/big:rawPredict", "/v1/tunedModels/big:generateContent",
      ] {
        let response = try house.ask("{}", path: path, headers: limited)
        #expect(response.status == 403 || response.status == 404, "\(path)")
      }
      let other = try house.ask(#"{"model":"models/big"}"#, path: "/v1/models/small:embedContent", headers: limited)
      #expect(other.status == 403)
      #expect(house.upstream.seen.requestsTotal == 0)
      house.upstream.defaultScript = try Script(parsing: "provider=gemini")
      let contents = #"{"contents":[{"role":"user","parts":[{"text":"hi"}]}]}"#
      #expect(try house.ask(contents, path: "/v1/models/small:generateContent", headers: limited).status == 200)
      #expect(
        try house.ask(
          #"{"model":"models/small","contents":[{"parts":[{"text":"hi"}]}]}"#, path: "/v1/models/small:generateContent",
          headers: limited
        ).status
          == 200)
      #expect(try house.ask(contents, path: "/v1/models/else:generateContent", headers: free).status == 200)
      #expect(house.upstream.seen.requests.last?.target == "/v1/models/else:generateContent")
    }
  }

  @Test(
    "endpoints whose bodies name a model need no route",
    arguments: [
      "responses/compact", "responses/input_tokens", "score", "tokenize", "detokenize", "videos", "audio/speech",
      "moderations",
      "images/generations", "images/edits", "audio/transcriptions", "classify", "pooling", "rerank",
      "messages/count_tokens",
    ])
  func byModel(path: String) async throws {
    try await House.story(configuration: guarded()) { house async throws in
      let response = try house.ask(#"{"model":"small","n":-7,"input":"x"}"#, path: "/v1/\(path)", headers: limited)
      #expect(response.status == 200, "\(response.text)")
      let form = "--b\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nsmall\r\n--b--"
      let client = try house.client()
      try client.send(
        "POST /v1/\(path) HTTP/1.1\r\nHost: x\r\n\(limited)Content-Type: multipart/form-data; boundary=b\r\nContent-Length: \(form.utf8.count)\r\n\r\n\(form)"
      )
      #expect(try client.readResponse().status == 200)
      let bodies = house.upstream.seen.requests.map { String(decoding: $0.body, as: UTF8.self) }
      #expect(bodies.allSatisfy { $0.contains("small-there") } && bodies.count == 2)
      #expect(try house.ask(#"{"model":"big"}"#, path: "/v1/\(path)", headers: limited).status == 403)
      #expect(try house.ask(#"{"input":"x"}"#, path: "/v1/\(path)", headers: limited).status == 404)
      #expect(house.upstream.seen.requestsTotal == 2)
    }
  }

  @Test("the second version of rerank is one of them")
  func secondVersion() async throws {
    try await House.story(configuration: guarded("routes: [{ path: /v2/embed, upstream: a }]")) { house async throws in
      #expect(try house.ask(#"{"model":"small"}"#, path: "/v2/rerank", headers: limited).status == 200)
      #expect(try house.ask(#"{"model":"big"}"#, path: "/v2/rerank", headers: limited).status == 403)
      #expect(try house.ask(#"{"model":"small"}"#, path: "/v2/embed", headers: limited).status == 200)
      #expect(house.upstream.seen.requests.map(\.target) == ["/v1/rerank", "/v1/embed"])
    }
  }
}

@Suite("What a request may name")
struct NamingStories {
  @Test("a model in other letters is refused before anything goes up")
  func otherCase() async throws {
    try await House.story(configuration: guarded()) { house async throws in
      for member in [
        #""Model":"big""#, #""MODEL":"big""#, #""\u004dodel":"big""#, #""Stream":true"#, #""N":5"#, #""n":-1"#,
        #""n":0"#, #""n":1000"#,
        #""MAX_TOKENS":1"#, "\"\u{17F}tream\":true", "\"max_to\u{212A}ens\":1", #""Messages":[]"#, #""model":"big""#,
        #""stream":null,"stream":true"#,
      ] {
        for headers in [limited, free] {
          let response = try house.ask("{\"model\":\"small\",\"messages\":[],\(member)}", headers: headers)
          #expect(response.status == 400, "\(member)")
          #expect(try errorObject(response.body)["param"] is String, "\(member)")
        }
      }
      #expect(house.upstream.seen.requestsTotal == 0)
      let odd = try house.ask(
        chat(model: "small", stream: false, extra: #","metadata":5,"user":[],"Seed":1,"logprobs":"x","functions":7"#),
        headers: limited)
      #expect(odd.status == 200, "\(odd.text)")
    }
  }

  @Test("other models inside a body are not for one who may use some only, nor under limits by model")
  func others() async throws {
    let members = [
      #""models":["big"]"#, #""route":"fallback""#, #""fallbacks":["big"]"#, #""fallbacks":[{"model":"big"}]"#,
      #""context_window_fallback_dict":{"small":"big"}"#, #""extra_body":{"models":["big"]}"#,
      #""router_settings_override":{"fallbacks":[{"small":["big"]}]}"#, #""plugins":[{"id":"x","model":"big"}]"#,
    ]
    try await House.story(configuration: guarded()) { house async throws in
      for member in members + [#""tools":[{"type":"advisor","model":"big"}]"#] {
        let response = try house.ask("{\"model\":\"small\",\"messages\":[],\(member)}", headers: limited)
        #expect(response.status == 403, "\(member): \(response.text)")
        #expect(try errorCode(response) == "model_not_allowed")
      }
      #expect(house.upstream.seen.requestsTotal == 0)
      for member in members {
        #expect(
          try house.ask("{\"model\":\"small\",\"messages\":[],\(member)}", headers: free).status == 200, "\(member)")
      }
    }
    for limits in [
      "limits: { l: { match: { model: big }, requests: 5, per: minute } }",
      "limits: { l: { each: model, tokens: 500000, per: minute } }",
    ] {
      try await House.story(configuration: guarded(limits: limits)) { house async throws in
        for member in members {
          let response = try house.ask("{\"model\":\"small\",\"messages\":[],\(member)}", headers: free)
          #expect(response.status == 403, "\(member)")
        }
        #expect(house.upstream.seen.requestsTotal == 0)
      }
    }
  }

  @Test("a query may not name a model beside the body: LiteLLM would take that one")
  func query() async throws {
    try await House.story(configuration: guarded("routes: [{ pathPrefix: /v1/own, upstream: a }]")) {
      house async throws in
      for query in [
        "model=big", "Model=big", "m%6fdel=big", "model[]=big", "a=1&model=big", "a=1;model=big", "models=big",
        "fallbacks=x",
      ] {
        for headers in [limited, free] {
          let response = try house.ask(chat(model: "small"), path: "/v1/chat/completions?\(query)", headers: headers)
          #expect(response.status == 400, "\(query)")
        }
        #expect(try house.get("/v1/own?\(query)", headers: limited).status == 403, "\(query)")
      }
      #expect(house.upstream.seen.requestsTotal == 0)
      #expect(try house.get("/v1/own?model=big", headers: free).status == 200)
      #expect(try house.get("/v1/own?model=small", headers: limited).status == 200)
    }
  }

  @Test("a prefix admits no list of models in one name")
  func lists() async throws {
    try await House.story(configuration: guarded()) { house async throws in
      #expect(try house.ask(chat(model: "wild-x,big"), headers: limited).status == 403)
      #expect(try house.ask(chat("events=1", model: "wild-x1"), headers: limited).status == 200)
    }
  }

  @Test("forms that two readers read differently are refused")
  func forms() async throws {
    try await House.story(configuration: guarded()) { house async throws in
      func part(_ head: String, _ value: String) -> String {
        "--b\r\nContent-Disposition: form-data; \(head)\r\n\r\n\(value)\r\n"
      }
      let small = part("name=\"model\"", "small")
      for body in [
        small + part("name=\"Model\"", "big") + "--b--", small + part("name=\"model[]\"", "big") + "--b--",
        small + small + "--b--", small + "--b--\r\n" + part("name=\"model\"", "big") + "--b--",
        small + part("name*=utf-8''model", "big") + "--b--", small + part("name=\"mo\\del\"", "big") + "--b--",
        small + part("name=\"f\"; filename=\"a\\\"; name=\\\"model\"", "big") + "--b--",
        small + part("name=\"f\"", "x\n--b\nContent-Disposition: form-data; name=\"model\"\n\nbig") + "--b--",
      ] {
        let client = try house.client()
        try client.send(
          "POST /v1/audio/transcriptions HTTP/1.1\r\nHost: x\r\n\(limited)Content-Type: multipart/form-data; boundary=b\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)"
        )
        #expect(try client.readResponse().status == 400, "\(body)")
      }
      let others = small + part("name=\"models\"", "big") + "--b--"
      let client = try house.client()
      try client.send(
        "POST /v1/images/edits HTTP/1.1\r\nHost: x\r\n\(limited)Content-Type: multipart/form-data; boundary=b\r\nContent-Length: \(others.utf8.count)\r\n\r\n\(others)"
      )
      #expect(try client.readResponse().status == 403)
      #expect(house.upstream.seen.requestsTotal == 0)
    }
  }

  @Test("what is read as JSON goes on as JSON, whatever the client calls it")
  func contentType() async throws {
    try await House.story(configuration: guarded()) { house async throws in
      let body = #"{"model":"small","messages":[],"x":"&model=big&"}"#
      for (type, sent) in [
        ("application/x-www-form-urlencoded", "application/json"),
        ("application/json; charset=utf-16", "application/json"),
        ("text/plain", "application/json"), ("multipart/form-data; boundary=b", "application/json"),
        ("Application/JSON", "Application/JSON"),
        ("application/json; charset=utf-8", "application/json; charset=utf-8"),
      ] {
        let client = try house.client()
        try client.send(
          "POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\n\(limited)Content-Type: \(type)\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)"
        )
        #expect(try client.readResponse().status == 200)
        #expect(house.upstream.seen.requests.last?.header("content-type") == sent, "\(type)")
      }
      let client = try house.client()
      try client.send(
        "POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\n\(limited)\(json)Content-Type: text/plain\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)"
      )
      #expect(try client.readResponse().status == 400)
    }
  }

  @Test("a number of answers that is none never reaches a limit's arithmetic")
  func choices() async throws {
    let limits = "limits: { l: { tokens: 40, per: minute, onExceeded: truncate, burst: 40 } }"
    try await House.story(configuration: guarded(limits: limits)) { house async throws in
      for n in ["-1", "-9223372036854775808", "0", "129", "9223372036854775807", "1e300", "1.5", "\"2\"", "[]"] {
        let response = try house.ask(chat("tokens=100", model: "small", extra: ",\"n\":\(n)"), headers: free)
        #expect(response.status == 400, "\(n)")
        #expect(try errorObject(response.body)["param"] as? String == "n")
      }
      #expect(house.upstream.seen.requestsTotal == 0)
    }
  }
}

@Suite("Where a key may stand")
struct KeyPlaceStories {
  private static let key = SecurityStories.key

  @Test("credentials in the query stay here; the rest of it goes on as it came")
  func query() async throws {
    let routes = "routes: [{ pathPrefix: /v1/own, upstream: a }]"
    try await House.story(configuration: guarded(routes)) { house async throws in
      for (target, sent) in [
        ("/v1/own?key=AIza-x&alt=sse", "/v1/own?alt=sse"), ("/v1/own?api_key=s", "/v1/own"),
        ("/v1/own?API-Key=s&a=%2F&b", "/v1/own?a=%2F&b"),
        ("/v1/own?a=1&access_token=s&b=2", "/v1/own?a=1&b=2"), ("/v1/own?k%65y=s", "/v1/own"),
        ("/v1/own?a=\(Self.key)", "/v1/own"),
        ("/v1/own?\(Self.key)", "/v1/own"), ("/v1/own?a=x\(Self.key)y&b=1", "/v1/own?b=1"),
        ("/v1/own?a=%73k-client-abcdef123456", "/v1/own"),
        ("/v1/own?a=1;key=s", "/v1/own"), ("/v1/own?other=sk-free-0123456789", "/v1/own"),
        ("/v1/own?keys=1&monkey=2", "/v1/own?keys=1&monkey=2"),
        ("/v1/own?after=x&limit=2", "/v1/own?after=x&limit=2"), ("/v1/own/\(Self.key)/x", "/v1/own/***/x"),
      ] {
        #expect(try house.get(target, headers: limited).status == 200, "\(target)")
        #expect(house.upstream.seen.requests.last?.target == sent, "\(target)")
      }
      let chatTarget = "/v1/chat/completions?key=AIza-x&api-version=1"
      #expect(try house.ask(chat("events=1", model: "small"), path: chatTarget, headers: limited).status == 200)
      #expect(house.upstream.seen.requests.last?.target == "/v1/chat/completions?api-version=1")
    }
  }

  @Test(
    "a key where none belongs goes neither up nor into the log",
    arguments: ["x-request-id", "user-agent", "traceparent", "tracestate", "idempotency-key", "openai-beta", "accept"])
  func headers(name: String) async throws {
    try await House.story(configuration: guarded()) { house async throws in
      for value in [Self.key, "x \(Self.key) y", "id-\(Self.key)"] {
        let response = try house.ask(
          chat("events=1", model: "small"), headers: limited + "\(name): \(value)\r\n")
        #expect(response.status == 200)
        #expect(!response.head.contains(Self.key))
      }
      _ = try house.get("/v1/models", headers: "x-api-key: wrong-\(Self.key)\r\n\(name): wrong-\(Self.key)\r\n")
      _ = try house.get("/v1/models", headers: "\(name): \(Self.key)\r\n")
      for request in house.upstream.seen.requests {
        #expect(!String(decoding: request.headBytes, as: UTF8.self).contains(Self.key))
      }
      _ = try await house.log(count: 5)
      #expect(try !house.logText().contains(Self.key))
    }
  }

  @Test("a key in a path or as a model's name is in no log and no answer")
  func pathsAndModels() async throws {
    try await House.story(configuration: guarded()) { house async throws in
      var answers: [RawResponse] = []
      for headers in [limited, "", "api-key: \(Self.key)\r\n"] {
        for path in [
          "/v1/\(Self.key)", "/\(Self.key)", "/v1/models/\(Self.key)", "/v1/models/%73k-client-abcdef123456",
          "/v1/files/x\(Self.key)",
        ] {
          answers.append(try house.get(path, headers: headers))
        }
      }
      answers.append(try house.ask(chat(model: Self.key), headers: limited))
      answers.append(try house.ask(chat(model: "sk-free-0123456789"), headers: limited))
      for answer in answers.prefix(5) + answers.suffix(7) {
        #expect(!answer.text.contains(Self.key) && !answer.text.contains("sk-free-0123456789"), "\(answer.text)")
      }
      _ = try await house.log(count: answers.count)
      let text = try house.logText()
      // Without a key presented, only one that is whole can be told.
      #expect(text.components(separatedBy: Self.key).count - 1 <= 1)
      #expect(!text.contains("sk-free-0123456789"))
    }
  }

  @Test("a pattern that takes every name takes no key")
  func patterns() async throws {
    try await House.story(configuration: { ports in
      "anonymous: true\n" + House.upstreams(ports) + "models: { \"*\": { serve: a } }\n"
    }) { house async throws in
      let headers = "Authorization: Bearer sk-somebodys-own-key\r\n"
      let response = try house.ask(chat(model: "sk-somebodys-own-key"), headers: headers)
      #expect(response.status == 404)
      #expect(!response.text.contains("sk-somebodys"))
      #expect(house.upstream.seen.requestsTotal == 0)
      #expect(try house.ask(chat("events=1", model: "x"), headers: headers).status == 200)
    }
  }
}
