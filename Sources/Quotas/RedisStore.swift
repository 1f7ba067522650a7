public import RateLimiting
internal import Reactor
public import RedisClient

/// The store in Redis or Valkey, of one reactor: each step is one `EVALSHA`.
///
/// A request without answer after the timeout has failed, and three of these make the store away: from then on nobody waits for it, and once a second a probe
/// of the same kind (script, write) is sent on a key of its own. An answer that comes late, within ``lateAnswer``, is still told.
///
/// `@unchecked Sendable`: confined to its client's reactor.
public final class RedisStore: BucketStorage, @unchecked Sendable {
  /// How late an answer may come and still be told.
  public static let lateAnswer = Duration.seconds(1)
  static let leaseScript = RedisScript(LeaseScript.source)
  static let concurrencyScript = RedisScript(ConcurrencyScript.source)
  /// No limit's id is without colons.
  static let probeID = "probe"

  private let client: RedisClient
  private let timeout: Duration
  private let prefix: String
  private let onReplaced: (String) -> Void
  private var breaker = StoreBreaker()
  private var isClosed = false
  private lazy var prober = Prober(self)
  /// Who is told of changes.
  public weak var observer: (any BucketStorageObserver)?

  /// A store.
  ///
  /// - Parameters:
  ///   - timeout: how long an answer may take.
  ///   - prefix: what keys begin with.
  ///   - onReplaced: told the name of a bucket or concurrency limit whose key held something else, each time that one is dropped; on the reactor.
  public init(
    _ client: RedisClient, timeout: Duration = .milliseconds(20), prefix: String = "sl",
    onReplaced: @escaping (String) -> Void = { _ in }
  ) {
    self.client = client
    self.timeout = timeout
    self.prefix = prefix
    self.onReplaced = onReplaced
    concurrencyGroupCount = client.isCluster ? ConcurrencyGroup.countInCluster : 1
  }

  /// Several in a cluster.
  public let concurrencyGroupCount: Int
  /// As the breaker sees it.
  public var condition: StoreCondition { breaker.condition }

  /// The timeout, a timer's tick and a turn.
  public var answerMilliseconds: Int { Int(clamping: timeout.wholeNanoseconds / 1_000_000) + 8 }

  /// Asks for nothing any more; the client is the owner's to close.
  public func close() { isClosed = true }

  /// Sends the step.
  public func lease(
    _ id: String, _ request: LeaseRequest, _ terms: BucketTerms, node: String,
    later: @escaping (LeaseReply?) -> Void
  ) -> LeaseReply? {
    let keys = LimitKey.bucket(id, prefix: prefix)
    var command = Self.leaseScript.call(keys: [keys.bucket, keys.members])
    for argument in LeaseScript.arguments(request, terms, node: node) { command.append(argument) }
    send(command, LeaseScript.reply) { [onReplaced] reply in
      if reply?.replaced == true { onReplaced(id) }
      later(reply)
    }
    return nil
  }

  /// Sends the step.
  public func concurrency(
    _ id: String, _ request: ConcurrencyRequest, limit: Int, node: String,
    later: @escaping (ConcurrencyReply?) -> Void
  ) -> ConcurrencyReply? {
    var command = Self.concurrencyScript.call(
      keys: LimitKey.slots(id, groupCount: concurrencyGroupCount, prefix: prefix))
    for argument in ConcurrencyScript.arguments(request, node: node, limit: limit) { command.append(argument) }
    send(command, ConcurrencyScript.reply) { [onReplaced] reply in
      if reply?.replaced == true { onReplaced(id) }
      later(reply)
    }
    return nil
  }

  private func send<Reply>(
    _ command: RedisCommand, _ read: @escaping ([Int]) -> Reply?, _ told: @escaping (Reply?) -> Void
  ) {
    let ask = Ask { [weak self] in
      self?.failed()
      told(nil)
    }
    ask.timer = client.reactor.startTimer(at: client.reactor.now + timeout, ask)
    client.execute(command, deadline: max(timeout, Self.lateAnswer)) { [weak self] result in
      guard let self else { return }
      let isLate = ask.isOver
      ask.isOver = true
      if !isLate, let timer = ask.timer { client.reactor.cancelTimer(timer) }
      let reply = (try? result.get()).flatMap(Self.numbers).flatMap(read)
      switch (reply, isLate) {
      case (let reply?, false):
        answered()
        told(reply)
      case (let reply?, true): told(reply)
      case (nil, false):
        failed()
        told(nil)
      case (nil, true): break
      }
    }
  }

  private static func numbers(_ reply: RedisReply) -> [Int]? {
    guard let elements = reply.elements else { return nil }
    let numbers = elements.compactMap { $0.integer.flatMap { Int(exactly: $0) } }
    return numbers.count == elements.count ? numbers : nil
  }

  // MARK: The breaker

  private func answered() {
    if breaker.answered() { observer?.storeChanged(.present) }
  }

  private func failed() {
    guard breaker.failed(now: milliseconds) else { return }
    probeLater()
    observer?.storeChanged(.away)
  }

  private var milliseconds: Int { Int(clamping: client.reactor.now.nanoseconds / 1_000_000) }

  private func probeLater() {
    let due = client.reactor.now + .milliseconds(breaker.probeMilliseconds)
    _ = client.reactor.startTimer(at: due, prober)
  }

  fileprivate func probe() {
    guard breaker.condition == .away, !isClosed else { return }
    probeLater()
    // The timer may be early against the breaker's whole milliseconds; then the next one does it.
    guard breaker.maySend(now: milliseconds) else { return }
    let request = LeaseRequest(sequence: 1, want: 0, least: 0, adjust: 0, seen: .none)
    _ = lease(
      Self.probeID, request, BucketTerms(rate: LeaseRate(1, perMilliseconds: 1000), burst: 1), node: "probe"
    ) { _ in }
  }

  private final class Prober: TimerHandler {
    private weak let store: RedisStore?
    init(_ store: RedisStore) { self.store = store }
    func timerFired(token: UInt32) { store?.probe() }
  }

  /// One request under way.
  private final class Ask: TimerHandler {
    private let timedOut: () -> Void
    var timer: Reactor.TimerID?
    var isOver = false
    init(_ timedOut: @escaping () -> Void) { self.timedOut = timedOut }

    func timerFired(token: UInt32) {
      guard !isOver else { return }
      isOver = true
      timedOut()
    }
  }
}
