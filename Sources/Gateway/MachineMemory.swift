internal import Glibc

/// How much memory the process may use.
enum MachineMemory {
  private static let shareMin = 16 << 20

  /// What request bodies may take when nobody says: a quarter.
  static let bodyShare = max(shareMin, bytes / 4)

  /// The machine's memory, or what the container is given of it.
  static var bytes: Int {
    let pages = Int(sysconf(Int32(_SC_PHYS_PAGES)))
    let machine =
      pages > 0 ? pages.multipliedReportingOverflow(by: Int(sysconf(Int32(_SC_PAGESIZE)))).partialValue : 1 << 30
    return min(machine, groupLimit(of: text("/proc/self/cgroup")) ?? .max)
  }

  /// The least limit of the control groups that the process is in; nil when none is set.
  private static func groupLimit(of groups: String) -> Int? {
    var limits: [Int] = []
    for line in groups.split(separator: "\n") {
      let parts = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
      guard parts.count == 3 else { continue }
      let isUnified = parts[1].isEmpty
      guard isUnified || parts[1].split(separator: ",").contains("memory") else { continue }
      let root = isUnified ? "/sys/fs/cgroup" : "/sys/fs/cgroup/memory"
      let file = isUnified ? "memory.max" : "memory.limit_in_bytes"
      // A limit of a group above holds as well. Inside a container the path may lead nowhere, and the root is the container's.
      var path = parts[2].split(separator: "/").prefix(32)
      while true {
        let directory = ([root] + path.map(String.init)).joined(separator: "/")
        if let limit = Int(text("\(directory)/\(file)").prefix { $0 != "\n" }), limit > 0 { limits.append(limit) }
        if path.isEmpty { break }
        path.removeLast()
      }
    }
    return limits.min()
  }

  private static func text(_ file: String) -> String {
    let descriptor = open(file, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return "" }
    defer { close(descriptor) }
    var bytes = [UInt8](repeating: 0, count: 16 << 10)
    let count = read(descriptor, &bytes, bytes.count)
    return String(decoding: bytes.prefix(max(0, count)), as: UTF8.self)
  }
}
