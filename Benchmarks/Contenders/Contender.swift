import Glibc

/// Something that may stand between the load generator and the upstream.
protocol Contender {
  var name: String { get }
  /// What exactly is measured, for the report.
  var words: String { get }
  /// Whether it is a process of its own; `direct` is none.
  var hasProcess: Bool { get }

  /// Starts it in front of the upstream, on its processor.
  func start(_ bench: Bench, upstreamPort: UInt16) throws -> RunningContender
}

/// A started contender; ends with the value's last owner.
struct RunningContender {
  let name: String
  let port: UInt16
  let process: ChildProcess?
  /// Where it writes its errors.
  let errorLog: String?
  /// Asked until it answers 200.
  var readinessRequest = BenchmarkRequest(.whole).bytes
  /// The Redis that it alone uses, if its calls are to be counted.
  var storePort: UInt16?

  /// Its processes, the workers included.
  var processes: [pid_t] { process?.family ?? [] }

  /// The last of what it said, for an error message.
  var logTail: String {
    guard let errorLog else { return "" }
    let lines = ProcessSample.text(errorLog).split(separator: "\n").suffix(10)
    return lines.isEmpty ? "" : "\n" + lines.joined(separator: "\n")
  }
}
