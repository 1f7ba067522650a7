import Gateway
import Glibc
import Reactor

/// Standard error as the gateway's threads write to it: a reader that does not read costs lines, never time.
enum StandardError {
  private static let descriptor = StandardStream.withoutWaiting(STDERR_FILENO)
  private static let dropped = Locked(0)

  /// Writes one line, or drops it when it cannot be written now; the next that can says how many were.
  static func write(_ line: String) {
    dropped.withLock { dropped in
      guard isWritable else { return dropped += 1 }
      if dropped > 0 {
        put("sluice: standard error was not read; \(dropped) lines dropped\n")
        dropped = 0
      }
      put(line)
    }
  }

  private static var isWritable: Bool {
    var waited = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
    return poll(&waited, 1, 0) > 0
  }

  private static func put(_ line: String) {
    var line = line
    line.withUTF8 { bytes in _ = Glibc.write(descriptor, bytes.baseAddress, bytes.count) }
  }
}
