import CBenchmarks
import CLinux
import Reactor

/// One thing to time in this process.
struct MicroVariant {
  var name: String
  /// What one call of `pass` reads, in bytes, and how many events, documents or heads these are.
  var bytes: Int
  var units: Int
  /// Does the work once; the result, any number that depends on it, keeps the optimiser from leaving it out.
  var pass: () -> UInt64
}

/// The course of the scenarios that time a pure module alone: no process, no socket, one thread.
enum MicroRun {
  /// Times each variant for a part of the window in turns, and counts what it allocates.
  static func run(_ variants: [MicroVariant], unit: String, _ bench: Bench, into report: inout ScenarioReport) throws {
    guard countsAllocations() else { throw BenchmarkError("allocations are not counted: malloc is another library's") }
    if let processor = bench.placement.gateway { _ = bench_run_on(Int32(processor)) }
    defer { _ = bench_run_on(-1) }
    let seconds = min(0.5, bench.options.seconds)
    report.parameters = [
      ("window", "\(seconds) s"), ("rounds", "\(bench.options.rounds)"), ("unit", unit),
      (
        "sizes", variants.map { "\($0.name): \($0.bytes / max(1, $0.units)) bytes per \(unit)" }.joined(separator: ", ")
      ),
    ]
    // Warm: the first pass may grow what is kept for all later ones.
    for variant in variants { bench_keep(variant.pass()) }
    for round in 1...bench.options.rounds {
      bench.say("\(report.name): round \(round) of \(bench.options.rounds)")
      for variant in variants { report.add(variant.name, measure(variant, seconds)) }
    }
  }

  /// A counter that does not count would prove everything: so it is tried first.
  private static func countsAllocations() -> Bool {
    let before = bench_allocation_count()
    let memory = UnsafeMutableRawPointer.allocate(byteCount: 64, alignment: 1)
    bench_keep(UInt64(UInt(bitPattern: memory)))
    memory.deallocate()
    return bench_allocation_count() > before
  }

  private static func measure(_ variant: MicroVariant, _ seconds: Double) -> Measurement {
    var passes = 0
    let allocationsBefore = bench_allocation_count()
    let cpuBefore = sluice_thread_cpu_nanoseconds()
    let deadline = MonotonicTime.readClock() + .seconds(seconds)
    repeat {
      bench_keep(variant.pass())
      passes += 1
    } while MonotonicTime.readClock() < deadline
    // CPU time, not time on the wall: a neighbour on the same processor would count otherwise.
    let nanoseconds = Double(sluice_thread_cpu_nanoseconds() &- cpuBefore)
    let allocations = bench_allocation_count() &- allocationsBefore
    let units = Double(passes * variant.units)
    var measurement = Measurement()
    measurement.set(.gigabytesPerSecond, Double(passes * variant.bytes) / nanoseconds)
    measurement.set(.nanosecondsPerUnit, nanoseconds / units)
    measurement.set(.allocationsPerUnit, Double(allocations) / units)
    return measurement
  }
}
