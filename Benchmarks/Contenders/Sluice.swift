import CBenchmarks
import Foundation
import Glibc
import TestKit

/// The gateway, with everything on that it has: authentication, routing, parsing, exact counting, one access-log line a
/// request. Or with the counting off, or with limits on, to see what these cost.
struct Sluice: Contender {
  /// How it differs from what it is by itself.
  enum Kind { case plain, uncounted, limited, tokenLimited }

  let name: String
  let words: String
  let hasProcess = true
  private let path: String
  /// The user's own file; nil: one is generated.
  private let configuration: String?
  private let kind: Kind
  /// Where the limits of `limited` are kept.
  private let redis: RedisServer?
  private let data: String

  /// - Throws: `BenchmarkError` when the executable is not there.
  init(_ options: Options, _ kind: Kind) throws {
    self.kind = kind
    name =
      switch kind {
      case .plain: "sluice"
      case .uncounted: "uncounted"
      case .limited: "limited"
      case .tokenLimited: "token-limited"
      }
    path = options.gateway ?? Self.beside()
    guard access(path, X_OK) == 0 else {
      throw BenchmarkError("no executable at \(path); `swift build -c release --product sluice` makes it")
    }
    configuration = options.config
    if let configuration, access(configuration, R_OK) != 0 { throw BenchmarkError("cannot read \(configuration)") }
    data = VocabularyDirectory.find(installingWith: path)
    redis = kind == .limited || kind == .tokenLimited ? try Self.startRedis() : nil
    let counting =
      kind != .uncounted
      ? "tokens counted \(VocabularyDirectory.holds("qwen", data) ? "exactly" : "by estimate")" : "counting off"
    words =
      (configuration.map { "configuration \($0)" } ?? "1 reactor; keys, routing, parsing and the access log on")
      + "; \(counting)" + Self.limitWords(kind)
  }

  func start(_ bench: Bench, upstreamPort: UInt16) throws -> RunningContender {
    let port = try PlainClient.freePort()
    let adminPort = try PlainClient.freePort()
    let directory = bench.directory + "/" + name
    try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
    let errorLog = directory + "/error.log"
    let file = configuration ?? directory + "/sluice.yaml"
    if configuration == nil {
      let limits = kind == .tokenLimited ? Self.tokenLimit : Self.limits
      let text = Self.generated + (redis.map { "redis: { url: \"redis://127.0.0.1:\($0.port)\" }\n" + limits } ?? "")
      try Data(text.utf8).write(to: URL(fileURLWithPath: file))
    }
    if kind == .tokenLimited {
      // As cold as the gateway.
      try redis?.flushAll()
      try redis?.order("CONFIG", "RESETSTAT")
    }
    let process = try ChildProcess(
      ChildProcess.Launch(
        path: path, arguments: ["serve", "--config", file],
        environment: [
          "BENCHMARK_LISTEN": "127.0.0.1:\(port)",
          "BENCHMARK_ADMIN": "127.0.0.1:\(adminPort)",
          "BENCHMARK_UPSTREAM": "http://127.0.0.1:\(upstreamPort)/v1",
          "BENCHMARK_KEY_DIGEST": "sha256:\(BenchmarkRequest.keyDigest)",
          "BENCHMARK_ACCESS_LOG": directory + "/access.log",
          "BENCHMARK_VOCABULARY": kind == .uncounted ? "none" : "qwen",
          "SLUICE_DATA": data,
        ],
        processor: bench.placement.gateway, output: .file(errorLog), errors: .file(errorLog)),
      custodian: bench.custodian)
    var running = RunningContender(name: name, port: port, process: process, errorLog: errorLog)
    if kind == .tokenLimited {
      // A completion would lease, one connection alone: the load is to find the gateway cold.
      running.readinessRequest = Array("GET /livez HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n".utf8)
      running.storePort = redis?.port
    }
    return running
  }

  /// The configuration used when none is given. What changes from run to run comes in as variables, the same that a
  /// file of the user's own may use.
  static let generated = """
    server:
      listen: ${BENCHMARK_LISTEN}
      reactors: 1
    admin:
      listen: ${BENCHMARK_ADMIN}
    log:
      format: json
      access: true
      accessFile: ${BENCHMARK_ACCESS_LOG}
    upstreams:
      benchmark:
        provider: vllm
        endpoints: [{ url: "${BENCHMARK_UPSTREAM}" }]
        pool: { maxSessions: 10000, minIdle: 0, maxQueue: 10000 }
    models:
      \(BenchmarkRequest.model):
        serve: [{ upstream: benchmark, model: \(BenchmarkRequest.model) }]
        vocabulary: ${BENCHMARK_VOCABULARY}
    consumers:
      benchmark: { keys: ["${BENCHMARK_KEY_DIGEST}"], models: [\(BenchmarkRequest.model)] }

    """

  /// Beside load generator and upstream, away from the gateway's processor.
  private static func startRedis() throws -> RedisServer {
    if let processor = Placement().load { _ = bench_run_on(Int32(processor)) }
    defer { _ = bench_run_on(-1) }
    return try RedisServer()
  }

  private static func limitWords(_ kind: Kind) -> String {
    switch kind {
    case .plain, .uncounted: ""
    case .limited: "; four limits a request on Redis"
    case .tokenLimited: "; one limit of tokens a minute on Redis, nothing leased yet"
    }
  }

  /// Four limits that every request must be within, so large that none refuses.
  private static let limits = """
    limits:
      tokens-per-minute: { each: consumer, tokens: 1000000000000, per: minute }
      requests-per-minute: { each: consumer, requests: 1000000000000, per: minute }
      model-per-day: { each: model, tokens: 1000000000000, per: day, calendar: true }
      at-once: { each: consumer, concurrency: 1000000 }

    """

  /// One of them alone.
  private static let tokenLimit = """
    limits:
      tokens-per-minute: { each: consumer, tokens: 1000000000000, per: minute }

    """

  static func beside() -> String {
    let own = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? ""
    return URL(fileURLWithPath: own).deletingLastPathComponent().appendingPathComponent("sluice").path
  }
}
