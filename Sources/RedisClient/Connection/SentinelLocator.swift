internal import Reactor

/// Asks sentinels for a master's address: one after the other, first the one that answered last time, until one knows.
///
/// What it says is checked by the connection (`ROLE`); if that fails, `disbelieve` has the next sentinel asked first, so that one cut off from the
/// others with an old answer does not hold us. Confined to its client's reactor.
final class SentinelLocator: RedisConnectionOwner {
  private let context: RedisContext
  private let master: String
  private var sentinels: [RedisEndpoint]
  private var asked = 0
  private var connection: RedisConnection?
  private var answer: ((RedisEndpoint?) -> Void)?

  init(context: RedisContext, sentinels: [RedisEndpoint], master: String) {
    self.context = context
    self.sentinels = sentinels
    self.master = master
  }

  /// Finds the master's address; nil when no sentinel knows it. An earlier question that is under way is dropped.
  func locate(_ answer: @escaping (RedisEndpoint?) -> Void) {
    stop()
    self.answer = answer
    asked = 0
    askNext()
  }

  /// The answer was wrong, or led nowhere: another sentinel is to be asked first.
  func disbelieve() {
    if sentinels.count > 1 { sentinels.append(sentinels.removeFirst()) }
  }

  /// Asks no more; nobody is answered.
  func stop() {
    answer = nil
    let connection = connection
    self.connection = nil
    connection?.end(.closed)
  }

  private func askNext() {
    guard asked < sentinels.count else { return finish(nil) }
    let sentinel = sentinels[asked]
    asked += 1
    let reactor = context.reactor
    let connection = RedisConnection(
      context: context, target: .endpoint(sentinel), credentials: context.settings.sentinelCredentials, database: 0,
      restUntil: reactor.now, owner: self)
    self.connection = connection
    let question = RedisCommand("SENTINEL", "get-master-addr-by-name", master)
    let call = RedisCall(question, deadline: reactor.now + context.settings.discoveryTimeout, isInternal: true) { _ in }
    // A new connection takes its first command.
    _ = connection.submit(call)
    connection.start()
  }

  private func finish(_ endpoint: RedisEndpoint?) {
    let answer = answer
    self.answer = nil
    answer?(endpoint)
  }

  func connectionReady(_ connection: RedisConnection) {}

  func connectionEnded(_ connection: RedisConnection, _ loss: RedisLoss) {}

  func callEnded(_ call: RedisCall, _ result: Result<RedisReply, RedisError>, on connection: RedisConnection) {
    guard connection === self.connection else { return }
    self.connection = nil
    connection.end(.closed)
    guard let endpoint = Self.address(result) else { return askNext() }
    let index = asked - 1
    if index > 0 { sentinels = Array(sentinels[index...] + sentinels[..<index]) }
    finish(endpoint)
  }

  /// `[host, port]`; nil for a master that the sentinel does not know.
  private static func address(_ result: Result<RedisReply, RedisError>) -> RedisEndpoint? {
    guard case .success(let reply) = result, let parts = reply.elements, parts.count == 2,
      let host = parts[0].text, !host.isEmpty, host.utf8.count <= 255,
      let port = parts[1].integer.flatMap(UInt16.init(exactly:)), port > 0
    else { return nil }
    return RedisEndpoint(host: host, port: port)
  }
}
