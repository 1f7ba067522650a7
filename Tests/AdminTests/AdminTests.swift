import Admin
import Foundation
import Gateway
import GatewayConfiguration
import Reactor
import Synchronization
import TestKit
import Testing

@Suite("The operators' port")
struct AdminTests {
  private final class Count: Sendable {
    let value = Atomic<Int>(0)
  }

  /// A gateway without upstream traffic, with its admin port.
  private func story(_ body: (_ admin: UInt16, _ data: UInt16, _ reloads: () -> Int) async throws -> Void) async throws
  {
    let settings = try GatewaySettings.parse(
      "server: { listen: 127.0.0.1:0 }\nanonymous: true\n"
        + "upstreams: { a: { provider: vllm, baseURL: http://127.0.0.1:1/v1 } }\nmodels: { m: { serve: a } }\n",
      fileName: "test.yaml", variables: { _ in nil }, hashKey: { KeyHash.sha256(Array($0.utf8)) })
    let directory = try TemporaryDirectory()
    let sink = try LogSink(file: directory.file("access.log"))
    let group = ReactorGroup(count: 1)
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

  private func ask(_ port: UInt16, _ line: String, headers: String = "") throws -> RawResponse {
    let client = try RawClient(port: port)
    try client.send("\(line) HTTP/1.1\r\nHost: t\r\n\(headers)\r\n")
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
}
