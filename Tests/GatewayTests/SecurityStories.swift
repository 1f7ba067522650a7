import Foundation
import Gateway
import GatewayConfiguration
import ScriptedUpstream
import TestKit
import Testing

@Suite("Keys and identities")
struct SecurityStories {
  static let key = "sk-client-abcdef123456"

  private func guarded(_ ports: [UInt16]) -> String {
    House.upstreams(ports) + """
      models:
        open: { serve: a }
        closed: { serve: a }
        gpt-*: { serve: a }
      consumers:
        limited: { keys: ["${LIMITED}"], models: [open] }
        free: { keys: ["${FREE}"] }
      """
  }

  @Test("a consumer is known by any of the three headers, and by nothing else")
  func headers() async throws {
    try await House.story(configuration: guarded) { house async throws in
      for header in ["Authorization: Bearer", "authorization: bearer", "X-API-Key:", "api-key:"] {
        let response = try house.ask(chat("events=1", model: "open"), headers: "\(header) \(Self.key)\r\n")
        #expect(response.status == 200, "\(header)")
      }
      let none = try house.ask(chat(model: "open"))
      #expect(none.status == 401)
      #expect(none.header("www-authenticate") == "Bearer")
      for header in [
        "Authorization: Bearer sk-client-abcdef12345", "Authorization: Bearer \(Self.key)6",
        "Authorization: Basic \(Self.key)", "Authorization: Bearer", "X-API-Key: \(Self.key.uppercased())",
        "Authorization: Bearer \(Self.key)\r\nx-api-key: sk-free-0123456789", "Cookie: \(Self.key)",
      ] {
        let response = try house.ask(chat(model: "open"), headers: "\(header)\r\n")
        #expect(response.status == 401, "\(header)")
        #expect(!response.text.contains(Self.key))
      }
      let twice = "Authorization: Bearer \(Self.key)\r\nx-api-key: \(Self.key)\r\n"
      #expect(try house.ask(chat("events=1", model: "open"), headers: twice).status == 200)
      #expect(house.upstream.seen.requestsTotal == 5)
      #expect(try house.get("/v1/models?key=\(Self.key)").status == 401)
    }
  }

