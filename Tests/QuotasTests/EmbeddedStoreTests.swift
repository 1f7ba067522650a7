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

  @Test("of many debts that change at once so many are written in one go, each as it stands then")
  func debtGoes() {
    var notes = DebtNotes()
    let terms = BucketTerms(rate: LeaseRate(10_000, perMilliseconds: 60_000), burst: 1000)
    func note(_ number: Int, _ version: Int) {
      let bucket = BucketState(BucketSnapshot(version: version, level: -1000 * version, time: 0), burst: 1000)
      notes.note("minute:0:\(number)", bucket, terms, clock: 0)
    }
    for number in 0..<1000 { note(number, 1) }
    var rows: [String: Int] = [:]
    var goes = 0
    while !notes.isEmpty {
      if goes == 0 { for number in 0..<1000 { note(number, 2) } }
      let some = notes.some(EmbeddedStore.writtenMax)
      for case (let id, .put(let bucket)) in some { rows[id] = bucket.level }
      notes.written(some)
      goes += 1
    }
    #expect(goes == 4 && rows.count == 1000 && rows.values.allSatisfy { $0 == -2000 })
  }

  @Test("debts with values at the ends of their range serve", arguments: 0..<5)
  func debtsAtEnds(field: Int) async throws {
    let plan = LimitPlan([.tokens("minute", 10_000)])
    for end in [Int.min, .min + 1, -1, 0, 1, .max - 1, .max] {
      let directory = try TemporaryDirectory()
      let clock = TestClock()
      let archive = try BucketArchive(path: directory.file("limits.sqlite"))
      var saved = SavedBucket(
        key: "debt/minute:0:", version: 1, level: -50_000, time: clock.now, burst: 1024, expiresAt: clock.now + 600_000)
      switch field {
      case 0: saved.version = end
      case 1: saved.level = end
      case 2: saved.time = end
      case 3: saved.burst = end
      default: saved.expiresAt = end
      }
      #expect(archive.write([saved]))
      let rig = Rig(plan, store: try EmbeddedStore(archive: archive, clock: { clock.now }), clock: clock)
      for _ in 0..<3 {
        let outcome = await rig.admit(request(prompt: 10, expected: 0)).0
        if let held = outcome.grant { await rig.on { _ in held.grant.settle(prompt: 10, completion: 0) } }
        // Only a level, a time long ago and an end that is past lift a debt.
        if field == 0 || field == 3 { #expect(outcome.grant == nil) }
      }
      #expect(await rig.on { $0.gauges.subjects } == 1)
      rig.shutDown()
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

  @Test("of buckets that refill those that owe are written: a restart begins all others anew")
  func debtsAreKept() async throws {
    let directory = try TemporaryDirectory()
    let path = directory.file("limits.sqlite")
    let clock = TestClock()
    let plan = LimitPlan([.tokens("minute", 10_000, each: [.consumer])])
    do {
      let archive = try BucketArchive(path: path)
      let store = try EmbeddedStore(archive: archive, clock: { clock.now })
      let rig = Rig(plan, store: store, clock: clock)
      for (consumer, completion) in [("thrifty", 100), ("greedy", 100_000)] {
        var ask = request(consumer: consumer, prompt: 100, expected: nil)
        ask.isOnePiece = true
        let held = try #require(await rig.admit(ask).0.grant)
        await rig.on { _ in held.grant.settle(prompt: 100, completion: completion) }
      }
      // By themselves, and not only at the process' end.
      #expect(await eventually { (try? archive.load(clock: clock.now).count) == 1 })
      rig.shutDown()
    }
    clock.advance(60_000)
    let archive = try BucketArchive(path: path)
    let store = try EmbeddedStore(archive: archive, clock: { clock.now })
    let rig = Rig(plan, store: store, clock: clock)
    defer { rig.shutDown() }
    #expect(await rig.admit(request(consumer: "thrifty", prompt: 1000, expected: 0)).0.grant != nil)
    // 8,976 tokens come in a minute: the twelfth repays, and the one of the restart counts.
    for minute in 1...11 {
      #expect(await rig.admit(request(consumer: "greedy", prompt: 10)).0.grant == nil, "after \(minute) minutes")
      clock.advance(60_000)
    }
    #expect(await eventually { await rig.admit(request(consumer: "greedy", prompt: 10)).0.grant != nil })
    #expect(await eventually { (try? archive.load(clock: clock.now).isEmpty) == true })
  }

  @Test("a debt is written when it changes, and not while it is being repaid")
  func debtWrites() throws {
    let directory = try TemporaryDirectory()
    let archive = try BucketArchive(path: directory.file("limits.sqlite"))
    let clock = TestClock()
    let store = try EmbeddedStore(archive: archive, clock: { clock.now })
    let terms = BucketTerms(rate: LeaseRate(10_000, perMilliseconds: 60_000), burst: 1000)
    var sequence = 0
    func step(_ number: Int, adjust: Int = 0) {
      sequence += 1
      let ask = LeaseRequest(sequence: sequence, want: 1, least: 1, adjust: adjust, seen: .none)
      _ = store.lease("minute:0:\(number)", ask, terms, node: "n") { _ in }
    }
    for number in 0..<1000 { step(number, adjust: -5000) }
    store.flush()
    let first = try archive.load(clock: clock.now).sorted { $0.key < $1.key }
    #expect(first.count == 1000 && first.allSatisfy { $0.level == -4000 && $0.key.hasPrefix("debt/") })
    // What only refills stays as it was written.
    for _ in 0..<20 {
      clock.advance(997)
      for number in 0..<1000 { step(number) }
    }
    store.flush()
    #expect(try archive.load(clock: clock.now).sorted { $0.key < $1.key } == first)
    step(7, adjust: -100)
    step(8, adjust: 5000)
    store.flush()
    let later = try archive.load(clock: clock.now)
    #expect(later.count == 999 && !later.contains { $0.key == "debt/minute:0:8" })
    #expect(later.filter { $0.time > first[0].time }.map(\.key) == ["debt/minute:0:7"])
  }

  @Test(
    "100,000 idle subjects take at most 60 MB, at the desk and in the store together",
    .disabled(if: isStretched, "a sanitizer's own memory would be counted"))
  func memory() async throws {
    // In a process of its own: what other tests take meanwhile is not counted.
    let child = await #expect(processExitsWith: .success, observing: [\.standardOutputContent]) {
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
    let words = String(decoding: child?.standardOutputContent ?? [], as: UTF8.self)
    for line in words.split(separator: "\n") where line.contains("idle subjects:") { print(line) }
  }

  private static func residentBytes() -> Int {
    let text = (try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8)) ?? ""
    let pages = text.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0
    return pages * Int(sysconf(Int32(_SC_PAGESIZE)))
  }
}
