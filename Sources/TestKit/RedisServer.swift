internal import Glibc

/// A real redis-server on a free port of this machine, in a directory of its own, to be stopped, killed and started again. It ends with the tests.
///
/// `@unchecked Sendable`: one thread at a time gives orders.
public final class RedisServer: @unchecked Sendable {
  /// Where it listens.
  public let port: UInt16
  /// Its files.
  public let directory: TemporaryDirectory
  /// The server to test with: `redis-server`, or what SLUICE_TEST_REDIS names, a `valkey-server` for instance.
  public static let program = getenv("SLUICE_TEST_REDIS").map { String(cString: $0) } ?? "redis-server"

  private let arguments: [String]
  private var process: SpawnedProcess?

  /// Starts one and waits until it serves.
  ///
  /// - Parameters:
  ///   - options: further options, as in `["--requirepass", "x"]`.
  ///   - keepsData: writes each change to a file before it answers, so that a kill and restart loses nothing.
  ///   - configuration: a text in the manner of redis.conf; with `isSentinel` the sentinel's.
  public init(
    options: [String] = [], keepsData: Bool = false, configuration: String? = nil, isSentinel: Bool = false
  ) throws(TestKitError) {
    let directory = try TemporaryDirectory()
    self.directory = directory
    // Between finding a port and its use another process may take it.
    for attempt in 0... {
      let port = try freePort()
      var arguments = [Self.program]
      if let configuration { arguments.append(try directory.write(configuration, to: "redis.conf")) }
      arguments += ["--port", "\(port)", "--bind", "127.0.0.1", "--dir", directory.path]
      arguments += ["--logfile", directory.file("redis.log"), "--loglevel", "notice"]
      if !isSentinel {
        arguments += ["--save", "", "--appendonly", keepsData ? "yes" : "no", "--appendfsync", "no"]
        // Replicas are served at once.
        arguments += ["--repl-diskless-sync-delay", "0"]
      }
      arguments += options
      if isSentinel { arguments.append("--sentinel") }
      let process = try SpawnedProcess(arguments)
      if Self.answers(port, process) {
        self.port = port
        self.arguments = arguments
        self.process = process
        return
      }
      guard attempt < 4 else { throw TestKitError("\(Self.program) does not start; see its options: \(arguments)") }
    }
    throw TestKitError("\(Self.program) does not start")
  }

  private static func answers(_ port: UInt16, _ process: SpawnedProcess) -> Bool {
    waitUntil(timeout: .seconds(10)) {
      guard !process.hasEnded else { return true }
      guard let answer = try? RedisControl(port: port).ask("PING") else { return false }
      return answer == "PONG" || answer.hasPrefix("-NOAUTH")
    } && !process.hasEnded
  }

  /// A new connection for orders.
  public func control(password: String? = nil) throws(TestKitError) -> RedisControl {
    let control = try RedisControl(port: port)
    if let password { try control.order("AUTH", password) }
    return control
  }

  /// Gives one order; errors are thrown.
  @discardableResult
  public func order(_ words: String...) throws(TestKitError) -> String {
    let answer = try control().ask(words)
    guard !answer.hasPrefix("-") else { throw TestKitError("\(words.joined(separator: " ")): \(answer)") }
    return answer
  }

  /// Forgets all keys.
  public func flushAll() throws(TestKitError) { try order("FLUSHALL") }

  /// SIGSTOP: it keeps its connections and answers nothing.
  public func pause() { process?.signal(SIGSTOP) }

  /// SIGCONT.
  public func resume() { process?.signal(SIGCONT) }

  /// SIGKILL; returns when it is gone.
  public func kill9() {
    process?.kill9()
    process = nil
  }

  /// Starts it again on the same port, with what was written, if it keeps data, or empty.
  public func restart(emptied: Bool = false) throws(TestKitError) {
    kill9()
    if emptied {
      _ = try SpawnedProcess.run(["rm", "-rf", directory.file("appendonlydir"), directory.file("dump.rdb")])
    }
    let process = try SpawnedProcess(arguments)
    guard Self.answers(port, process) else { throw TestKitError("\(Self.program) does not start again") }
    self.process = process
  }
}
