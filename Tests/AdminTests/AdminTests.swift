import Admin
import Foundation
import Gateway
import GatewayConfiguration
import Reactor
import ScriptedUpstream
import Synchronization
import TestKit
import Testing

@Suite("The operators' port")
struct AdminTests {
  private final class Count: Sendable {
    let value = Atomic<Int>(0)
  }

  /// A gateway with its admin port; its upstream is there when `more` of the configuration makes traffic worth while.
  private func story(
    _ more: String = "", reactors: Int = 1,
    _ body: (_ admin: UInt16, _ data: UInt16, _ reloads: () -> Int) async throws -> Void
  ) async throws {
    let upstream = try ScriptedUpstreamServer()
    defer { upstream.stop() }
    let settings = try GatewaySettings.parse(
      "server: { listen: 127.0.0.1:0 }\nanonymous: true\n"
        + "upstreams: { a: { provider: vllm, baseURL: http://127.0.0.1:\(upstream.port)/v1 } }\n"
        + "models: { m: { serve: a } }\n" + more,
      fileName: "test.yaml", variables: { _ in nil }, hashKey: { KeyHash.sha256(Array($0.utf8)) })
    let directory = try TemporaryDirectory()
    let sink = try LogSink(file: directory.file("access.log"))
    let group = ReactorGroup.started(count: reactors)
    let gateway = try await Gateway.start(settings, on: group, sink: sink)
    let count = Count()
    let admin = try await AdminServer.start(ListenAddress(host: "127.0.0.1", port: 0), gateway: gateway) {
      let number = count.value.add(1, ordering: .relaxed).newValue
      return (number == 1, number == 1 ? "taken" : "line 3: \"bad\"\nmend it")
    }
    let port = try #require(admin.address.split(separator: ":").last.flatMap { UInt16($0) })
    do {
      try await body(port, try #require(gateway.addresses.first?.port)) { count.value.load(ordering: .relaxed) }
    } catch {
      Issue.record(error)
    }
    await admin.shutDown()
    _ = await gateway.drain(within: .zero)
    await gateway.shutDown()
    group.shutDown()
    sink.close()
  }

  private func ask(
    _ port: UInt16, _ line: String, host: String = "localhost", headers: String = ""
  ) throws -> RawResponse {
    let client = try RawClient(port: port)
    try client.send("\(line) HTTP/1.1\r\nHost: \(host)\r\n\(headers)\r\n")
    return try client.readResponse(hasBody: !line.hasPrefix("HEAD"))
  }

  private func object(_ response: RawResponse) throws -> [String: Any] {
    try #require(try JSONSerialization.jsonObject(with: Data(response.body)) as? [String: Any])
  }

  @Test("tells health and state as JSON, to nobody's cache")
  func status() async throws {
    try await story { admin, _, _ async throws in
      #expect(try ask(admin, "GET /livez").text == "{\"status\":\"ok\"}")
      #expect(try ask(admin, "HEAD /readyz").status == 200)
      let response = try ask(admin, "GET /status")
      #expect(response.status == 200 && response.header("cache-control") == "no-store")
      let status = try object(response)
      #expect(status["ready"] as? Bool == true && status["generation"] as? Int == 1)
      let upstream = try #require((status["upstreams"] as? [String: Any])?["a"] as? [String: Any])
      #expect(upstream["leased"] as? Int == 0 && (upstream["endpoints"] as? [Any])?.count == 1)
    }
  }

  @Test("reloads when asked with its header only, and says what came of it")
  func reload() async throws {
    try await story { admin, _, reloads async throws in
      #expect(try ask(admin, "POST /reload").status == 403)
      #expect(try ask(admin, "GET /reload", headers: "x-sluice-admin: 1\r\n").status == 404)
      #expect(reloads() == 0)
      let taken = try ask(admin, "POST /reload", headers: "X-Sluice-Admin: 1\r\n")
      #expect(taken.status == 200 && reloads() == 1)
      let refused = try ask(admin, "POST /reload", headers: "X-Sluice-Admin: 1\r\n")
      #expect(refused.status == 422)
      #expect(try object(refused)["message"] as? String == "line 3: \"bad\"\nmend it")
    }
  }

  @Test(
    "answers for its own addresses and configured names only, so that no page can read it by a name that leads there")
  func hosts() async throws {
    try await story("admin: { hosts: [admin.internal] }\n") { admin, _, reloads async throws in
      for host in [
        "localhost", "LOCALHOST:8001", "localhost.", "127.0.0.1", "127.9.9.9:1", "[::1]", "[::1]:8001",
        "admin.internal:80",
      ] {
        #expect(try ask(admin, "GET /status", host: host).status == 200, "\(host)")
      }
      for host in ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example:8001", "203.0.113.9", "0"] {
        for line in ["GET /status", "GET /metrics", "GET http://\(host)/status"] {
          let refused = try ask(admin, line, host: host)
          #expect(refused.status == 421, "\(line) \(host)")
        }
        #expect(try ask(admin, "POST /reload", host: host, headers: "x-sluice-admin: 1\r\n").status == 421)
        #expect(try ask(admin, "GET /livez", host: host).status == 200, "probes ask by any name")
      }
      let refused = try object(try ask(admin, "GET /status", host: "evil.example"))
      #expect((refused["error"] as? String)?.contains("admin.hosts") == true)
      #expect(try ask(admin, "GET http://evil.example/status", host: "localhost").status == 400)
      #expect(reloads() == 0)
    }
  }

