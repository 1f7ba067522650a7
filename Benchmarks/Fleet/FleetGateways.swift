import Foundation
import Glibc
import Reactor

/// The gateway processes of a run, with their balancer and upstream.
final class FleetGateways {
  /// Where the gateways count the limit.
  enum Limits: Equatable {
    /// They have no limit.
    case none
    /// One process, in itself.
    case embedded
    /// In the Redis with this URL.
    case redis(String)
  }

  private struct Node {
    let process: ChildProcess
    let port: UInt16
    let adminPort: UInt16
    let directory: String
  }

  /// Where clients connect.
  let port: UInt16
  /// Tokens of the fleet's prompt, as the gateways count them.
  let promptTokens: Int
  private var nodes: [Node] = []
  private let upstream: ChildProcess
  private let balancer: ChildProcess

  /// Starts them and waits until all serve.
  ///
  init(_ bench: FleetBench, _ plan: FleetPlan, _ limits: Limits) throws {
    upstream = try bench.child(["upstream", "--script", "events=1"])
    guard let upstreamPort = upstream.readLine(timeoutSeconds: 10).flatMap({ UInt16($0) }) else {
      throw BenchmarkError("the upstream did not start")
    }
    for index in 0..<plan.nodes {
      nodes.append(try Self.start(bench, plan, index, upstreamPort: upstreamPort, limits))
    }
    for node in nodes { try Self.waitUntilReady(node) }
    balancer = try bench.child(["balancer"] + nodes.flatMap { ["--target", "\($0.port)"] })
    guard let port = balancer.readLine(timeoutSeconds: 10).flatMap({ UInt16($0) }) else {
      throw BenchmarkError("the balancer did not start")
    }
    self.port = port
    promptTokens = try Self.countPrompt(nodes[0])
  }

  /// What is wrong with processes that should still run.
  func ended() -> [String] {
    nodes.enumerated().filter { !$0.element.process.isRunning }.map {
      "gateway \($0.offset) has ended\(Self.log($0.element))"
    }
  }

  func stop() {
    for process in [balancer] + nodes.map(\.process) + [upstream] { process.stop() }
  }

  private static func start(
    _ bench: FleetBench, _ plan: FleetPlan, _ index: Int, upstreamPort: UInt16, _ limits: Limits
  ) throws -> Node {
    let port = try PlainClient.freePort()
    let adminPort = try PlainClient.freePort()
    let directory = "\(bench.directory)/\(bench.nextNumber())-gateway-\(index)"
    try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
    // Each has a data directory of its own, and the vocabularies of all.
    let data = directory + "/data"
    try FileManager.default.createDirectory(atPath: data, withIntermediateDirectories: true)
    try? FileManager.default.createSymbolicLink(
      atPath: data + "/vocabularies", withDestinationPath: bench.data + "/vocabularies")
    var text = Sluice.generated
    if case .redis(let url) = limits { text += "redis: { url: \"\(url)\" }\n" }
    if limits != .none {
      text += """
        limits:
          fleet:
            each: consumer
            tokens: \(plan.limit)
            per: \(plan.perSeconds)s
            wait: \(plan.waitMilliseconds)ms

        """
    }
    try Data(text.utf8).write(to: URL(fileURLWithPath: directory + "/sluice.yaml"))
    let process = try ChildProcess(
      ChildProcess.Launch(
        path: bench.gateway, arguments: ["serve", "--config", directory + "/sluice.yaml"],
        environment: [
          "BENCHMARK_LISTEN": "127.0.0.1:\(port)",
          "BENCHMARK_ADMIN": "127.0.0.1:\(adminPort)",
          "BENCHMARK_UPSTREAM": "http://127.0.0.1:\(upstreamPort)/v1",
          "BENCHMARK_KEY_DIGEST": "sha256:\(BenchmarkRequest.keyDigest)",
          "BENCHMARK_ACCESS_LOG": directory + "/access.log",
          "BENCHMARK_VOCABULARY": "qwen",
          "SLUICE_DATA": data,
        ],
        output: .file(directory + "/error.log"), errors: .file(directory + "/error.log")),
      custodian: bench.custodian)
    return Node(process: process, port: port, adminPort: adminPort, directory: directory)
  }

  private static func waitUntilReady(_ node: Node) throws {
    let request = Array("GET /readyz HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n\r\n".utf8)
    let deadline = MonotonicTime.readClock() + .seconds(20)
    while true {
      if let answer = try PlainClient.ask(port: node.adminPort, request), answer.status == 200 { return }
      guard node.process.isRunning else { throw BenchmarkError("a gateway ended at once\(log(node))") }
      guard MonotonicTime.readClock() < deadline else { throw BenchmarkError("a gateway is not ready\(log(node))") }
      usleep(5_000)
    }
  }

  /// Asks for an answer without usage, so that the record holds the gateway's own counts.
  private static func countPrompt(_ node: Node) throws -> Int {
    let request = FleetRequest.bytes("events=1 reasoning=0 usage=never")
    guard let answer = try PlainClient.ask(port: node.port, request), answer.status == 200 else {
      throw BenchmarkError("the first request was not served\(log(node))")
    }
    let deadline = MonotonicTime.readClock() + .seconds(10)
    while MonotonicTime.readClock() < deadline {
      for line in ProcessSample.text(node.directory + "/access.log").split(separator: "\n") {
        if let record = try? JSONDecoder().decode(Record.self, from: Data(line.utf8)), let prompt = record.promptTokens
        {
          return prompt
        }
      }
      usleep(10_000)
    }
    throw BenchmarkError("no record of the first request\(log(node))")
  }

  private struct Record: Decodable {
    var promptTokens: Int?
    enum CodingKeys: String, CodingKey { case promptTokens = "prompt_tokens" }
  }

  private static func log(_ node: Node) -> String {
    let lines = ProcessSample.text(node.directory + "/error.log").split(separator: "\n").suffix(6)
    return lines.isEmpty ? "" : ":\n" + lines.joined(separator: "\n")
  }
}

/// What all runs of the fleet share.
final class FleetBench {
  /// The gateway's executable and its data directory.
  let gateway: String
  let data: String
  /// Removed by the custodian.
  let directory: String
  let custodian: Custodian
  private var count = 0

  init(gateway: String?) throws {
    self.gateway = gateway ?? Sluice.beside()
    guard access(self.gateway, X_OK) == 0 else {
      throw BenchmarkError("no executable at \(self.gateway); `swift build -c release --product sluice` makes it")
    }
    data = VocabularyDirectory.find(installingWith: self.gateway)
    directory = try Bench.temporaryDirectory()
    custodian = try Custodian(directory: directory)
    Bench.raiseDescriptorLimit()
  }

  /// Starts this executable under a hidden name.
  func child(_ arguments: [String]) throws -> ChildProcess {
    try ChildProcess(
      ChildProcess.Launch(path: "/proc/self/exe", arguments: arguments, output: .pipe), custodian: custodian)
  }

  func nextNumber() -> Int {
    count += 1
    return count
  }
}
