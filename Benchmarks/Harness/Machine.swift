import CBenchmarks
import Glibc

/// Where the figures were measured: without it they mean nothing.
struct Machine: Codable {
  var processorModel: String
  var processors: Int
  var memoryGibibytes: Double
  var kernel: String
  var placement: String

  init(_ placement: Placement) {
    let model = ProcessSample.text("/proc/cpuinfo").split(separator: "\n").first { $0.hasPrefix("model name") }
    processorModel = model.map { String($0.drop { $0 != ":" }.dropFirst(2)) } ?? "unknown"
    processors = Int(bench_processor_count())
    let memory = ProcessSample.text("/proc/meminfo").split { $0 == " " || $0 == "\n" }.dropFirst().first
    memoryGibibytes = (memory.flatMap { Double($0) } ?? 0) / 1_048_576
    kernel = ProcessSample.text("/proc/sys/kernel/osrelease").split(separator: "\n").first.map(String.init) ?? "unknown"
    self.placement = placement.words
  }
}

/// Which process runs where: the gateway has a processor of its own, so that its cost does not depend on what the
/// load does.
struct Placement {
  var gateway: Int?
  var load: Int?

  init() {
    guard bench_processor_count() >= 2 else { return }
    gateway = 0
    load = 1
  }

  var words: String {
    gateway == nil
      ? "one processor for everything: latencies and throughput include the load generator's waiting"
      : "gateway on processor 0, load generator and upstream on processor 1"
  }
}
