import Foundation
import GatewayConfiguration
import RateLimiting
import Reactor
import RedisClient
import Storage
import TestKit

@testable import Quotas

/// What a request is told by.
struct Facts: SubjectFacts, Sendable {
  var values: [SubjectPart: String]
  init(_ values: [SubjectPart: String] = [:]) { self.values = values }
  func value(of part: SubjectPart) -> String? { values[part] }
}

/// Something that belongs to a reactor's thread, on its way there through a test.
final class Confined<Value>: @unchecked Sendable {
  var value: Value
  init(_ value: Value) { self.value = value }
}

/// A wall clock that the test moves; it stands otherwise.
final class TestClock: Sendable {
  private let milliseconds: Locked<Int>
  init(_ milliseconds: Int = 1_800_000_000_000) { self.milliseconds = Locked(milliseconds) }
  var now: Int { milliseconds.withLock { $0 } }
  func advance(_ more: Int) { milliseconds.withLock { $0 += more } }
}

/// Remembers how waits ended, and when.
final class Waiter: LimitWaiter, @unchecked Sendable {
  private let lock = Locked(0)
  private(set) var results: [LimitWaitResult] = []
  private(set) var endedAt: [MonotonicTime] = []
  var count: Int { lock.withLock { $0 } }
  func limitWaitEnded(_ id: LimitWaitID, _ result: LimitWaitResult) {
    results.append(result)
    endedAt.append(MonotonicTime.readClock())
    lock.withLock { $0 += 1 }
  }
}

/// Desks on reactors of their own, on one store.
final class Rig: Sendable {
  let group: ReactorGroup
  let desks: [LimitDesk]
  let clients: [RedisClient]
  let events = Locked<[LimitEvent]>([])
  var reactor: Reactor { group.reactors[0] }
  var desk: LimitDesk { desks[0] }

  /// On a store in the process.
  init(_ plan: LimitPlan, store: EmbeddedStore, clock: TestClock = TestClock(), count: Int = 1) {
    group = ReactorGroup.started(count: count)
    clients = []
    let events = events
    desks = group.reactors.map { reactor in
      LimitDesk(
        plan, on: reactor, storage: store,
        node: LimitDesk.nodeName(nil, process: 1, random: .random(in: 0 ... .max), reactor: reactor.index),
        unixTime: { clock.now / 1000 }, onEvent: { event in events.withLock { $0.append(event) } })
    }
    start()
  }

  /// On Redis behind a port.
  init(
    _ plan: LimitPlan, port: UInt16, timeout: Duration = .milliseconds(60) * testPatience, count: Int = 1,
    clock: TestClock = TestClock()
  ) {
    group = ReactorGroup.started(count: count)
    let events = events
    var settings = RedisSettings(topology: .single(RedisEndpoint(host: "127.0.0.1", port: port)))
    settings.breaker.openFor = .milliseconds(100)
    clients = group.reactors.map { RedisClient(settings, on: $0) }
    desks = zip(group.reactors, clients).map { reactor, client in
      LimitDesk(
        plan, on: reactor, storage: RedisStore(client, timeout: timeout),
        node: LimitDesk.nodeName(nil, process: 1, random: .random(in: 0 ... .max), reactor: reactor.index),
        unixTime: { clock.now / 1000 }, onEvent: { event in events.withLock { $0.append(event) } })
    }
    start()
  }

  private func start() {
    for (index, desk) in desks.enumerated() {
      let client = clients.indices.contains(index) ? clients[index] : nil
      desk.reactor.execute {
        desk.start()
        client?.start()
      }
    }
  }

  func shutDown() {
    for client in clients { client.reactor.execute { client.close() } }
    group.shutDown()
  }

  /// On the desk's reactor.
  func on<Result: Sendable>(_ index: Int = 0, _ body: @escaping @Sendable (LimitDesk) -> Result) async -> Result {
    let desk = desks[index]
    return await desk.reactor.run { body(desk) }
  }

  /// Admits, waiting if it has to, and gives back how it ended and how long that took.
  func admit(_ request: LimitRequest, on index: Int = 0) async -> (Outcome, milliseconds: Double) {
    let waiter = Waiter()
    let began = MonotonicTime.readClock()
    let first = await on(index) { desk in Confined(desk.admit(request, waiter: waiter)) }
    switch first.value {
    case .admitted(let grant): return (.admitted(Held(grant)), 0)
    case .refused(let refusal): return (.refused(refusal), 0)
    case .waiting: break
    }
    _ = await eventually(within: 60) { waiter.count > 0 }
    guard waiter.count == 1 else { return (.lost, 0) }
    let milliseconds = Double(waiter.endedAt[0].nanoseconds(since: began)) / 1e6
    switch waiter.results[0] {
    case .admitted(let grant): return (.admitted(Held(grant)), milliseconds)
    case .refused(let refusal): return (.refused(refusal), milliseconds)
    case .more: return (.lost, milliseconds)
    }
  }
}

/// A grant outside of its reactor: touched there alone.
final class Held: @unchecked Sendable {
  let grant: LimitGrant
  init(_ grant: LimitGrant) { self.grant = grant }
}

enum Outcome: Sendable {
  case admitted(Held)
  case refused(LimitRefusal)
  case lost

  var grant: Held? { if case .admitted(let held) = self { held } else { nil } }
  var refusal: LimitRefusal? { if case .refused(let refusal) = self { refusal } else { nil } }
}

extension LimitAdmission {
  var grant: LimitGrant? { if case .admitted(let grant) = self { grant } else { nil } }
  var refusal: LimitRefusal? { if case .refused(let refusal) = self { refusal } else { nil } }
}

/// Waits until `condition` holds, without blocking a thread that others need.
func eventually(within seconds: Double = 20, _ condition: () async -> Bool) async -> Bool {
  let deadline = MonotonicTime.readClock() + .seconds(seconds * testPatience)
  while await !condition() {
    guard MonotonicTime.readClock() < deadline else { return await condition() }
    try? await Task.sleep(for: .milliseconds(2))
  }
  return true
}

func request(
  consumer: String = "a", prompt: Int = 100, expected: Int? = 100, maxTokens: Int? = nil, model: String = "m"
) -> LimitRequest {
  LimitRequest(
    facts: Facts([.consumer: consumer, .model: model]), model: model, promptTokens: prompt, expectedOutput: expected,
    maxTokens: maxTokens)
}

extension LimitRule {
  /// Tokens, the change made in place.
  static func tokens(
    _ name: String, _ amount: Int, _ window: LimitWindow = .minute, each: [SubjectPart] = [],
    _ change: (inout LimitRule) -> Void = { _ in }
  ) -> LimitRule {
    var rule = LimitRule(name, .tokens(.total), window, cases: [Case(amount: amount)], each: each)
    rule.waitMilliseconds = 0
    change(&rule)
    return rule
  }

  static func of(
    _ quantity: LimitedQuantity, _ name: String, _ amount: Int, _ window: LimitWindow = .minute,
    each: [SubjectPart] = [], wait: Int = 0, absence: StoreAbsence = .local
  ) -> LimitRule {
    var rule = LimitRule(name, quantity, window, cases: [Case(amount: amount)], each: each)
    rule.waitMilliseconds = wait
    rule.absence = absence
    return rule
  }
}