  @Test("takes nothing from pages of another origin")
  func origins() async throws {
    try await story { admin, _, reloads async throws in
      let header = "x-sluice-admin: 1\r\n"
      for origin in ["https://evil.example", "null", "http://localhost:3000", "localhost:8001", ""] {
        let refused = try ask(admin, "POST /reload", host: "localhost:8001", headers: "\(header)Origin: \(origin)\r\n")
        #expect(refused.status == 403, "\(origin)")
        #expect(try ask(admin, "GET /status", host: "localhost:8001", headers: "Origin: \(origin)\r\n").status == 403)
      }
      #expect(try ask(admin, "POST /reload", headers: "\(header)Sec-Fetch-Site: cross-site\r\n").status == 403)
      #expect(reloads() == 0)
      let own = "Origin: http://localhost:8001\r\nSec-Fetch-Site: same-origin\r\n"
      #expect(try ask(admin, "POST /reload", host: "localhost:8001", headers: header + own).status == 200)
    }
  }

  @Test("answers nothing of its own on the data port, and nothing of that on its own")
  func separation() async throws {
    try await story { admin, data, reloads async throws in
      #expect(try ask(data, "GET /status").status == 404)
      #expect(try ask(data, "POST /reload", headers: "x-sluice-admin: 1\r\n").status == 404)
      #expect(try ask(admin, "GET /v1/models").status == 404)
      #expect(reloads() == 0)
    }
  }

  @Test("refuses what is not HTTP in JSON")
  func malformed() async throws {
    try await story { admin, _, _ async throws in
      let client = try RawClient(port: admin)
      try client.send("nonsense\r\n\r\n")
      let response = try client.readResponse()
      #expect(response.status == 400)
      #expect(try object(response)["error"] is String)
    }
  }

  // MARK: Limits

