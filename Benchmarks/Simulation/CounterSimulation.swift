import RateLimiting

/// The two schemes that others use: one counter for each minute in the store, no limit inside an answer.
struct CounterSimulation {
  private struct Stream {
    var left: Int
    var thousandths = 0
    let used: Int
    let reserved: Int
    let window: Int
  }

  /// What LiteLLM reserves for an answer whose request names no bound.
  private static let reservedOutput = 4096
  private static let windowMilliseconds = 60_000

  private let scenario: SimulationScenario
  private let reserves: Bool
  private var demand: Demand
  private var store: SimulatedStore
  private var counter = 0
  private var window = 0
  private var windowEnds = 0
  private var streams: [Stream] = []

  init(_ scenario: SimulationScenario, seed: UInt64) {
    self.scenario = scenario
    reserves = scenario.scheme == .reserve
    demand = Demand(scenario, seed: seed)
    store = SimulatedStore(scenario)
  }

  mutating func run() -> SimulationResult {
    var result = SimulationResult()
    var monitor = DeliveryMonitor(rate: scenario.terms.bucket.rate, windowMilliseconds: Self.windowMilliseconds)
    var last = -1
    for now in stride(from: 0, to: scenario.milliseconds, by: scenario.stepMilliseconds) {
      for fault in scenario.faults { if case .storeEmptied(let at) = fault, last < at, at <= now { windowEnds = 0 } }
      let isDown = scenario.faults.contains {
        if case .storeDown(let from, let until) = $0 { from <= now && now < until } else { false }
      }
      for arrival in demand.arrivals(at: now) {
        result.calls += 1
        if admit(arrival.request, now, isDown: isDown) {
          monitor.delivered(arrival.request.prompt, at: now)
        } else {
          result.rejected += 1
        }
      }
      flow(now, isDown: isDown, &monitor, &result)
      result.peakStreams = max(result.peakStreams, streams.count)
      last = now
    }
    result.worstWindow = monitor.worstWindow
    result.worstExcess = monitor.worstExcess
    result.delivered = monitor.total
    result.milliseconds = scenario.milliseconds
    return result
  }

  private mutating func renew(_ now: Int) {
    guard now >= windowEnds else { return }
    (counter, window, windowEnds) = (0, window + 1, now + Self.windowMilliseconds)
  }

  /// Both let requests pass when the store is down.
  private mutating func admit(_ request: LeaseNode.Request, _ now: Int, isDown: Bool) -> Bool {
    let reserved = reserves ? request.guess + Self.reservedOutput : 0
    if !isDown {
      renew(now)
      guard reserves ? counter + reserved <= scenario.limit : counter <= scenario.limit else { return false }
      counter += reserved
    }
    streams.append(
      Stream(
        left: request.output, used: request.prompt + request.output, reserved: isDown ? 0 : reserved, window: window))
    return true
  }

  private mutating func flow(
    _ now: Int, isDown: Bool, _ monitor: inout DeliveryMonitor, _ result: inout SimulationResult
  ) {
    var delivered = 0
    for place in streams.indices {
      streams[place].thousandths += scenario.unitsPerSecond * scenario.stepMilliseconds
      let event = min(streams[place].thousandths / 1000, streams[place].left)
      streams[place].thousandths -= event * 1000
      streams[place].left -= event
      delivered += event
    }
    monitor.delivered(delivered, at: now)
    for stream in streams where stream.left == 0 {
      result.done += 1
      result.calls += 1
      guard !isDown else { continue }
      renew(now)
      counter += stream.used - (stream.window == window ? stream.reserved : 0)
    }
    streams.removeAll { $0.left == 0 }
  }
}
