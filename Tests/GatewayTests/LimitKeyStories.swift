import Foundation
import Gateway
import ScriptedUpstream
import TestKit
import Testing

extension LimitedGateway {
  /// By what requests are told apart.
  @Suite("A limit has an amount for each")
  struct LimitKeyStories {
    private static let quick = "events=1 \(LimitHouse.steady)"

    /// How often requests with such headers are served, of five.
    private func served(_ house: House, _ headers: String, path: String = "/v1/chat/completions") throws -> Int {
      try (0..<5).map { _ in try house.ask(chat(Self.quick), path: path, headers: headers).status }.count { $0 == 200 }
    }

    private static let two =
      "consumers:\n  one: { keys: [\"${ONE}\"] }\n  two: { keys: [\"${TWO}\", \"${FREE}\"] }\n"

    private static func bearer(_ key: String) -> String {
      "authorization: Bearer \(House.clientKeys[key] ?? "")\r\n"
    }

    @Test("consumer, whichever of its keys is used")
    func consumer() async throws {
      try await LimitHouse.story("  l: { each: consumer, requests: 3, per: day }\n", consumers: Self.two) {
        house async throws in
        #expect(try served(house, Self.bearer("ONE")) == 3)
        #expect(try served(house, Self.bearer("TWO")) == 3)
        #expect(try served(house, Self.bearer("FREE")) == 0)
      }
    }

