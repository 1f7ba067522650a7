internal import Glibc

/// A system call that failed: what was tried, and why the system refused.
public struct SystemCallError: Error, Equatable, CustomStringConvertible, Sendable {
  /// errno.
  public let code: Int32
  /// What was tried.
  public let operation: String

  /// An error with its errno.
  public init(code: Int32, operation: String) {
    self.code = code
    self.operation = operation
  }

  /// The operation, the system's words, and the mend where the cause is a limit of this process or machine.
  public var description: String {
    let words = "\(operation): \(Self.words(code))"
    return Self.mend(code).map { "\(words) (\($0))" } ?? words
  }

  /// Whether the call failed because this process or machine has no more of something, whatever its peer does.
  public var isExhaustion: Bool { Self.isExhaustion(code) }

  /// Whether `code` says that this process or machine has no more of something: descriptors, memory, watches.
  public static func isExhaustion(_ code: Int32) -> Bool {
    switch code {
    case EMFILE, ENFILE, ENOBUFS, ENOMEM, ENOSPC: true
    default: false
    }
  }

  /// The system's words for an errno, without strerror's shared buffer.
  public static func words(_ code: Int32) -> String {
    var buffer = [CChar](repeating: 0, count: 128)
    guard strerror_r(code, &buffer, buffer.count) == 0 || buffer[0] != 0 else { return "error \(code)" }
    return String(decoding: buffer.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
  }

  private static func mend(_ code: Int32) -> String? {
    switch code {
    case EMFILE: "raise the process's descriptor limit: ulimit -n, LimitNOFILE"
    case ENFILE: "raise the system's file limit: fs.file-max"
    case ENOSPC: "raise fs.epoll.max_user_watches or fs.inotify.max_user_watches"
    case EAGAIN: "raise the limit of threads: ulimit -u, TasksMax, pids.max"
    case ENOMEM, ENOBUFS: "the machine or the container is out of memory"
    default: nil
    }
  }
}
