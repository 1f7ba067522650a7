import RateLimiting
import Reactor
import TestKit
import Testing

@testable import Quotas

/// How long requests and streams wait. On a store whose clock goes with the reactor's, for what grows while they wait is the matter.
@Suite struct WaitStories {
  private func rig(_ rules: [LimitRule]) throws -> Rig {
    let start = MonotonicTime.readClock()
    let store = try EmbeddedStore(clock: {
      1_800_000_000_000 + Int(MonotonicTime.readClock().nanoseconds(since: start) / 1_000_000)
    })
    return Rig(LimitPlan(rules), store: store)
  }

  /// A stream that passes a token at a time and waits whenever it may: how many passed, how often it waited, and whether it was cut before `enough`.
  private final class Stream: LimitWaiter, @unchecked Sendable {
    private let grant: LimitGrant
    private let enough: Int
    private(set) var passed = 0
    private(set) var waits = 0
    private(set) var isCut = false
    let isOver = Locked(false)

    init(_ grant: LimitGrant, enough: Int) { (self.grant, self.enough) = (grant, enough) }

    func go() {
      while passed < enough {
        passed += 1
        guard case .dry = grant.spend(outputTokens: 1) else { continue }
        switch grant.waitForMore(self) {
        case .more: break
        case .waiting:
          waits += 1
          return
        case .refused:
          isCut = true
          return end()
        }
      }
      end()
    }

    func limitWaitEnded(_ id: LimitWaitID, _ result: LimitWaitResult) {
      if case .more = result { return go() }
      isCut = true
      end()
    }

    private func end() {
      grant.settleAsCounted(wasCut: isCut)
      isOver.withLock { $0 = true }
    }
  }

  private func run(_ rig: Rig, enough: Int) async throws -> Stream {
    let held = try #require(await rig.admit(request(prompt: 1, expected: 10)).0.grant)
    let stream = Stream(held.grant, enough: enough)
    await rig.on { _ in stream.go() }
    #expect(await eventually { stream.isOver.withLock { $0 } })
    return stream
  }

  /// 100 at once, then 20 a second.
  private func small(_ exceeded: LimitExceeded, wait: Int) -> LimitRule {
    .tokens("small", 1300) {
      $0.burst = 100
      $0.exceeded = exceeded
      $0.waitMilliseconds = wait
    }
  }

  @Test(
    "a stream on a small limit is not fed drop by drop: its waits together last no longer than the limit's",
    arguments: [LimitExceeded.truncate, .error, .fallback])
  func cut(exceeded: LimitExceeded) async throws {
    let rig = try rig([small(exceeded, wait: 400)])
    defer { rig.shutDown() }
    let began = MonotonicTime.readClock()
    let stream = try await run(rig, enough: 100_000)
    let milliseconds = Int(MonotonicTime.readClock().nanoseconds(since: began) / 1_000_000)
    #expect(stream.isCut && stream.waits >= 1)
    // What was there, and what grew while it ran.
    #expect((99...100 + milliseconds / 50 + 2).contains(stream.passed + 1), "\(stream.passed) in \(milliseconds) ms")
    // A wait ends when something has come, at the earliest after 50 ms; and the time is used up.
    #expect(stream.waits <= 400 / 45 + 1)
    #expect(await rig.on { $0.gauges.limits[0].cut } == 1)
  }

  @Test("under `wait` each dry spell may last the limit's wait, and the stream goes on")
  func waits() async throws {
    let rig = try rig([small(.wait, wait: 400 * Int(testPatience))])
    defer { rig.shutDown() }
    let stream = try await run(rig, enough: 120)
    #expect(!stream.isCut && stream.passed == 120 && stream.waits > 0)
  }

  @Test(
    "a stream whose quota is used up is cut at once, however long it might wait",
    arguments: [LimitExceeded.wait, .truncate])
  func spent(exceeded: LimitExceeded) async throws {
    let rig = try rig([
      .tokens("day", 300, .calendar(.day, .utc)) {
        $0.exceeded = exceeded
        $0.waitMilliseconds = 60_000
      }
    ])
    defer { rig.shutDown() }
    let stream = try await run(rig, enough: 1000)
    #expect(stream.isCut && stream.waits == 0 && (299...300).contains(stream.passed))
  }

  @Test("without a wait a stream is cut when nothing is there, a store that answers at once being asked before")
  func noWait() async throws {
    let rig = try rig([small(.truncate, wait: 0)])
    defer { rig.shutDown() }
    let stream = try await run(rig, enough: 1000)
    #expect(stream.isCut && stream.waits == 0)
  }

  @Test(
    "a request waits for what comes within the limit's wait, and is refused at once when it comes later",
    arguments: [(30, 20_500, 10), (5, 2000, 0), (5, 25_000, 2)])
  func requests(perMinute: Int, wait: Int, waiting: Int) async throws {
    let clock = TestClock()
    let store = try EmbeddedStore(clock: { clock.now })
    let rig = Rig(LimitPlan([.of(.requests, "few", perMinute, .minute, wait: wait)]), store: store, clock: clock)
    defer { rig.shutDown() }
    let waiters = (0..<20).map { _ in Waiter() }
    let waited = Locked(-1)
    // After a grant smaller than the wish the desk asks again a little later: until the store itself has nothing.
    let isDry = await eventually {
      await rig.on { desk in
        while let grant = desk.admit(request(), waiter: nil).grant { grant.settle(prompt: 1, completion: 1) }
        let share = desk.limits(of: request()).shares[0]
        guard let subject = share.subject, desk.bucket.here({ $0.standing(subject) }).level == 0,
          desk.bucket.here({ $0.standing(subject) }).refusedUntil != nil
        else { return false }
        // One after the other: who stands too far behind is told so at once.
        let count = waiters.filter { if case .waiting = desk.admit(request(), waiter: $0) { true } else { false } }
          .count
        waited.withLock { $0 = count }
        return true
      }
    }
    let count = waited.withLock { $0 }
    #expect(isDry && count == waiting, "\(count) wait")
    guard waiting > 0 else { return }
    clock.advance(60_000 / perMinute)
    #expect(await eventually { waiters[0].count == 1 })
    guard case .admitted? = waiters[0].results.first else {
      Issue.record("not admitted though there was time")
      return
    }
  }
}
