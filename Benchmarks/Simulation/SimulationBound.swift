import RateLimiting

extension SimulationScenario {
  /// The longest time in which nobody, or some nodes, reached the store.
  var longestAbsence: Int {
    faults.map { fault in
      switch fault {
      case .storeDown(let from, let until), .partition(let from, let until, _), .storeSlow(let from, let until, _):
        until - from
      default: 0
      }
    }.max() ?? 0
  }

  /// What the design promises: burst + held credit + error, and for each fault what docs/limits.md says of it.
  func bound(_ result: SimulationResult) -> LimitBound {
    let (peakRunning, peakStreams) = (result.peakRunning, result.peakStreams)
    let terms = terms
    let (rate, burst) = (terms.bucket.rate, terms.bucket.burst)
    let event =
      switch answers {
      case .streamed: unitsPerSecond * stepMilliseconds / 1000 + 1
      case .events(let units): units
      // All of it is delivered before it is known.
      case .onePiece: result.largestPiece
      }
    let underestimate = Int((Double(prompts.upperBound) * (promptError + promptBias)).rounded(.up))
    let error = event + underestimate
    let prompt = min(limit, Int(Double(prompts.upperBound) * (1 + promptError)))
    let reserved = answers == .onePiece ? OutputReserve.most(terms.bucket) : LeaseNode.outputAhead
    let needMost = prompt + max(LeaseNode.outputAhead, reserved)
    var bound = LimitBound(
      terms, nodes: nodes, needMost: needMost, allowance: max(reserved, LeaseNode.drawMost + 16) + event,
      streams: peakRunning, eventMax: 0, unforeseen: peakStreams * error)
    let crashes = faults.contains { if case .nodeCrashes = $0 { true } else { false } }
    for fault in faults {
      switch fault {
      case .storeDown(let from, let until), .storeSlow(let from, let until, _):
        // The nodes' own buckets, and what fills up meanwhile at the store.
        bound.error += nodes * terms.leaseMost + min(burst, rate.units(inMilliseconds: until - from))
      case .partition(let from, let until, let count):
        bound.error += count * terms.leaseMost + rate.units(inMilliseconds: until - from) * count / nodes
      case .storeEmptied, .storeRolledBack:
        // What was leased since the snapshot of whoever comes first; all of the bucket when those who knew have crashed too.
        bound.error += (nodes + 1) * (terms.leaseMost + needMost) + (crashes ? burst : 0)
      case .clockJumps(_, let by): bound.error += min(burst, rate.units(inMilliseconds: max(0, by)))
      case .nodeCrashes: bound.error += peakStreams * error
      }
    }
    return bound
  }
}
