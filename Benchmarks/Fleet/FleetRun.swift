import Glibc
import Reactor
import TestKit

/// One run: Redis, gateways, balancer, upstream and clients from start to end.
struct FleetRun {
  let bench: FleetBench
  let kind: FleetResult.Kind
  var plan: FleetPlan
  /// One process that keeps the limit itself.
  var isEmbedded = false

  /// What the timeline's thread saw.
  private struct Seen {
    var callsAtBegin = 0
    var callsAtQuarter = 0
    var callsAtEnd = 0
    var problem: String?
  }

  func run() throws -> FleetResult {
    let fault: FleetFault? = if case .fault(let fault) = kind { fault } else { nil }
    let store = isEmbedded ? nil : try FleetStore(for: fault)
    let limits: FleetGateways.Limits =
      kind == .fixedWindow ? .none : store.map { .redis($0.url) } ?? .embedded
    let gateways = try FleetGateways(bench, plan, limits)
    defer { gateways.stop() }
    var plan = plan
    plan.promptTokens = gateways.promptTokens
    let table = try TokenTable(events: plan.answerEvents * 2, data: bench.data)
    plan.answerTokens = table.total(plan.answerEvents)
    var fixedWindow: FixedWindow?
    if kind == .fixedWindow, let store {
      fixedWindow = try FixedWindow(port: store.port, limit: plan.limit, milliseconds: plan.windowMilliseconds)
    }
    let load = try FleetLoad(port: gateways.port, plan, table, fixedWindow: fixedWindow)

    let seen = Locked(Seen())
    var timeline: pthread_t?
    load.run { begin in
      guard let store else { return }
      let plan = plan
      timeline = spawn { Self.follow(plan, begin, store, fault, seen) }
    }
    if let timeline { join(timeline) }
    let story = seen.withLock { $0 }
    var result = result(load, story)
    result.breaches = FleetResult.breaches(kind, result, usesRedis: store != nil)
    result.breaches += gateways.ended()
    if let problem = story.problem { result.breaches.append("the fault could not be made: \(problem)") }
    return result
  }

  /// Beside the load, on a thread of its own: reads Redis' counters and does the fault after a quarter of the measured time.
  private static func follow(
    _ plan: FleetPlan, _ begin: MonotonicTime, _ store: FleetStore, _ fault: FleetFault?, _ seen: Locked<Seen>
  ) {
    func wait(until second: Double) {
      let due = begin + .milliseconds(Int(second * 1000))
      while MonotonicTime.readClock() < due { usleep(2_000) }
    }
    let settle = Double(plan.settleSeconds)
    let seconds = Double(plan.seconds)
    wait(until: settle)
    let atBegin = store.calls()
    seen.withLock { $0.callsAtBegin = atBegin }
    if let fault {
      wait(until: settle + seconds / 4)
      do {
        try store.inflict(fault, seconds: plan.seconds)
      } catch {
        seen.withLock { $0.problem = "\(error)" }
      }
    }
    wait(until: settle + seconds * 3 / 4)
    let atQuarter = store.calls()
    wait(until: settle + seconds)
    let atEnd = store.calls()
    seen.withLock { ($0.callsAtQuarter, $0.callsAtEnd) = (atQuarter, atEnd) }
  }

  private func result(_ load: FleetLoad, _ seen: Seen) -> FleetResult {
    let plan = load.plan
    let settled = plan.settleSeconds * 1000
    let measured = settled..<plan.endMillisecond
    let lastQuarter = plan.endMillisecond - measured.count / 4..<plan.endMillisecond
    let window = plan.windowMilliseconds
    var calls: Double?
    if let fixedWindow = load.fixedWindow {
      calls = Double(fixedWindow.calls) / Double(plan.settleSeconds + plan.seconds)
    } else if seen.callsAtEnd > seen.callsAtBegin {
      calls = Double(seen.callsAtEnd - seen.callsAtBegin) / Double(plan.seconds)
    }
    return FleetResult(
      name: kind.name, words: kind.words, plan: plan, counts: load.counts, isExact: load.table.isExact,
      worstPercent: plan.percent(load.log.most(in: window), of: window),
      fewestPercent: load.log.fewest(in: window, within: measured).map { plan.percent($0, of: window) },
      meanPercent: plan.percent(load.log.sum(measured), of: measured.count),
      lastQuarterPercent: plan.percent(load.log.sum(lastQuarter), of: lastQuarter.count),
      callsPerSecond: calls, isAskedAgain: seen.callsAtEnd > seen.callsAtQuarter, breaches: [])
  }
}
