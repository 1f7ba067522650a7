import CLinux
import Glibc

/// What the process asks of the system at its start.
enum ProcessLimits {
  /// What is asked for: a stream takes two descriptors.
  private static let descriptorsWanted: rlim_t = 1 << 20

  /// Raises the limit of open descriptors as far as the system lets this process: to `descriptorsWanted` with the privilege for it, else to
  /// the hard limit. Gives back what was reached.
  @discardableResult
  static func raiseDescriptorLimit() -> Int {
    let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
    var limit = rlimit()
    guard getrlimit(resource, &limit) == 0 else { return 0 }
    let most = max(limit.rlim_max, descriptorsWanted)
    var wanted = rlimit(rlim_cur: most, rlim_max: most)
    if setrlimit(resource, &wanted) != 0 {
      limit.rlim_cur = limit.rlim_max
      _ = setrlimit(resource, &limit)
    }
    _ = getrlimit(resource, &limit)
    return Int(clamping: limit.rlim_cur)
  }

  /// Has the memory of large request bodies go back to the system when it is freed: left to itself the allocator keeps it, up to 64 MiB a thread, once a
  /// large body has been freed.
  static func returnLargeBlocks() { sluice_return_large_blocks() }

  /// The processors that this process may run on.
  static var processorCount: Int { max(1, Int(sysconf(Int32(_SC_NPROCESSORS_ONLN)))) }
}
