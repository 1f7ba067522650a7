import RateLimiting

extension SimulationScenario {
  /// The most units that one lease brings: its own size, or what one request needs at once.
  var heldByNode: Int { terms.leaseMost + terms.leaseLeast + prompts.upperBound + LeaseNode.outputAhead }

  /// The longest time in which nobody, or some nodes, reached the store.
  var longestAbsence: Int {
    faults.map { fault in
      switch fault {
      case .storeDown(let from, let until), .partition(let from, let until, _), .storeSlow(let from, let until, _): until - from
      default: 0
      }
    }.max() ?? 0
  }

  /// What the design promises: burst + held credit + error, and for each fault what docs/limits.md says of it.
  func bound(peakStreams: Int) -> LimitBound {
    let terms = terms
    let (rate, burst) = (terms.bucket.rate, terms.bucket.burst)
    let held = nodes * heldByNode
    let event = unitsPerSecond * stepMilliseconds / 1000 + 1
    let underestimate = Int((Double(prompts.upperBound) * (promptError + promptBias)).rounded(.up))
    var error = peakStreams * (event + underestimate)
    let crashes = faults.contains { if case .nodeCrashes = $0 { true } else { false } }
    for fault in faults {
      switch fault {
      case .storeDown(let from, let until), .storeSlow(let from, let until, _):
        // The nodes' own buckets, and what fills up meanwhile at the store.
        error += nodes * terms.leaseMost + min(burst, rate.units(inMilliseconds: until - from))
      case .partition(let from, let until, let count):
        error += count * terms.leaseMost + rate.units(inMilliseconds: until - from) * count / nodes
      case .storeEmptied, .storeRolledBack:
        // What was leased since the snapshot of whoever comes first; all of the bucket when those who knew have crashed too.
        error += held + heldByNode + (crashes ? burst : 0)
      case .clockJumps(_, let by): error += min(burst, rate.units(inMilliseconds: max(0, by)))
      case .nodeCrashes: error += peakStreams * (event + underestimate)
      }
    }
    return LimitBound(rate: rate, burst: burst, held: held, error: error)
  }
}
