import Foundation
import Gateway
import ScriptedUpstream
import TestKit
import Testing

extension LimitedGateway {
  /// What is charged where no answer is read token by token: other endpoints, and answers that were abandoned.
  @Suite("What a limit charges for what nobody counts")
  struct LimitChargeStories {
    private static let hundred = "  tokens: { tokens: 100, per: day, calendar: true }\n"
    private static let routes = "routes:\n  - { path: /v1/batches, upstream: a }\n"

    /// Endpoints whose answers tell nothing, each with a body.
    static let silent: [(path: String, body: String)] = [
      ("/v1/images/generations", #"{"model":"m","prompt":"a house at the sea","n":1}"#),
      ("/v1/Images/generations/", #"{"model":"m","prompt":"a house at the sea"}"#),
      ("/v1/audio/speech", #"{"model":"m","voice":"alloy","input":"We met a house at the sea."}"#),
      ("/v1/rerank", #"{"model":"m","query":"house at the sea","documents":["a house","a sea","a house at the sea"]}"#),
      ("/v1/moderations", #"{"model":"m","input":"We met a house at the sea, and nobody was there to see it all."}"#),
      ("/v1/batches", #"{"input_file_id":"file-abc123","endpoint":"/v1/chat/completions","completion_window":"24h"}"#),
    ]

    @Test("is what the endpoint takes by rule, until the limit is used up on every endpoint", arguments: silent)
    func byRule(path: String, body: String) async throws {
      try await LimitHouse.story(Self.hundred + Self.routes) { house async throws in
        var statuses: [Int] = []
        for _ in 0..<12 { statuses.append(try house.ask(body, path: path).status) }
        #expect(statuses.first == 200 && statuses.last == 429, "\(statuses)")
        // Reading and asking for a count cost nothing.
        #expect(try house.ask(chat("events=1"), path: "/v1/messages/count_tokens").status == 200)
        let lines = try await house.requests(count: 13)
        let passed = lines.filter { $0["status"] as? Int == 200 && $0["path"] as? String == path }
        #expect(!passed.isEmpty && passed.allSatisfy { ($0["total_tokens"] as? Int ?? 0) > 0 }, "\(passed)")
      }
    }

    @Test("is what the model's `tokens.request` says", arguments: Array(silent.prefix(5)))
    func configured(path: String, body: String) async throws {
      let models = "models:\n  m: { serve: a, tokens: { request: 30 } }\n"
      let limits = LimitHouse.probe + "  tokens: { tokens: 100000, per: day, calendar: true }\n"
      try await LimitHouse.story(limits, models: models) { house async throws in
        let before = try house.left()
        for _ in 0..<3 { #expect(try house.ask(body, path: path).status == 200) }
        #expect(before - (try house.left()) == 90)
      }
    }

    @Test(
      "is the usage that any JSON answer tells",
      arguments: [
        ("/v1/rerank", #""results":[{"index":0,"relevance_score":0.9}],"usage":{"total_tokens":70}"#),
        (
          "/v1/rerank",
          #""results":[],"meta":{"api_version":{"version":"2"},"billed_units":{"input_tokens":64.0,"output_tokens":6}}"#
        ),
        (
          "/v1/images/generations",
          #""data":[{"b64_json":"AA"}],"usage":{"total_tokens":70,"input_tokens":20,"output_tokens":50}"#
        ),
        ("/v1/moderations", #""results":[],"usage":{"prompt_tokens":70,"total_tokens":70}"#),
        (
          "/v1/audio/transcriptions",
          #""text":"hi","usage":{"type":"tokens","input_tokens":60,"output_tokens":10,"total_tokens":70}"#
        ),
        ("/v1/audio/transcriptions", #""text":"hi","usage":{"type":"duration","seconds":7}"#),
        ("/v1/audio/transcriptions", #""task":"transcribe","duration":6.4,"text":"hi""#),
      ])
    func told(path: String, members: String) async throws {
      let body = "{\(members)}"
      let raw = try RawUpstream(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: \(body.utf8.count)\r\nConnection: close\r\n\r\n\(body)",
        ending: .close)
      try await House.story(
        shelf: try LimitHouse.shelf(),
        configuration: { _ in
          LimitHouse.configuration(
            [raw.port], LimitHouse.probe + "  tokens: { tokens: 100000, per: day, calendar: true }\n")
        }
      ) { house in
        let isForm = path.hasPrefix("/v1/audio")
        let form = "--x\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nm\r\n--x--\r\n"
        let request = isForm ? form : #"{"model":"m","query":"q","input":"i","prompt":"p"}"#
        let type = isForm ? "multipart/form-data; boundary=x" : "application/json"
        let client = try house.client()
        try client.send(
          "POST \(path) HTTP/1.1\r\nHost: test\r\nContent-Type: \(type)\r\nContent-Length: \(request.utf8.count)\r\n\r\n\(request)"
        )
        #expect(try client.readResponse().status == 200)
        let line = try #require(try await house.log(count: 1).first)
        #expect(line["total_tokens"] as? Int == 70, "\(line)")
        #expect(try house.left(path: "/v1/moderations") < 100_000 - 70 + 10)
      }
    }

    @Test("in money is the price of a request and of a picture", arguments: [("request: 0.4", 5), ("image: 0.2", 5)])
    func prices(price: String, passes: Int) async throws {
      let models = "models:\n  m: { serve: a, price: { \(price) } }\n"
      try await LimitHouse.story("  purse: { budget: 2, per: month }\n", models: models) { house async throws in
        var statuses: [Int] = []
        for _ in 0..<7 {
          statuses.append(
            try house.ask(#"{"model":"m","prompt":"a house","n":2}"#, path: "/v1/images/generations").status)
        }
        #expect(statuses == Array(repeating: 200, count: passes) + Array(repeating: 429, count: 7 - passes))
      }
    }

    // MARK: Abandoned

    private static let quota = LimitHouse.probe + "  tokens: { tokens: 100000, per: day, calendar: true }\n"

    @Test(
      "for an answer whose client left before any of it is what such answers have, up to the caller's bound",
      arguments: [(false, "", 400...600), (false, ",\"max_tokens\":120", 120...120), (true, "", 400...600)])
    func clientLeft(stream: Bool, extra: String, expected: ClosedRange<Int>) async throws {
      try await LimitHouse.story(Self.quota, options: "provider: openai-compatible") { house async throws in
        let before = try house.left()
        let client = try house.client()
        try client.post(
          "/v1/chat/completions",
          chat("events=3000 hidden=900 firstDelay=60s headDelay=\(stream ? "0s" : "60s")", stream: stream, extra: extra)
        )
        #expect(waitUntil { house.upstream.seen.requestsTotal == 2 })
        client.close()
        let line = try #require(try await house.requests(count: 2).last)
        #expect(line["outcome"] as? String == "client_left")
        let completion = try #require(line["completion_tokens"] as? Int)
        #expect(expected.contains(completion), "\(line)")
        let charged = before - (try house.left())
        #expect(charged == line["total_tokens"] as? Int)
      }
    }

    @Test("keeps a client that always leaves from more than one answer beyond its quota")
    func alwaysLeaves() async throws {
      try await LimitHouse.story("  tokens: { tokens: 100, per: day, calendar: true }\n") { house async throws in
        let client = try house.client()
        try client.post("/v1/chat/completions", chat("events=1000 headDelay=60s", stream: false))
        #expect(waitUntil { house.upstream.seen.requestsTotal == 1 })
        client.close()
        _ = try await house.requests(count: 1)
        #expect(try house.ask(chat("events=1")).status == 429)
      }
    }

    @Test("for an answer in one piece that the total time-out ends is what it may have cost")
    func totalTimeout() async throws {
      try await LimitHouse.story(Self.quota, options: "timeouts: { firstToken: 100ms, total: 150ms }") {
        house async throws in
        let before = try house.left()
        #expect(try house.ask(chat("events=3000 headDelay=60s", stream: false)).status == 504)
        let line = try #require(try await house.requests(count: 2).last)
        #expect((400...500).contains(line["completion_tokens"] as? Int ?? 0), "\(line)")
        #expect(before - (try house.left()) == line["total_tokens"] as? Int)
      }
    }

    @Test("of an attempt that had begun and was given up for another is charged beside the answer")
    func replaced() async throws {
      try await LimitHouse.story(
        upstreams: 2, Self.quota, models: LimitHouse.twoCandidates,
        options: "provider: groq, timeouts: { firstToken: 200ms }"
      ) { house async throws in
        _ = try house.left()
        house.upstreams[0].defaultScript = try Script(parsing: "events=5 firstDelay=60s")
        house.upstreams[1].defaultScript = try Script(parsing: "events=40 prompt=60")
        let before = try house.left()
        let answer = try house.ask(chat())
        #expect(answer.status == 200 && answer.header("x-sluice-upstream") == "b")
        let line = try #require(try await house.requests(count: 2).last)
        let abandoned = try #require(line["abandoned_tokens"] as? Int, "\(line)")
        #expect(abandoned >= 400)
        #expect(before - (try house.left()) == 100 + abandoned)
      }
    }

    // MARK: The bound that goes upstream

    @Test(
      "bounds an answer only where less is left than the model can produce",
      arguments: [
        ("deepseek-chat", 228_310_497, Int?.none), ("deepseek-chat", 9_000, nil), ("deepseek-chat", 8_000, 8_000),
        ("some-model", 4_000, 4_000), ("some-model", 5_000, nil), ("openai/gpt-4o", 16_000, 16_000),
        ("openai/gpt-4o", 17_000, nil),
      ])
    func bound(model: String, amount: Int, expected: Int?) async throws {
      let models = "models:\n  m: { serve: { upstream: a, model: \(model) } }\n".replacing(
        "{ upstream", with: "[{ upstream"
      )
      .replacing(" } }\n", with: " }] }\n")
      let limits = "  daily: { outputTokens: \(amount), per: day, calendar: true }\n"
      try await LimitHouse.story(limits, models: models) { house async throws in
        #expect(try house.ask(chat("events=1")).status == 200)
        let body = try #require(house.upstream.seen.requests.first)
        let object = try JSONSerialization.jsonObject(with: Data(body.body)) as? [String: Any]
        #expect(object?["max_tokens"] as? Int == expected, "\(body.bodyText)")
      }
    }

    @Test(
      "is none of a budget that can pay all that the model can produce", arguments: [("1000", false), ("0.001", true)])
    func budgetBound(budget: String, isBounded: Bool) async throws {
      let models = "models:\n  m: { serve: a, price: { input: 0.1, output: 0.4 } }\n"
      let limits = "  purse: { budget: \(budget), per: month, calendar: true }\n"
      try await LimitHouse.story(limits, models: models) { house async throws in
        #expect(try house.ask(chat("events=1")).status == 200)
        let body = try #require(house.upstream.seen.requests.first)
        let object = try JSONSerialization.jsonObject(with: Data(body.body)) as? [String: Any]
        let bound = object?["max_tokens"] as? Int
        // A thousandth pays 2,500 tokens of output, less the prompt.
        #expect(isBounded ? (2400...2500).contains(bound ?? 0) : bound == nil, "\(body.bodyText)")
      }
    }

    @Test("knows a model's `maxOutput`")
    func maxOutput() async throws {
      let models = "models:\n  m: { serve: a, maxOutput: 300 }\n"
      try await LimitHouse.story(
        "  daily: { outputTokens: 299, per: day, calendar: true }\n", models: models
      ) { house async throws in
        #expect(try house.ask(chat("events=1")).status == 200)
        #expect(house.upstream.seen.requests.first?.bodyText.contains("\"max_tokens\":299") == true)
      }
      try await LimitHouse.story(
        "  daily: { outputTokens: 301, per: day, calendar: true }\n", models: models
      ) { house async throws in
        #expect(try house.ask(chat("events=1")).status == 200)
        #expect(house.upstream.seen.requests.first?.bodyText.contains("max_tokens") == false)
      }
    }

    @Test(
      "bounds under the name that the model takes, and takes a null for none",
      arguments: [
        ("gpt-5-mini", ",\"max_tokens\":null", "max_completion_tokens"),
        ("openai/o3-mini", "", "max_completion_tokens"),
        ("gpt-5", ",\"max_completion_tokens\":null", "max_completion_tokens"),
        ("gpt-4o", ",\"max_tokens\":null,\"max_completion_tokens\":null", "max_tokens"),
        ("qwen-max", ",\"max_completion_tokens\":null", "max_tokens"),
        ("qwen-max", ",\"max_tokens\" : null", "max_tokens"),
      ])
    func names(model: String, extra: String, name: String) async throws {
      let models = "models:\n  m: { serve: [{ upstream: a, model: \(model) }] }\n"
      try await LimitHouse.story(
        "  daily: { outputTokens: 200, per: day, calendar: true }\n", models: models,
        options: "provider: openai-compatible"
      ) { house async throws in
        #expect(try house.ask(chat("events=1", extra: extra)).status == 200)
        let body = try #require(house.upstream.seen.requests.first)
        let object = try JSONSerialization.jsonObject(with: Data(body.body)) as? [String: Any]
        #expect(object?[name] as? Int == 200, "\(body.bodyText)")
        let other = name == "max_tokens" ? "max_completion_tokens" : "max_tokens"
        #expect(object?[other] as? Int == nil)
        for name in ["\"max_tokens\"", "\"max_completion_tokens\""] {
          #expect(body.bodyText.components(separatedBy: name).count <= 2, "\(body.bodyText)")
        }
      }
    }
  }
}