    @Test("key, also of one consumer, and the key is nowhere to be seen")
    func key() async throws {
      try await LimitHouse.story("  l: { each: key, requests: 3, per: day }\n", consumers: Self.two) {
        house async throws in
        for key in ["ONE", "TWO", "FREE"] { #expect(try served(house, Self.bearer(key)) == 3) }
        let refused = try house.ask(chat(Self.quick), headers: Self.bearer("ONE"))
        #expect(refused.text.contains("for this key") && !refused.text.contains("sk-one"))
        let log = try house.logText()
        #expect(!log.contains("sk-one"))
      }
    }

    @Test("one key that a match names, however it is presented")
    func matchedKey() async throws {
      try await LimitHouse.story(
        "  l: { match: { key: \"${FREE}\" }, requests: 2, per: day }\n", consumers: Self.two
      ) { house async throws in
        #expect(try served(house, "x-api-key: \(House.clientKeys["FREE"] ?? "")\r\n") == 2)
        #expect(try served(house, Self.bearer("FREE")) == 0)
        #expect(try served(house, Self.bearer("TWO")) == 5)
      }
    }

    @Test("value of a header, whose name's letter case does not count; who lacks it shares one with all who do")
    func header() async throws {
      try await LimitHouse.story("  l: { each: \"header:X-Team\", requests: 3, per: day }\n") { house async throws in
        #expect(try served(house, "x-team: a\r\n") == 3)
        #expect(try served(house, "X-TEAM: b\r\n") == 3)
        #expect(try served(house, "X-Team: a\r\n") == 0)
        #expect(try served(house, "") == 3)
        #expect(try served(house, "x-other: c\r\n") == 0)
        // Several lines are one value.
        #expect(try served(house, "x-team: a\r\nx-team: b\r\n") == 3)
        #expect(try served(house, "x-team: a, b\r\n") == 0)
      }
    }

    @Test("value of a query parameter, its escapes resolved; the first of several counts")
    func query() async throws {
      try await LimitHouse.story("  l: { each: \"query:user-id\", requests: 2, per: day }\n") { house async throws in
        let path = "/v1/chat/completions"
        #expect(try served(house, "", path: "\(path)?user%2Did=a%2Fb&x=1") == 2)
        #expect(try served(house, "", path: "\(path)?x=1&user-id=a/b") == 0)
        #expect(try served(house, "", path: "\(path)?user-id=c&user-id=a%2Fb") == 2)
        #expect(try served(house, "", path: "\(path)?user-id") == 2)
        #expect(try served(house, "", path: path) == 2)
      }
    }

    @Test("value of a cookie")
    func cookie() async throws {
      try await LimitHouse.story("  l: { each: \"cookie:sid\", requests: 2, per: day }\n") { house async throws in
        #expect(try served(house, "cookie: a=1; sid=x; b=2\r\n") == 2)
        #expect(try served(house, "Cookie: sid=x\r\n") == 0)
        #expect(try served(house, "cookie: sid=y\r\n") == 2)
        #expect(try served(house, "cookie: xsid=y\r\n") == 2)
        #expect(try served(house, "") == 0)
      }
    }

    @Test("client, believing X-Forwarded-For from trusted proxies alone")
    func client() async throws {
      let limits = "  l: { each: client, requests: 2, per: day }\n"
      try await LimitHouse.story(limits, server: "trustedProxies: [127.0.0.0/8]") { house async throws in
        #expect(try served(house, "x-forwarded-for: 203.0.113.7\r\n") == 2)
        #expect(try served(house, "x-forwarded-for: 203.0.113.8\r\n") == 2)
        #expect(try served(house, "x-forwarded-for: 9.9.9.9, 203.0.113.8\r\n") == 0)
        #expect(try served(house, "x-forwarded-for: 203.0.113.7, 127.0.0.1\r\n") == 0)
      }
      try await LimitHouse.story(limits) { house async throws in
        #expect(try served(house, "x-forwarded-for: 203.0.113.7\r\n") == 2)
        #expect(try served(house, "x-forwarded-for: 203.0.113.8\r\n") == 0)
      }
    }

    @Test("route, as the path that was asked")
    func route() async throws {
      try await LimitHouse.story(
        "  l: { each: route, requests: 2, per: day }\n  e: { match: { route: /v1/embeddings }, requests: 1, per: day }\n",
        models: LimitHouse.models + "routes: [{ pathPrefix: /v1/files, upstream: a }]\n"
      ) { house async throws in
        #expect(try served(house, "") == 2)
        #expect(try served(house, "", path: "/v1/completions") == 2)
        #expect(try house.ask("{\"model\":\"m\",\"input\":\"x\"}", path: "/v1/embeddings").status == 200)
        let refused = try house.ask("{\"model\":\"m\",\"input\":\"x\"}", path: "/v1/embeddings")
        #expect(refused.status == 429 && refused.text.contains("'e'"))
        // All below a configured route share its name.
        let statuses = try ["a", "b", "c"].map { try house.get("/v1/files/\($0)").status }
        #expect(statuses == [200, 200, 429])
      }
    }

    @Test("combination of several")
    func combination() async throws {
      try await LimitHouse.story(
        "  l: { each: [consumer, \"header:x-team\"], requests: 1, per: day }\n", consumers: Self.two
      ) { house async throws in
        for key in ["ONE", "TWO"] {
          for team in ["a", "b", "a:b", "a%3Ab"] {
            #expect(try served(house, Self.bearer(key) + "x-team: \(team)\r\n") == 1, "\(key) \(team)")
          }
        }
        let refused = try house.ask(chat(Self.quick), headers: Self.bearer("ONE") + "x-team: a\r\n")
        #expect(refused.text.contains("for this consumer and header x-team is used up"), "\(refused.text)")
      }
    }

    @Test("value that a rule matches: the exact one before the longer beginning, before an expression, before any")
    func rules() async throws {
      let limits = """
          l:
            each: "header:x-team"
            requests: 1
            per: day
            rules:
              - { match: { header: { x-team: "*" } }, requests: 2 }
              - { match: { header: { x-team: "/t[0-9]+/" } }, requests: 3 }
              - { match: { header: { x-team: "t*" } }, requests: 4 }
              - { match: { header: { x-team: "t1*" } }, requests: 0005 }
              - { match: { header: { x-team: t12 } }, requests: 1 }

        """
      try await LimitHouse.story(limits.replacingOccurrences(of: "0005", with: "5")) { house async throws in
        #expect(try served(house, "x-team: other\r\n") == 2)
        #expect(try served(house, "x-team: t2\r\n") == 4)
        #expect(try served(house, "x-team: t1x\r\n") == 5)
        #expect(try served(house, "x-team: t12\r\n") == 1)
        #expect(try served(house, "") == 1)
      }
      let expressions = """
          l:
            each: "header:x-team"
            requests: 1
            per: day
            rules: [{ match: { header: { x-team: "/t[0-9]+/" } }, requests: 3 }]

        """
      try await LimitHouse.story(expressions) { house async throws in
        #expect(try served(house, "x-team: t77\r\n") == 3)
        #expect(try served(house, "x-team: t77x\r\n") == 1)
      }
    }

    @Test("only of what its match is for; all else passes")
    func match() async throws {
      try await LimitHouse.story(
        "  l: { match: { header: { x-team: [a, \"b*\"] }, model: m }, each: global, requests: 2, per: day }\n"
      ) { house async throws in
        #expect(try served(house, "") == 5)
        #expect(try served(house, "x-team: c\r\n") == 5)
        #expect(try served(house, "x-team: bb\r\n") == 2)
        #expect(try served(house, "x-team: a\r\n") == 0)
        let free = try house.ask(chat(Self.quick))
        #expect(!free.head.lowercased().contains("x-ratelimit"))
      }
    }

    // MARK: Strangers' values

    @Test("value of whatever form, in bounded memory")
    func hostile() async throws {
      try await LimitHouse.story(
        "  l: { each: [\"header:x-team\", \"query:q\", \"cookie:c\"], requests: 2, per: day }\n",
        server: "headBytesMax: 262144"
      ) { house async throws in
        let long = String(repeating: "v", count: 100_000)
        #expect(try served(house, "x-team: \(long)\r\n") == 2)
        // What differs only far behind is the same: no more than so much is looked at.
        #expect(try served(house, "x-team: \(long)x\r\n") == 0)
        #expect(try served(house, "x-team: w\(long)\r\n") == 2)
        let path = "/v1/chat/completions"
        #expect(try served(house, "", path: "\(path)?q=%00%0A%7B%7D%FF") == 2)
        #expect(try served(house, "", path: "\(path)?q=\(String(repeating: "%41", count: 2000))") == 2)
        #expect(try served(house, "", path: "\(path)?q=\(String(repeating: "A", count: 2001))") == 0)
        #expect(try served(house, "", path: "\(path)?" + String(repeating: "&", count: 5000) + "q=5") == 2)
        #expect(try served(house, "cookie: " + String(repeating: ";", count: 5000) + "c=1\r\n") == 2)
        #expect(try served(house, "x-team: {a}:*\t%\u{E9}\r\n") == 2)
        for number in 0..<300 {
          #expect(try house.ask(chat(Self.quick), headers: "x-team: \(number)\r\n").status == 200)
        }
        let subjects = await house.gateway.limitReport().subjects
        #expect(subjects >= 300 && subjects < 320)
      }
    }
  }
}
