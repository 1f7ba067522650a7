import RateLimiting
import Reactor
import TestKit
import Testing

@testable import Quotas

/// Four desks on one Redis at ten times what the limit gives.
@Suite(.serialized) struct BoundOverDesks {
  static let streamsMax = 12
  static let prompt = 100
  static let answer = 300

  /// Streams of one desk, driven by a timer of its reactor: new ones as long as there are fewer than `streamsMax`; each passes a few tokens a tick.
  private final class Load: TimerHandler, LimitWaiter, @unchecked Sendable {
    private let desk: LimitDesk
    private let delivered: Locked<[(at: Int, amount: Int)]>
    private let isOver: Locked<Bool>
    private var streams: [(grant: LimitGrant, left: Int, waitsFor: LimitWaitID?)] = []
    private var isWaiting = false
    private(set) var cuts = 0
    private(set) var refusals = 0
    private(set) var done = 0

    init(_ desk: LimitDesk, _ delivered: Locked<[(at: Int, amount: Int)]>, _ isOver: Locked<Bool>) {
      (self.desk, self.delivered, self.isOver) = (desk, delivered, isOver)
    }

    private func pass(_ amount: Int) {
      let now = Int(MonotonicTime.readClock().nanoseconds / 1_000_000)
      delivered.withLock { $0.append((now, amount)) }
    }

    private func begin(_ grant: LimitGrant) {
      pass(BoundOverDesks.prompt)
      streams.append((grant, BoundOverDesks.answer, nil))
    }

    func limitWaitEnded(_ id: LimitWaitID, _ result: LimitWaitResult) {
      if let index = streams.firstIndex(where: { $0.waitsFor == id }) {
        streams[index].waitsFor = nil
        if case .refused = result { cut(index) }
        return
      }
      isWaiting = false
      if case .admitted(let grant) = result { begin(grant) } else { refusals += 1 }
    }

    private func cut(_ index: Int) {
      cuts += 1
      streams.remove(at: index).grant.settleAsCounted(wasCut: true)
    }

    func timerFired(token: UInt32) {
      if isOver.withLock({ $0 }) {
        for stream in streams { stream.grant.settleAsCounted() }
        streams = []
        return
      }
      for index in streams.indices.reversed() where streams[index].waitsFor == nil {
        let amount = min(5, streams[index].left)
        streams[index].left -= amount
        pass(amount)
        let standing = streams[index].grant.spend(outputTokens: amount)
        if case .dry = standing {
          switch streams[index].grant.waitForMore(self) {
          case .more: break
          case .waiting(let id): streams[index].waitsFor = id
          case .refused: cut(index)
          }
        } else if streams[index].left == 0 {
          done += 1
          let stream = streams.remove(at: index)
          stream.grant.settle(prompt: BoundOverDesks.prompt, completion: BoundOverDesks.answer)
        }
      }
      while streams.count < BoundOverDesks.streamsMax, !isWaiting {
        let ask = request(prompt: BoundOverDesks.prompt, expected: BoundOverDesks.answer)
        switch desk.admit(ask, waiter: self) {
        case .admitted(let grant): begin(grant)
        case .waiting: isWaiting = true
        case .refused:
          refusals += 1
          isWaiting = false
        }
        if refusals % 4 != 0 { break }
      }
      _ = desk.reactor.startTimer(at: desk.reactor.now + .milliseconds(20), self)
    }
  }

  @Test("what four desks deliver in any window stays within the bound, and the rate is used", arguments: [false, true])
  func holds(withFaults: Bool) async throws {
    let server = try RedisServer()
    // 1,000 tokens a second once the burst is used; asked for: 4 desks x 12 streams x 250 tokens a second.
    let rule = LimitRule.tokens("minute", 65_000) {
      $0.waitMilliseconds = 500
      $0.burst = 5000
      $0.nodesAssumed = 4
    }
    let terms = rule.terms(amount: 65_000, unixTime: 0).terms
    let rig = Rig(LimitPlan([rule]), port: server.port, count: 4)
    defer { rig.shutDown() }
    let delivered = Locked<[(at: Int, amount: Int)]>([])
    let isOver = Locked(false)
    let loads = rig.desks.map { Load($0, delivered, isOver) }
    for (desk, load) in zip(rig.desks, loads) { desk.reactor.execute { load.timerFired(token: 0) } }
    let seconds = 12
    for second in 0..<seconds {
      if withFaults {
        if second == 3 { server.pause() }
        if second == 5 { server.resume() }
        if second == 8 { try server.flushAll() }
      }
      try await Task.sleep(for: .seconds(1))
    }
    isOver.withLock { $0 = true }
    try await Task.sleep(for: .milliseconds(200))

    var monitor = DeliveryMonitor(rate: terms.bucket.rate, windowMilliseconds: 5000)
    let events = delivered.withLock { $0 }.sorted { $0.at < $1.at }
    for event in events { monitor.delivered(event.amount, at: event.at) }
    var bound = LimitBound(
      terms, nodes: 4, needMost: Self.prompt + AppliedShare.outputAhead, allowance: AppliedShare.outputAhead,
      streams: 4 * Self.streamsMax, eventMax: 5)
    if withFaults {
      // Away: a lease for each node and the rate's part; flushed: what was leased since the last snapshot.
      bound.error += 4 * terms.leaseMost + min(terms.bucket.burst, terms.bucket.rate.units(inMilliseconds: 5000))
      bound.error += 5 * (terms.leaseMost + bound.held / 4)
    }
    #expect(monitor.worstExcess <= bound.allowed, "\(monitor.worstExcess) of \(bound.allowed)")
    let span = (events.last?.at ?? 0) - (events.first?.at ?? 0)
    let mean = Double(monitor.total) / Double(terms.bucket.burst + terms.bucket.rate.units(inMilliseconds: span))
    print(
      "bound\(withFaults ? " with faults" : ""): \(monitor.total) tokens in \(span) ms, mean \(mean), worst excess "
        + "\(monitor.worstExcess) of \(bound.allowed), done \(loads.map(\.done)), cut \(loads.map(\.cuts)), asks "
        + "\(await asks(rig))")
    #expect(mean > (withFaults ? 0.4 : 0.7) && loads.reduce(0) { $0 + $1.done } > 0)
  }

  private func asks(_ rig: Rig) async -> [Int] {
    var asks: [Int] = []
    for index in 0..<4 { asks.append(await rig.on(index) { $0.gauges.asks }) }
    return asks
  }
}