  @Test("a consumer sees and uses its models only")
  func models() async throws {
    try await House.story(configuration: guarded) { house async throws in
      let limited = "Authorization: Bearer \(Self.key)\r\n"
      let list = try house.get("/v1/models", headers: limited)
      #expect(try Self.names(list) == ["open"])
      #expect(
        try Self.names(try house.get("/v1/models", headers: "api-key: sk-free-0123456789\r\n")) == ["open", "closed"])
      #expect(try house.get("/v1/models/open", headers: limited).text.contains("\"id\":\"open\""))
      let hidden = try house.get("/v1/models/closed", headers: limited)
      #expect(hidden.status == 404)
      let refused = try house.ask(chat(model: "closed"), headers: limited)
      #expect(refused.status == 403)
      #expect(try errorCode(refused) == "model_not_allowed")
      #expect(house.upstream.seen.requestsTotal == 0)
    }
  }

  @Test(
    "no spelling of a path leads a consumer past its models",
    arguments: [
      "/v1/chat/completions/", "/v1/chat/%63ompletions", "/v1/Chat/Completions", "/v1/CHAT/completions/",
      "/v1/engines/closed/completions",
    ])
  func spellings(path: String) async throws {
    try await House.story(configuration: guarded) { house async throws in
      let response = try house.ask(chat(model: "closed"), path: path, headers: "Authorization: Bearer \(Self.key)\r\n")
      #expect((400..<500).contains(response.status))
      #expect(house.upstream.seen.requestsTotal == 0, "\(path)")
    }
  }

  private static func names(_ response: RawResponse) throws -> [String] {
    let object = try JSONSerialization.jsonObject(with: Data(response.body)) as? [String: Any]
    return (object?["data"] as? [[String: Any]] ?? []).compactMap { $0["id"] as? String }
  }

  @Test("the client's credentials, cookies and addresses never go upstream, its own header fields by list only")
  func nothingOfTheClient() async throws {
    try await House.story(configuration: guarded) { house async throws in
      let headers = """
        Authorization: Bearer \(Self.key)\r\nx-api-key: \(Self.key)\r\napi-key: \(Self.key)\r\nCookie: c=1\r
        X-Forwarded-For: 1.2.3.4\r\nX-Real-IP: 1.2.3.4\r\nX-Consumer: root\r\nOpenAI-Organization: o\r\nVia: x\r
        Connection: keep-alive, X-Secret\r\nX-Secret: s\r\nTE: trailers\r\nUser-Agent: ua/1\r\nAccept: a/b\r
        Proxy-Authorization: x\r\nReferer: r\r\nOrigin: o\r\nTraceparent: 00-a-b-01\r\nIdempotency-Key: k\r\n
        """
      #expect(try house.ask(chat("events=1", model: "open"), headers: headers).status == 200)
      let request = try #require(house.upstream.seen.requests.first)
      #expect(!String(decoding: request.headBytes, as: UTF8.self).contains(Self.key))
      #expect(request.header("authorization") == "Bearer \(House.upstreamKey)")
      let names = Set(request.headers.map { $0.name.lowercased() })
      #expect(
        names == [
          "host", "accept-encoding", "authorization", "content-type", "user-agent", "accept", "traceparent",
          "idempotency-key", "x-request-id", "content-length",
        ])
      #expect(request.header("host") == "127.0.0.1:\(house.upstream.port)")
    }
  }

  @Test("the upstream's key never comes down: not in a header, not in an error, not in a stream")
  func upstreamKey() async throws {
    try await House.story { house async throws in
      let echo = try house.ask(
        chat(
          "events=1 header='x-echo: \(House.upstreamKey)' header='set-cookie: a=b' header='etag: \(House.upstreamKey)'")
      )
      #expect(!echo.head.contains(House.upstreamKey))
      #expect(echo.header("x-echo") == nil && echo.header("set-cookie") == nil && echo.header("server") == nil)
    }
    let error = "{\"error\":{\"message\":\"bad key \(House.upstreamKey) given\",\"code\":null}}"
    let event = "data: \(error)\n\n"
    let stream = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n"
    for answer in [
      "HTTP/1.1 403 Forbidden\r\ncontent-type: application/json\r\ncontent-length: \(error.utf8.count)\r\n\r\n\(error)",
      "HTTP/1.1 401 No\r\ncontent-type: application/json\r\ncontent-length: \(error.utf8.count)\r\n\r\n\(error)",
      stream + event, stream + "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"x\"}}]}\n\n" + event,
    ] {
      let raw = try RawUpstream(answer, ending: .close)
      try await House.story(configuration: { _ in
        "anonymous: true\n" + House.upstreams([raw.port]) + House.models(1)
      }) { house async throws in
        let client = try house.client()
        try client.post("/v1/chat/completions", chat())
        let response = try client.readResponse()
        #expect(!response.text.contains(House.upstreamKey), "\(response.text)")
        #expect(response.text.contains("error"))
      }
    }
  }

  @Test("no key and no word of a prompt stands in the log")
  func log() async throws {
    try await House.story(configuration: guarded) { house async throws in
      let headers = "Authorization: Bearer \(Self.key)\r\n"
      _ = try house.ask(chat("events=1", model: "open"), headers: headers)
      _ = try house.ask(chat("fault=status:401", model: "open"), headers: headers)
      _ = try house.get("/v1/models?api_key=\(Self.key)", headers: headers)
      _ = try house.get("/nothing\u{22}here?x=\(Self.key)")
      _ = try await house.log(count: 4)
      let text = try house.logText()
      #expect(!text.contains(Self.key) && !text.contains(House.upstreamKey) && !text.contains("\"hi\""))
      #expect(text.contains("\"consumer\":\"limited\""))
    }
  }

  @Test(
    "a model's name cannot write a header field, up or down",
    arguments: [
      "gpt-\\r\\nx-evil: 1", "gpt-\\u000d\\u000ax-evil: 1", "gpt-\\n\\nHTTP/1.1 200 OK", "gpt-\\u0000", "gpt-\\\"q",
      "a/up\\r\\nx-evil: 1", "gpt-é", "gpt-\\u2028",
    ])
  func headerInjection(model: String) async throws {
    try await House.story(configuration: guarded) { house async throws in
      let response = try house.ask(chat("events=1", model: model), headers: "api-key: sk-free-0123456789\r\n")
      #expect(response.status == 200)
      #expect(response.header("x-evil") == nil)
      #expect(response.text.hasSuffix("data: [DONE]\n\n"))
      let request = try #require(house.upstream.seen.requests.first)
      #expect(request.header("x-evil") == nil)
      #expect(house.upstream.seen.requestsMalformed == 0)
      let unknown = try house.ask(chat(model: "no-\(model)"), headers: "api-key: sk-free-0123456789\r\n")
      #expect(unknown.status == 404)
      #expect(unknown.header("x-evil") == nil)
      #expect(try errorCode(unknown) == "model_not_found")
      #expect(try await house.log(count: 2).count == 2)
    }
  }

  @Test("the client's address is told by trusted hops only")
  func clientAddress() async throws {
    try await House.story { house async throws in
      _ = try house.ask(chat("events=1"), headers: "X-Forwarded-For: 9.9.9.9\r\n")
      #expect(try await house.log(count: 1)[0]["client"] as? String == "127.0.0.1")
      var settings = house.gateway.settings
      settings.server.trustedProxies = [try #require(CIDR("127.0.0.0/8"))]
      try await house.gateway.reload(settings)
      _ = try house.ask(chat("events=1"), headers: "X-Forwarded-For: 8.8.8.8, 9.9.9.9\r\n")
      #expect(try await house.log(count: 2)[1]["client"] as? String == "9.9.9.9")
      #expect(house.upstream.seen.requests.allSatisfy { $0.header("x-forwarded-for") == nil })
    }
  }
}
