import CLinux
import Glibc
import Reactor

/// Tells when a file's content changes, also by being replaced. Watches (inotify) the directories that the file's name stands in, because
/// editors and configuration maps replace files rather than write to them; of those, the events of the name itself and of the symbolic links
/// on its path (`..data` in Kubernetes). What happens to its neighbours says nothing about it: it may be half written.
///
/// A change counts when its writer has closed the file, or a rename has put it there, and when size and time of change have then been still
/// for `settleTime`. It has a thread of its own: a look at a file may hang.
final class FileWatcher: Sendable {
  /// How long the file must have been still.
  static let settleTime = Duration.milliseconds(50)

  /// One element for each change; those that nobody has taken yet count as one.
  let changes: AsyncStream<Void>

  private let report: AsyncStream<Void>.Continuation
  private let descriptor: Int32
  private let file: String

  /// Begins to watch. Call before the file is read: what changes later is told.
  ///
  /// - Throws: when the system refuses to; SIGHUP still works then.
  init(file: String) throws(SystemCallError) {
    let lastSeen = FileVersion(path: file)
    descriptor = inotify_init1(Int32(IN_NONBLOCK) | Int32(IN_CLOEXEC))
    guard descriptor >= 0 else { throw SystemCallError(code: errno, operation: "cannot watch files (inotify_init1)") }
    self.file = file
    (changes, report) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    guard let watched = Watched(file, descriptor) else {
      let code = errno
      close(descriptor)
      throw SystemCallError(code: code, operation: "cannot watch the directory of '\(file)' (inotify_add_watch)")
    }
    guard DetachedThread.start("file-watcher", { [self] in watch(watched, lastSeen) }) else {
      close(descriptor)
      throw SystemCallError(code: EAGAIN, operation: "cannot start a thread that watches '\(file)'")
    }
  }

  private func watch(_ first: Watched, _ firstSeen: FileVersion?) {
    var watched = first
    var lastSeen = firstSeen
    var buffer = [UInt8](repeating: 0, count: 8192)
    while true {
      waitForInput()
      guard concernsFile(watched, &buffer) else { continue }
      if let seen = stillVersion(unlike: lastSeen) {
        lastSeen = seen
        report.yield()
      }
      // A link may have been turned to another directory. What happened there before it was watched is seen by another look.
      watched = Watched(file, descriptor) ?? watched
      if let seen = stillVersion(unlike: lastSeen) {
        lastSeen = seen
        report.yield()
      }
    }
  }

  /// The file once it is still; nil when it is `known`, or not there.
  private func stillVersion(unlike known: FileVersion?) -> FileVersion? {
    var seen = FileVersion(path: file)
    if seen == known { return nil }
    for _ in 0..<Self.looksMax {
      poll(nil, 0, Int32(Self.settleTime / .milliseconds(1)))
      let now = FileVersion(path: file)
      if now == seen { break }
      seen = now
    }
    return seen
  }

  /// A file that is never still is taken as it is after an hour.
  private static let looksMax = 72_000

  private func waitForInput() {
    var waited = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
    poll(&waited, 1, -1)
  }

  /// Reads the events that have arrived.
  private func concernsFile(_ watched: Watched, _ buffer: inout [UInt8]) -> Bool {
    var concerns = false
    while case let count = read(descriptor, &buffer, buffer.count), count > 0 {
      buffer.withUnsafeBytes { bytes in
        var events = bytes[..<count]
        while events.count >= MemoryLayout<inotify_event>.size {
          let event = UnsafeRawBufferPointer(rebasing: events)
          let header = event.loadUnaligned(as: inotify_event.self)
          let length = MemoryLayout<inotify_event>.size + Int(header.len)
          guard events.count >= length else { break }
          let name = event[MemoryLayout<inotify_event>.size..<length].prefix { $0 != 0 }
          if watched.concerns(header.wd, header.mask, String(decoding: name, as: UTF8.self)) { concerns = true }
          events = events.dropFirst(length)
        }
      }
    }
    return concerns
  }
}

/// The names on a file's path whose change is a change of the file: its own, and those of symbolic links on the way.
private struct Watched {
  private struct Place: Hashable {
    let watch: Int32
    let name: String
  }

  /// Each name, with the directory it stands in.
  private var places: [Place: String] = [:]
  private static let linksMax = 16

  /// Nil when the directory of the file itself cannot be watched.
  init?(_ file: String, _ descriptor: Int32) {
    var steps = 0
    add(file, descriptor, &steps)
    if places.isEmpty { return nil }
  }

  /// Follows `path` from its beginning; `..` is left to the kernel.
  private mutating func add(_ path: String, _ descriptor: Int32, _ links: inout Int) {
    var directory = path.hasPrefix("/") ? "/" : "."
    let parts = path.split(separator: "/").map(String.init)
    for (index, part) in parts.enumerated() {
      let isLast = index == parts.count - 1
      let here = directory == "/" ? "/\(part)" : "\(directory)/\(part)"
      let target = Self.link(here)
      if target != nil || isLast { watch(directory, part, descriptor) }
      if let target, links < Self.linksMax {
        links += 1
        let rest = parts[(index + 1)...].joined(separator: "/")
        let whole = target.hasPrefix("/") ? target : directory == "/" ? "/\(target)" : "\(directory)/\(target)"
        return add(rest.isEmpty ? whole : "\(whole)/\(rest)", descriptor, &links)
      }
      directory = here
    }
  }

  private mutating func watch(_ directory: String, _ name: String, _ descriptor: Int32) {
    let mask = UInt32(IN_CLOSE_WRITE | IN_MOVED_TO | IN_CREATE)
    let watch = inotify_add_watch(descriptor, directory, mask)
    if watch >= 0 { places[Place(watch: watch, name: name)] = "\(directory)/\(name)" }
  }

  func concerns(_ watch: Int32, _ mask: UInt32, _ name: String) -> Bool {
    // Events were lost: look.
    if mask & UInt32(IN_Q_OVERFLOW) != 0 { return true }
    guard let path = places[Place(watch: watch, name: name)] else { return false }
    // A new file is empty until its writer closes it, which is another event; a new link leads somewhere at once.
    return mask & UInt32(IN_CREATE) == 0 || Self.isLinked(path)
  }

  private static func isLinked(_ path: String) -> Bool {
    var info = stat()
    guard lstat(path, &info) == 0 else { return false }
    return info.st_mode & S_IFMT == S_IFLNK || info.st_nlink > 1
  }

  private static func link(_ path: String) -> String? {
    var target = [CChar](repeating: 0, count: Int(PATH_MAX))
    let count = readlink(path, &target, target.count)
    return count > 0 ? String(decoding: target[..<count].map(UInt8.init(bitPattern:)), as: UTF8.self) : nil
  }
}
