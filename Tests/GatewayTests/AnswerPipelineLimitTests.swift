import ChatProtocol
import Foundation
import Quotas
import RateLimiting
import Reactor
import ScriptedUpstream
import TestKit
import Testing
import TokenAccounting

@testable import Lifecycle

/// The relay under a limit, its desk on a reactor and its store in memory: what is released depends on the events alone.
@Suite("The relay of a stream that is limited")
struct AnswerPipelineLimitTests {
  private struct Consumer: SubjectFacts, Sendable {
    let name: String
    func value(of part: SubjectPart) -> String? { part == .consumer ? name : nil }
  }

  /// A desk whose every consumer has so many tokens of output; on its reactor.
  private final class Bench: @unchecked Sendable {
    let desk: LimitDesk
    private var number = 0
    let buffer = UnsafeMutableRawBufferPointer.allocate(
      byteCount: Reactor.headRoom + Reactor.readBytesMax + Reactor.tailRoom, alignment: 64)

    init?(_ reactor: Reactor, tokens: Int) {
      var rule = LimitRule(
        "l", .tokens(.output), .calendar(.day, .utc), cases: [LimitRule.Case(amount: tokens)], each: [.consumer])
      rule.waitMilliseconds = 0
      guard let store = try? EmbeddedStore(clock: { 1_795_250_045_000 }) else { return nil }
      desk = LimitDesk(LimitPlan([rule]), on: reactor, storage: store, node: "n", unixTime: { 1_795_250_045 })
      desk.start()
    }

    deinit { buffer.deallocate() }

    func grant() -> LimitGrant? {
      number += 1
      let request = LimitRequest(facts: Consumer(name: "\(number)"), model: "m", promptTokens: 0, expectedOutput: 64)
      if case .admitted(let grant) = desk.admit(request, waiter: nil) { return grant }
      return nil
    }

    /// Hands over the pieces as reads; gives back what was released by then, and what `goOn` released after that, one by one.
    func run(_ dialect: AnswerPipeline.Events, _ pieces: [ArraySlice<UInt8>]) throws -> (
      first: [UInt8], later: [[UInt8]], relay: AnswerPipeline
    ) {
      guard let grant = grant() else { return ([], [], Self.pipeline(dialect, nil, nil)) }
      var relay = Self.pipeline(dialect, AnswerCounter(.general), grant)
      var first: [UInt8] = []
      for (index, piece) in pieces.enumerated() {
        let start = Reactor.headRoom
        UnsafeMutableRawBufferPointer(rebasing: buffer[start..<start + piece.count]).copyBytes(from: piece)
        let release = try relay.take(buffer, start..<start + piece.count, isLast: index == pieces.count - 1)
        first += bytes(try asked(release, &relay, grant), &relay)
      }
      var later: [[UInt8]] = []
      while relay.isStopped, later.count < 10_000 {
        relay.budget.allow(grant.allowance, isNearLimit: true)
        later.append(bytes(try asked(relay.goOn(isLast: true), &relay, grant), &relay))
      }
      grant.abandon()
      return (first, later, relay)
    }

    static func pipeline(
      _ events: AnswerPipeline.Events, _ counter: AnswerCounter?, _ grant: LimitGrant?
    ) -> AnswerPipeline {
      AnswerPipeline(
        events, counter: counter, budget: grant.map { AnswerBudget(left: $0.allowance) } ?? .unlimited,
        eventBytesMax: 8 << 20, holdsBytesMax: 0, tailRoom: Reactor.tailRoom)
    }

    /// Asks the limits as often as the budget is used up.
    func asked(
      _ first: AnswerPipeline.Release, _ relay: inout AnswerPipeline, _ grant: LimitGrant
    ) throws -> AnswerPipeline.Release {
      var release = first
      while release == .asksForMore {
        let spent = relay.budget.takeSpent()
        switch grant.spend(output: spent.output, reasoning: spent.reasoning) {
        case .ample: relay.budget.allow(grant.allowance, isNearLimit: false)
        case .low: relay.budget.allow(grant.allowance, isNearLimit: true)
        case .dry: relay.budget.runDry()
        }
        release = try relay.proceed(buffer)
      }
      return release
    }

    private func bytes(_ release: AnswerPipeline.Release, _ relay: inout AnswerPipeline) -> [UInt8] {
      switch release {
      case .asksForMore: return []
      case .inBuffer(let range): return [UInt8](buffer[range])
      case .inLarge(let range):
        guard !range.isEmpty else { return [] }
        return [UInt8](relay.takeLarge()[range])
      }
    }
  }

  private func onBench<Result: Sendable>(
    tokens: Int = 40, _ body: @escaping @Sendable (Bench) throws -> Result
  ) async throws -> Result {
    let group = ReactorGroup.started(count: 1)
    defer { group.shutDown() }
    let reactor = group.reactors[0]
    let result = await reactor.run { () -> Swift.Result<Result, any Error>? in
      Bench(reactor, tokens: tokens).map { bench in Swift.Result { try body(bench) } }
    }
    return try #require(result).get()
  }

  private static func plan(_ script: String, _ endpoint: StreamPlan.Endpoint) throws -> StreamPlan {
    StreamPlan(try Script(parsing: script), model: "m", includeUsage: true, endpoint: endpoint)
  }

  private static func dialect(_ endpoint: StreamPlan.Endpoint) -> AnswerPipeline.Events {
    endpoint == .chat || endpoint == .completions ? .chunks(choices: 1, keepsUsage: true) : .other
  }

