import Foundation
import GatewayConfiguration
import RateLimiting
import Reactor
import Storage
import TestKit
import Testing

@testable import Quotas

/// A process that is killed, and what the next one knows of its quotas and debts.
@Suite(.serialized) struct KillStories {
  private static let plan = LimitPlan(
    [
      .tokens("month", 1_000_000, .calendar(.month, .utc)),
      .of(.money(currency: "USD"), "budget", 1_000_000_000, .calendar(.month, .utc)),
    ], prices: ["m": ModelPrice(input: 1, output: 1)])

  /// What has been used of the first quota, by the archive's own words.
  private func used(_ path: String) throws -> Int {
    let saved = try BucketArchive(path: path).load(clock: 0).filter { $0.key.hasPrefix("month:") }
    return saved.isEmpty ? 0 : 1_000_000 - (saved.first?.level ?? 0)
  }

  /// Spends 100 tokens each few milliseconds on two desks, and writes the sum to a file after each.
  @Sendable private static func spend(_ path: String, _ log: String, requests: Int) async throws {
    let archive = try BucketArchive(path: path)
    let rig = Rig(
      plan, store: try EmbeddedStore(archive: archive, clock: { 1_800_000_000_000 }), count: 2)
    let sum = try FileHandle(forWritingTo: URL(fileURLWithPath: log))
    for number in 0..<requests {
      let (outcome, _) = await rig.admit(request(prompt: 60, expected: 40), on: number % 2)
      guard let held = outcome.grant else { continue }
      await rig.on(number % 2) { _ in held.grant.settle(prompt: 60, completion: 40) }
      try sum.seek(toOffset: 0)
      try sum.write(contentsOf: Data("\((number + 1) * 100)\n".utf8))
      try await Task.sleep(for: .milliseconds(2))
    }
  }

  private func sum(_ log: String) throws -> Int {
    let text = try String(contentsOfFile: log, encoding: .utf8)
    return Int(text.trimmingCharacters(in: .whitespacesAndNewlines)) ?? 0
  }

  @Test("what was spent before kill -9 is known afterwards, and what was leased and not spent is not lost")
  func atRest() async throws {
    let directory = try TemporaryDirectory()
    let path = directory.file("limits.sqlite")
    let log = try directory.write("", to: "sum")
    await #expect(processExitsWith: .signal(SIGKILL)) { [path = path as String, log = log as String] in
      try await Self.spend(path, log, requests: 50)
      // Long enough for the last word to be written, too short for idle leases to go back (two seconds).
      try await Task.sleep(for: .milliseconds(600))
      kill(getpid(), SIGKILL)
      try await Task.sleep(for: .seconds(60))
    }
    #expect(try sum(log) == 5000 && used(path) == 5000)
    // And the next process goes on from there.
    let archive = try BucketArchive(path: path)
    let rig = Rig(Self.plan, store: try EmbeddedStore(archive: archive, clock: { 1_800_000_000_000 }))
    defer { rig.shutDown() }
    let left = await rig.on { desk -> Int? in
      let grant = desk.admit(request(prompt: 1000, expected: 0), waiter: nil).grant
      grant?.settle(prompt: 1000, completion: 0)
      return grant?.views.tokens?.remaining
    }
    #expect(left == 1_000_000 - 6000)
  }

  /// Has an answer of 100,000 tokens under a limit of 10,000 a minute.
  @Sendable private static func owe(_ path: String) async throws {
    let archive = try BucketArchive(path: path)
    let rig = Rig(
      LimitPlan([.tokens("minute", 10_000)]),
      store: try EmbeddedStore(archive: archive, clock: { 1_800_000_000_000 }))
    var ask = request(prompt: 100, expected: nil)
    ask.isOnePiece = true
    guard let held = await rig.admit(ask).0.grant else { return }
    await rig.on { _ in held.grant.settle(prompt: 100, completion: 100_000) }
  }

  @Test("a client that owes after an answer owes as much after kill -9 and restart")
  func inDebt() async throws {
    let directory = try TemporaryDirectory()
    let path = directory.file("limits.sqlite")
    await #expect(processExitsWith: .signal(SIGKILL)) { [path = path as String] in
      try await Self.owe(path)
      try await Task.sleep(for: .milliseconds(600))
      kill(getpid(), SIGKILL)
      try await Task.sleep(for: .seconds(60))
    }
    let clock = TestClock(1_800_000_000_000)
    let archive = try BucketArchive(path: path)
    let rig = Rig(
      LimitPlan([.tokens("minute", 10_000)]), store: try EmbeddedStore(archive: archive, clock: { clock.now }),
      clock: clock)
    defer { rig.shutDown() }
    // 1,024 at once, 8,976 a minute.
    for minute in 1...11 {
      clock.advance(60_000)
      #expect(await rig.admit(request(prompt: 10, expected: 10)).0.grant == nil, "after \(minute) minutes")
    }
    clock.advance(60_000)
    #expect(await eventually { await rig.admit(request(prompt: 10, expected: 10)).0.grant != nil })
  }

  @Test(
    "a kill in the middle of spending loses no more than the last moments, and counts at most a lease of each node too much"
  )
  func inTheMiddle() async throws {
    let directory = try TemporaryDirectory()
    let path = directory.file("limits.sqlite")
    let log = try directory.write("", to: "sum")
    await #expect(processExitsWith: .signal(SIGKILL)) { [path = path as String, log = log as String] in
      Thread.detachNewThread {
        Thread.sleep(forTimeInterval: 1.5)
        kill(getpid(), SIGKILL)
      }
      try await Self.spend(path, log, requests: 1_000_000)
    }
    let (sum, used) = (try sum(log), try used(path))
    print("kill: \(sum) spent, \(used) known afterwards")
    // What a node had in hand when it leased again, and had not told yet, counts as used: a hundredth of the quota at most, for each of the two.
    #expect(used <= sum + 2 * 10_000 + 200)
    // Nothing from above on time: half of it is a very wide bound for the last 100 ms of 1.5 s.
    #expect(used >= sum / 2 && sum > 0)
  }
}
