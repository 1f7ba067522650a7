import CLinux
import Glibc
import Reactor

/// Tells when a file's content changes, also by being replaced. Watches the directory (inotify), because editors and configuration maps replace
/// files rather than write to them; waits until a burst of changes is over.
///
/// `@unchecked Sendable`: its state is touched on its reactor's thread alone.
final class FileWatcher: EventHandler, TimerHandler, @unchecked Sendable {
  /// Quiet time after the last change of a burst.
  static let settleTime = Duration.milliseconds(50)

  /// One element for each burst of changes; those that nobody has taken yet count as one.
  let changes: AsyncStream<Void>

  private let report: AsyncStream<Void>.Continuation
  private let descriptor: Int32
  private let reactor: Reactor
  private let file: String
  private var isSettling = false
  private var lastSeen: FileIdentity?

  private struct FileIdentity: Equatable {
    var device: UInt
    var inode: UInt
    var size: Int
    var seconds: Int
    var nanoseconds: Int

    init?(_ file: String) {
      var info = stat()
      guard stat(file, &info) == 0 else { return nil }
      device = UInt(info.st_dev)
      inode = UInt(info.st_ino)
      size = Int(info.st_size)
      seconds = info.st_mtim.tv_sec
      nanoseconds = info.st_mtim.tv_nsec
    }
  }

  /// Begins to watch.
  ///
  /// - Throws: when the system refuses to; SIGHUP still works then.
  static func start(file: String, reactor: Reactor) async throws(SystemCallError) -> FileWatcher {
    let watcher = try FileWatcher(file: file, reactor: reactor)
    do throws(SystemCallError) {
      _ = try await reactor.attempt { () throws(SystemCallError) in
        try reactor.register(watcher.descriptor, .readable, watcher)
      }
    } catch {
      close(watcher.descriptor)
      throw error
    }
    return watcher
  }

  private init(file: String, reactor: Reactor) throws(SystemCallError) {
    descriptor = inotify_init1(Int32(IN_NONBLOCK) | Int32(IN_CLOEXEC))
    guard descriptor >= 0 else { throw SystemCallError(code: errno, operation: "cannot watch files (inotify_init1)") }
    let directory = file.contains("/") ? String(file[..<(file.lastIndex(of: "/") ?? file.startIndex)]) : "."
    let mask = UInt32(IN_CLOSE_WRITE | IN_MOVED_TO | IN_CREATE | IN_DELETE)
    guard inotify_add_watch(descriptor, directory.isEmpty ? "/" : directory, mask) >= 0 else {
      let code = errno
      close(descriptor)
      throw SystemCallError(code: code, operation: "cannot watch '\(directory)' (inotify_add_watch)")
    }
    self.file = file
    self.reactor = reactor
    lastSeen = FileIdentity(file)
    (changes, report) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
  }

  func ready(_ readiness: Readiness) {
    var events = [UInt8](repeating: 0, count: 4096)
    while read(descriptor, &events, events.count) > 0 {}
    guard !isSettling else { return }
    isSettling = true
    _ = reactor.startTimer(at: reactor.now + Self.settleTime, self)
  }

  func timerFired(token: UInt32) {
    isSettling = false
    let seen = FileIdentity(file)
    guard let seen, seen != lastSeen else { return }
    lastSeen = seen
    report.yield()
  }
}