  @Test(
    "releases whole events up to the one that reaches the limit, and the rest when it may go on, however the stream is split",
    arguments: [
      ("provider=openai", StreamPlan.Endpoint.chat), ("provider=openai lineEnd=crlf comments=2", .chat),
      ("provider=openai lineEnd=cr bom", .chat), ("provider=openai reasoning=4 tools=1", .chat),
      ("provider=openai", .completions), ("provider=anthropic reasoning=4", .messages),
      ("provider=anthropic lineEnd=crlf tools=1", .messages), ("provider=openai", .responses),
      ("provider=gemini", .gemini),
    ])
  func everySplit(shape: String, endpoint: StreamPlan.Endpoint) async throws {
    // Some 200 tokens, where 130 are allowed.
    let script = "\(shape) events=70 text=mixed"
    let plan = try Self.plan(script, endpoint)
    let all = plan.eventBytes.flatMap { $0 }
    let events = plan.eventBytes
    let dialect = Self.dialect(endpoint)
    let faults = try await onBench(tokens: 130) { bench -> [String] in
      var faults: [String] = []
      let whole = try bench.run(dialect, [all[...]])
      if whole.first.isEmpty || whole.first.count >= all.count {
        faults.append("no limit: \(whole.first.count) of \(all.count)")
      }
      // What is released are the first so many events.
      var prefix: [UInt8] = []
      var isWhole = false
      for event in events {
        if prefix == whole.first { isWhole = true }
        prefix += event
      }
      // A comment in front of the next event may go with it or before it.
      if !isWhole, !shape.contains("comments") { faults.append("not whole events") }
      if whole.first + whole.later.flatMap({ $0 }) != all { faults.append("not the same in the end") }
      // Cuts in two at many places, and pieces of one size, down to single bytes.
      var splits: [[ArraySlice<UInt8>]] = stride(from: 0, through: all.count, by: 61).map { [all[..<$0], all[$0...]] }
      for size in [1, 2, 7, 64, 509] { splits.append(pieces(of: all, size: size).map { $0 }) }
      for (number, split) in splits.enumerated() {
        let run = try bench.run(dialect, split)
        // The LF of a CRLF may come too late to go with its event.
        let isSame = run.first == whole.first || (shape.contains("crlf") && run.first + [10] == whole.first)
        if !isSame { faults.append("split \(number): \(run.first.count) instead of \(whole.first.count)") }
        if run.first + run.later.flatMap({ $0 }) != all { faults.append("split \(number): not the same in the end") }
      }
      return faults
    }
    #expect(faults.isEmpty, "\(faults.prefix(5))")
  }

  @Test("lets the end of the answer pass at a limit: the reason, usage, [DONE], and whatever closes a block")
  func endPasses() async throws {
    for endpoint in [StreamPlan.Endpoint.chat, .completions, .messages, .responses] {
      let provider = endpoint == .messages ? "anthropic" : "openai"
      let dialect = Self.dialect(endpoint)
      // Ever longer answers, until one is stopped; the one before it ended right where the limit was reached.
      let plans = try (20..<100).map {
        try Self.plan("provider=\(provider) events=\($0) text=mixed", endpoint).eventBytes.flatMap { $0 }
      }
      let seen = try await onBench(tokens: 130) { bench -> (stopped: Int, isSame: Bool, isWhole: Bool, isDry: Bool) in
        var before = (isSame: false, isWhole: false, isDry: false)
        for (index, all) in plans.enumerated() {
          let run = try bench.run(dialect, [all[...]])
          guard run.later.isEmpty else { return (index, before.isSame, before.isWhole, before.isDry) }
          before = (run.first == all, run.relay.findings.isWhole(choices: 1), run.relay.isDry)
        }
        return (-1, false, false, false)
      }
      #expect(seen.stopped > 0 && seen.isSame && seen.isWhole && seen.isDry, "\(endpoint) \(seen)")
    }
  }

  @Test("knows which block is open at the limit, and when its end has passed")
  func openBlock() async throws {
    for (thoughts, block) in [(0, 0), (2, 1), (99, 0)] {
      let all = try Self.plan("provider=anthropic reasoning=\(thoughts) events=99 text=mixed", .messages)
        .eventBytes.flatMap { $0 }
      let (part, isEnded) = try await onBench(tokens: 130) { bench in
        guard let grant = bench.grant() else { return (-1, true) }
        var relay = Bench.pipeline(.other, AnswerCounter(.general), grant)
        let start = Reactor.headRoom
        UnsafeMutableRawBufferPointer(rebasing: bench.buffer[start..<start + all.count]).copyBytes(from: all)
        _ = try bench.asked(
          relay.take(bench.buffer, start..<start + all.count, isLast: true), &relay, grant)
        return (relay.partAtLimit, relay.isPartEnded)
      }
      #expect(part == block && !isEnded, "\(thoughts) thoughts: \(part)")
    }
  }

  @Test("without a grant releases everything")
  func unlimited() throws {
    let all = try Self.plan("provider=openai events=40", .chat).eventBytes.flatMap { $0 }
    var relay = Bench.pipeline(.chunks(choices: 1, keepsUsage: true), AnswerCounter(.general), nil)
    let buffer = UnsafeMutableRawBufferPointer.allocate(
      byteCount: Reactor.headRoom + Reactor.readBytesMax + Reactor.tailRoom, alignment: 64)
    defer { buffer.deallocate() }
    let range = Reactor.headRoom..<Reactor.headRoom + all.count
    UnsafeMutableRawBufferPointer(rebasing: buffer[range]).copyBytes(from: all)
    #expect(try relay.take(buffer, range, isLast: true) == .inBuffer(range))
    #expect(!relay.isDry && !relay.isStopped && relay.identityAtLimit == nil)
  }
}