  private func chat(_ data: UInt16, stream: Bool = false) throws -> RawResponse {
    let client = try RawClient(port: data)
    try client.post(
      "/v1/chat/completions",
      #"{"model":"m","stream":\#(stream),"messages":[],"metadata":{"script":"events=200 text=big:40"}}"#)
    return try client.readResponse()
  }

  private func metrics(_ admin: UInt16) throws -> [String: String] {
    let lines = try ask(admin, "GET /metrics").text.split(separator: "\n").filter { !$0.hasPrefix("#") }
    return Dictionary(
      lines.map { line in
        let end = line.lastIndex(of: " ") ?? line.startIndex
        return (String(line[..<end]), String(line[line.index(after: end)...]))
      }, uniquingKeysWith: { first, _ in first })
  }

  @Test("shows no limits where none are")
  func noLimits() async throws {
    try await story { admin, _, _ async throws in
      let status = try object(ask(admin, "GET /status"))
      #expect((status["limits"] as? [String: Any])?.isEmpty == true && status["limit_store"] == nil)
      #expect(try metrics(admin).keys.allSatisfy { !$0.hasPrefix("sluice_limit") })
    }
  }

  @Test("shows what each limit refused and cut over all reactors, and how its store is", arguments: [1, 3])
  func limits(reactors: Int) async throws {
    let limits =
      "limits:\n  few: { requests: 2, per: hour }\n  sh.ort: { outputTokens: 300, per: day, calendar: true }\n"
      + "  side: { concurrency: 5 }\n"
    try await story(limits, reactors: reactors) { admin, data, _ async throws in
      #expect(try chat(data, stream: true).text.contains(#""finish_reason":"length""#))
      let answers = try (0..<4).map { _ in try chat(data).status }
      #expect(answers.contains(429))
      let seen = try metrics(admin)
      let status = try object(ask(admin, "GET /status"))
      let limits = try #require(status["limits"] as? [String: [String: Any]])
      #expect(Set(limits.keys) == ["few", "sh.ort", "side"])
      #expect(limits.values.allSatisfy { $0["state"] as? String == "present" })
      #expect(limits.values.reduce(0) { $0 + ($1["denied"] as? Int ?? 0) } == answers.filter { $0 == 429 }.count)
      #expect(limits["sh.ort"]?["cut"] as? Int == 1 && limits["few"]?["cut"] as? Int == 0)
      let store = try #require(status["limit_store"] as? [String: Any])
      #expect(store["kind"] as? String == "embedded" && store["condition"] as? String == "present")
      #expect((store["asks"] as? Int ?? 0) > 0 && (store["subjects"] as? Int ?? 0) >= 2)
      #expect(store["slots"] as? Int == 0 && store["waiting"] as? Int == 0)
      #expect((store["servers"] as? [Any])?.isEmpty == true)

      #expect(seen[#"sluice_limit_state{limit="sh.ort",state="present"}"#] == "1")
      for state in ["local", "open", "closed"] {
        #expect(seen[#"sluice_limit_state{limit="few",state="\#(state)"}"#] == "0")
      }
      #expect(seen[#"sluice_limit_cut_total{limit="sh.ort"}"#] == "1")
      let denied = seen.filter { $0.key.hasPrefix("sluice_limit_denied_total") }.values.compactMap { Int($0) }
      #expect(denied.reduce(0, +) == answers.filter { $0 == 429 }.count)
      #expect(seen[#"sluice_limit_store_up{kind="embedded"}"#] == "1")
      #expect(Int(seen[#"sluice_limit_store_asks_total{kind="embedded"}"#] ?? "") ?? 0 > 0)
      #expect(seen["sluice_limit_slots"] == "0" && seen["sluice_limit_waiting"] == "0")
      #expect(Int(seen["sluice_limit_subjects"] ?? "") ?? 0 >= 2)
    }
  }

  @Test("shows that the limits' store is away, since when each limit does what its settings say")
  func storeAway() async throws {
    let more =
      "redis: { url: \"redis://:secret@127.0.0.1:\(try freePort())\" }\nlimits:\n"
      + "  shut: { requests: 1000, per: hour, whenStoreIsAway: closed }\n"
      + "  mine: { requests: 1000, per: hour, whenStoreIsAway: local }\n"
      + "  wide: { tokens: 100000, per: hour, whenStoreIsAway: open }\n"
    try await story(more) { admin, data, _ async throws in
      var refused = 0
      let isAway = try waitUntil {
        if try chat(data).status == 429 { refused += 1 }
        return try metrics(admin)[#"sluice_limit_store_up{kind="redis"}"#] == "0"
      }
      #expect(isAway)
      if try chat(data).status == 429 { refused += 1 }
      let seen = try metrics(admin)
      for (limit, state) in [("mine", "local"), ("wide", "open"), ("shut", "closed")] {
        for other in ["present", "local", "open", "closed"] {
          #expect(seen[#"sluice_limit_state{limit="\#(limit)",state="\#(other)"}"#] == (other == state ? "1" : "0"))
        }
      }
      let denied = ["mine", "wide", "shut"].map { Int(seen[#"sluice_limit_denied_total{limit="\#($0)"}"#] ?? "") ?? -1 }
      #expect(refused > 0 && denied.reduce(0, +) == refused && denied[2] > 0, "\(denied), \(refused)")
      #expect(seen.contains { $0.key.hasPrefix("sluice_limit_store_connections{server=") && $0.value == "0" })
      let response = try ask(admin, "GET /status")
      #expect(!response.text.contains("secret"))
      let store = try #require(try object(response)["limit_store"] as? [String: Any])
      #expect(store["kind"] as? String == "redis" && store["condition"] as? String == "away")
      let server = try #require((store["servers"] as? [[String: Any]])?.first)
      #expect(server["connected"] as? Int == 0 && server["reactors"] as? Int == 1 && server["last_loss"] is String)
    }
  }
}
