internal import CLinux

/// Asks `condition` every millisecond until it holds; false when `timeout` (times `testPatience`) has passed before. Blocks the thread: for
/// what another thread or process brings about.
public func waitUntil(timeout: Duration = .seconds(30), _ condition: () throws -> Bool) rethrows -> Bool {
  let clock = ContinuousClock()
  let deadline = clock.now + timeout * testPatience
  while true {
    if try condition() { return true }
    if clock.now >= deadline { return false }
    usleep(1000)
  }
}

/// The machine's monotonic clock, in nanoseconds: the one that snapshots of the simulator tell.
public func monotonicNanoseconds() -> UInt64 { sluice_monotonic_nanoseconds() }
