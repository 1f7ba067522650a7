internal import Glibc

/// The process' standard streams.
public enum StandardStream {
  /// A descriptor for the same pipe whose writes fail with EAGAIN instead of waiting; for what is no pipe, or cannot be opened again,
  /// `descriptor` itself. The stream's own flags are not touched: other processes share them.
  public static func withoutWaiting(_ descriptor: Int32) -> Int32 {
    var info = stat()
    guard fstat(descriptor, &info) == 0, info.st_mode & S_IFMT == S_IFIFO else { return descriptor }
    let own = open("/proc/self/fd/\(descriptor)", O_WRONLY | O_NONBLOCK | O_CLOEXEC)
    return own >= 0 ? own : descriptor
  }
}
