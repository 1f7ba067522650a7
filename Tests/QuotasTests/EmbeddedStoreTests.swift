import Foundation
import RateLimiting
import Reactor
import Storage
import TestKit
import Testing

@testable import Quotas

@Suite(.serialized) struct EmbeddedStoreTests {
  @Test("what a quota has left survives a store that is closed and opened again")
  func survives() async throws {
    let directory = try TemporaryDirectory()
    let path = directory.file("limits.sqlite")
    let clock = TestClock()
    let plan = LimitPlan([.tokens("month", 100_000, .calendar(.month, .utc), each: [.consumer])])
    do {
      let archive = try BucketArchive(path: path)
      let rig = Rig(plan, store: try EmbeddedStore(archive: archive, clock: { clock.now }), clock: clock)
      for _ in 0..<10 {
        let held = try #require(await rig.admit(request(prompt: 1000, expected: 0)).0.grant)
        await rig.on { _ in held.grant.settle(prompt: 1000, completion: 500) }
      }
      await rig.on { $0.leave() }
      rig.shutDown()
    }
    clock.advance(3_600_000)
    let archive = try BucketArchive(path: path)
    let rig = Rig(plan, store: try EmbeddedStore(archive: archive, clock: { clock.now }), clock: clock)
    defer { rig.shutDown() }
    let held = try #require(await rig.admit(request(prompt: 0, expected: 0, maxTokens: 1_000_000)).0.grant)
    // A request for nothing asks nothing; one for something is told what is left.
    #expect(await rig.on { _ in held.grant.views.tokens?.limit } == 100_000)
    let big = await rig.admit(request(prompt: 90_000, expected: 0)).0
    #expect(big.refusal?.code == .insufficientQuota)
    let fits = try #require(await rig.admit(request(prompt: 40_000, expected: 0)).0.grant)
    let remaining = await rig.on { _ in fits.grant.views.tokens?.remaining }
    #expect(remaining == 45_000)
    await rig.on { _ in
      held.grant.abandon()
      fits.grant.abandon()
    }
  }

  @Test("values at the ends of their range serve the first request and those after it")
  func ends() async throws {
    let ends = [Int.min, .min + 1, -1, 0, 1, .max - 1, .max]
    let plan = LimitPlan([.tokens("month", 100_000, .calendar(.month, .utc))])
    for field in 0..<4 {
      for end in ends {
        let directory = try TemporaryDirectory()
        let clock = TestClock()
        let archive = try BucketArchive(path: directory.file("limits.sqlite"))
        let probe = try EmbeddedStore(archive: archive, clock: { clock.now })
        let first = Rig(plan, store: probe, clock: clock)
        let held = try #require(await first.admit(request(prompt: 1000, expected: 0)).0.grant)
        await first.on { desk in
          held.grant.settle(prompt: 1000, completion: 0)
          desk.leave()
        }
        first.shutDown()
        var saved = try #require(try archive.load(clock: clock.now).first)
        switch field {
        case 0: saved.version = end
        case 1: saved.level = end
        case 2: saved.time = end
        default: saved.burst = end
        }
        let changed = saved
        #expect(archive.step(changed.key) { _ in (changed, 0, true) } == true)
        let rig = Rig(plan, store: try EmbeddedStore(archive: archive, clock: { clock.now }), clock: clock)
        for _ in 0..<3 {
          let outcome = await rig.admit(request(prompt: 10, expected: 0)).0
          if let held = outcome.grant { await rig.on { _ in held.grant.settle(prompt: 10, completion: 0) } }
        }
        #expect(await rig.on { $0.gauges.subjects } == 1)
        rig.shutDown()
      }
    }
  }

  @Test("two processes on one data directory share a quota exactly, while both run and after one has ended")
  func shared() async throws {
    let directory = try TemporaryDirectory()
    let path = directory.file("limits.sqlite")
    let clock = TestClock()
    for amount in [10, 1000] {
      let plan = LimitPlan([.of(.requests, "month\(amount)", amount, .calendar(.month, .utc))])
      func process() throws -> Rig {
        Rig(plan, store: try EmbeddedStore(archive: BucketArchive(path: path), clock: { clock.now }), clock: clock)
      }
      let rigs = [try process(), try process()]
      var admitted = 0
      for number in 0..<amount * 8 / 10 {
        guard let held = await rigs[number % 2].admit(request(prompt: 1, expected: 0)).0.grant else { continue }
        await rigs[number % 2].on { _ in held.grant.settle(prompt: 1, completion: 0) }
        admitted += 1
      }
      #expect(admitted == amount * 8 / 10)
      // One ends in order, and its idle leases go back; the other gets all that is left and no more.
      await rigs[0].on { $0.leave() }
      rigs[0].shutDown()
      for _ in 0..<amount {
        guard let held = await rigs[1].admit(request(prompt: 1, expected: 0)).0.grant else { continue }
        await rigs[1].on { _ in held.grant.settle(prompt: 1, completion: 0) }
        admitted += 1
      }
      #expect(admitted == amount)
      rigs[1].shutDown()
    }
  }

  @Test("buckets that refill are not written: a restart begins them anew")
  func ratesAreNotKept() async throws {
    let directory = try TemporaryDirectory()
    let archive = try BucketArchive(path: directory.file("limits.sqlite"))
    let clock = TestClock()
    let rig = Rig(
      LimitPlan([.tokens("minute", 100_000)]), store: try EmbeddedStore(archive: archive, clock: { clock.now }))
    defer { rig.shutDown() }
    let held = try #require(await rig.admit(request()).0.grant)
    await rig.on { _ in held.grant.abandon() }
    #expect(try archive.load(clock: clock.now).isEmpty)
  }

  @Test(
    "100,000 idle subjects take at most 60 MB, at the desk and in the store together",
    .disabled(if: isStretched, "a sanitizer's own memory would be counted"))
  func memory() async throws {
    // In a process of its own: what other tests take meanwhile is not counted.
    await #expect(processExitsWith: .success) {
      let clock = TestClock()
      let store = try EmbeddedStore(clock: { clock.now })
      let rig = Rig(LimitPlan([.tokens("minute", 1_000_000, each: [.consumer])]), store: store, clock: clock)
      let before = Self.residentBytes()
      await rig.on { desk in
        for number in 0..<100_000 {
          let ask = request(consumer: "consumer-\(number)-with-a-name", prompt: 10, expected: 0)
          desk.admit(ask, waiter: nil).grant?.settle(prompt: 10, completion: 0)
        }
      }
      // Idle credit goes back after two seconds, and nothing is left armed.
      #expect(await eventually(within: 60) { await rig.on { $0.reactor.timerCount == 0 } })
      let taken = Self.residentBytes() - before
      #expect(await rig.on { $0.gauges.subjects } == 100_000)
      #expect(store.count == 100_000)
      #expect(taken <= 60_000_000, "\(taken) bytes")
      print("100,000 idle subjects: \(taken / 1_000_000) MB")
      rig.shutDown()
    }
  }

  private static func residentBytes() -> Int {
    let text = (try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8)) ?? ""
    let pages = text.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0
    return pages * Int(sysconf(Int32(_SC_PAGESIZE)))
  }
}
