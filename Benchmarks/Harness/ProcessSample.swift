import Glibc

/// What the kernel has counted for a set of processes up to a moment, all their threads together.
struct ProcessSample: Codable {
  /// CPU time, from the scheduler's own account (`schedstat`): exact to the nanosecond, unlike the ticks of `stat`.
  var cpuNanoseconds: UInt64 = 0
  /// Time in which a thread could have run and another had its processor: neighbours on the machine, mostly.
  var waitingNanoseconds: UInt64 = 0
  /// Context switches because a thread waited, and because it was pushed off its processor.
  var voluntarySwitches: UInt64 = 0
  var involuntarySwitches: UInt64 = 0
  /// Resident memory in bytes, from `smaps_rollup`, which walks the pages; the counters of `statm` lag behind by up
  /// to some hundred kB.
  var residentBytes: UInt64 = 0

  /// Samples the processes now. One that has ended counts as zero.
  init(of pids: [pid_t], memory: Bool) {
    for pid in pids {
      for task in Self.entries("/proc/\(pid)/task") {
        let path = "/proc/\(pid)/task/\(task)"
        let times = Self.words(path + "/schedstat")
        if times.count >= 2 {
          cpuNanoseconds += times[0]
          waitingNanoseconds += times[1]
        }
        let status = Self.text(path + "/status")
        voluntarySwitches += Self.field("voluntary_ctxt_switches:", of: status)
        involuntarySwitches += Self.field("nonvoluntary_ctxt_switches:", of: status)
      }
      if memory { residentBytes += Self.field("Rss:", of: Self.text("/proc/\(pid)/smaps_rollup")) * 1024 }
    }
  }

  /// The processes whose parent is `pid`, and theirs.
  static func children(of pid: pid_t) -> [pid_t] {
    words("/proc/\(pid)/task/\(pid)/children").flatMap { [pid_t($0)] + children(of: pid_t($0)) }
  }

  /// A small file's text; empty when it cannot be read.
  static func text(_ path: String) -> Substring {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return "" }
    defer { close(descriptor) }
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 65_536)
    while true {
      let count = read(descriptor, &buffer, buffer.count)
      guard count > 0 else { break }
      bytes.append(contentsOf: buffer[..<count])
    }
    return Substring(decoding: bytes, as: UTF8.self)
  }

  private static func words(_ path: String) -> [UInt64] {
    text(path).split { $0 == " " || $0 == "\n" }.compactMap { UInt64($0) }
  }

  private static func field(_ name: String, of text: Substring) -> UInt64 {
    for line in text.split(separator: "\n") where line.hasPrefix(name) {
      return line.dropFirst(name.count).split { $0 == " " || $0 == "\t" }.first.flatMap { UInt64($0) } ?? 0
    }
    return 0
  }

  private static func entries(_ path: String) -> [String] {
    guard let directory = opendir(path) else { return [] }
    defer { closedir(directory) }
    var names: [String] = []
    while let entry = readdir(directory) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
        pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if !name.hasPrefix(".") { names.append(name) }
    }
    return names
  }
}
