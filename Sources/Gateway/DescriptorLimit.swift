public import Logging
internal import Glibc

/// How many descriptors the process may hold.
public enum DescriptorLimit {
  /// Kept for files, look-ups, stores and the admin port.
  private static let kept = 64
  /// What a request takes at least, beyond what is open at the start: the client's connection, the upstream's, a look-up's files.
  private static let requestNeeds = 6
  /// Fewer places are worth a warning.
  private static let placesWanted = 512

  /// Client connections that fit: each may need a second descriptor for its upstream.
  static var connectionsMax: Int { max(1, (current - kept) / 2) }

  /// Looks, at the end of a start, at what is left for requests.
  ///
  /// - Throws: when not even one request could be served.
  public static func check(connectionsWanted: Int, logger: Logger) throws(GatewayStartError) {
    let limit = current
    let open = openCount
    guard limit - open >= requestNeeds else {
      throw GatewayStartError(
        "The limit of \(limit) open files is too low: \(open) are in use after the start, and a request takes \(requestNeeds) more. Raise it: ulimit -n, LimitNOFILE."
      )
    }
    guard connectionsMax < min(placesWanted, connectionsWanted) else { return }
    logger.warning(
      "few open files are allowed; raise the limit (ulimit -n, LimitNOFILE)",
      metadata: ["descriptors": "\(limit)", "connections_max": "\(connectionsMax)"])
  }

  /// Descriptors that the process has open.
  private static var openCount: Int {
    guard let directory = opendir("/proc/self/fd") else { return 0 }
    defer { closedir(directory) }
    var count = 0
    while let entry = readdir(directory) {
      // "." and ".." are none; the directory's own is closed again.
      if entry.pointee.d_name.0 != CChar(bitPattern: UInt8(ascii: ".")) { count += 1 }
    }
    return max(0, count - 1)
  }

  /// The soft limit at this moment.
  static var current: Int {
    var limit = rlimit()
    guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return 1024 }
    return Int(clamping: limit.rlim_cur)
  }
}
