import Foundation
import Reactor
import TestKit
import Transport

@testable import RedisClient

/// Something that belongs to a reactor's thread, on its way there through a test.
final class Confined<Value>: @unchecked Sendable {
  let value: Value
  init(_ value: Value) { self.value = value }
}

/// A client on a reactor of its own, and what it told of itself.
final class Rig: Sendable {
  let group = ReactorGroup.started(count: 1)
  let client: RedisClient
  private let told = Locked<[RedisEvent]>([])
  var reactor: Reactor { group.reactors[0] }
  var events: [RedisEvent] { told.withLock { $0 } }

  init(_ settings: RedisSettings) {
    let told = told
    let draws = Confined(DrawBox())
    client = RedisClient(
      settings, on: group.reactors[0], draw: { draws.value.generator.next() },
      onEvent: { event in told.withLock { $0.append(event) } })
  }

  convenience init(_ server: RedisServer, _ change: (inout RedisSettings) -> Void = { _ in }) {
    self.init(port: server.port, change)
  }

  convenience init(port: UInt16, _ change: (inout RedisSettings) -> Void = { _ in }) {
    var settings = RedisSettings(topology: .single(RedisEndpoint(host: "127.0.0.1", port: port)))
    settings.stretch()
    change(&settings)
    self.init(settings)
  }

  /// Ends the client and its reactor.
  func shutDown() {
    reactor.execute { [client] in client.close() }
    group.shutDown()
  }

  /// A command; several seconds of patience unless told otherwise.
  @discardableResult
  func ask(
    _ name: String, _ words: [String] = [], key: String? = nil, within: Duration = .seconds(10)
  ) async throws -> RedisReply {
    try await send(Self.command(name, words, key: key), within: within)
  }

  /// The same for a command that is made already. The error is not typed: the macros of the testing library do not know typed ones.
  func send(_ command: RedisCommand, within: Duration = .seconds(10)) async throws -> RedisReply {
    try await client.execute(command, deadline: within * testPatience)
  }

  static func command(_ name: String, _ words: [String] = [], key: String? = nil) -> RedisCommand {
    var command = RedisCommand(name)
    if let key { command.appendKey(key) }
    for word in words { command.append(word) }
    return command
  }

  /// Why a command has no reply; nil when it has one.
  func failure(
    _ name: String, _ words: [String] = [], key: String? = nil, within: Duration = .seconds(10)
  ) async -> RedisError? {
    await failure(Self.command(name, words, key: key), within: within)
  }

  func failure(_ command: RedisCommand, within: Duration = .seconds(10)) async -> RedisError? {
    do throws(RedisError) {
      _ = try await client.execute(command, deadline: within * testPatience)
      return nil
    } catch { return error }
  }

  /// Asks until it is answered: a server that comes back.
  func eventually(_ name: String, _ words: [String] = [], key: String? = nil) async -> RedisReply? {
    for _ in 0..<2_000 {
      if let reply = try? await ask(name, words, key: key, within: .seconds(2)) { return reply }
      await reactor.sleep(until: MonotonicTime.readClock() + .milliseconds(5))
    }
    return nil
  }

  var status: [RedisNodeStatus] {
    get async {
      let client = client
      return await reactor.run { client.status }
    }
  }
}

private final class DrawBox { var generator = SeededGenerator(seed: 7) }

extension RedisSettings {
  /// Longer waits for a busy or instrumented machine.
  mutating func stretch() {
    connectTimeout = .seconds(5) * testPatience
    replyTimeMax = .seconds(10) * testPatience
    breaker.probeTimeout = .seconds(1) * testPatience
    breaker.openFor = .milliseconds(50)
  }
}

/// Waits until `condition` holds, without blocking a thread that others need; false when it does not in time.
func eventually(within seconds: Double = 10, _ condition: () -> Bool) async -> Bool {
  let deadline = MonotonicTime.readClock() + .seconds(seconds * testPatience)
  while !condition() {
    guard MonotonicTime.readClock() < deadline else { return condition() }
    try? await Task.sleep(for: .milliseconds(2))
  }
  return true
}

extension RedisReply {
  static func bulk(_ text: String) -> RedisReply { .bulk(Array(text.utf8)) }
}

/// Runs what blocks on a thread of its own, so that the tests that run beside this one keep theirs.
func offPool<Result: Sendable>(_ body: @escaping @Sendable () throws -> Result) async throws -> Result {
  try await withCheckedThrowingContinuation { continuation in
    Thread.detachNewThread { continuation.resume(with: Swift.Result { try body() }) }
  }
}

/// Runs a server made by hand on a thread of its own, until it ends or throws.
func background(_ body: @escaping @Sendable () throws -> Void) {
  Thread.detachNewThread { try? body() }
}
