internal import Glibc

/// A process that uses an archive: a file beside it, locked as long as the process lives, however it ends. The lock is of the open file, so that several archives of one
/// process are told apart too.
final class ArchiveOwner: Sendable {
  let name: String
  private let path: String
  private let descriptor: Int32

  init(beside path: String) throws(StorageError) {
    self.path = path
    name = "\(getpid())-\(String(UInt64.random(in: 0 ... .max), radix: 36))"
    // Locked before it has the name by which others look for it.
    let file = Self.file(path, name)
    descriptor = open(file + ".new", O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC | O_RDWR, 0o600)
    guard descriptor >= 0, flock(descriptor, LOCK_EX | LOCK_NB) == 0, rename(file + ".new", file) == 0 else {
      let cause = String(cString: strerror(errno))
      if descriptor >= 0 { close(descriptor) }
      throw StorageError(attempt: "make", path: file, cause: cause)
    }
  }

  deinit {
    forget(name)
    close(descriptor)
  }

  /// Whether the process of that name lives: nobody else can have its file's lock.
  func isAlive(_ name: String) -> Bool {
    guard name.allSatisfy({ $0.isLetter || $0.isNumber || $0 == "-" }) else { return false }
    let other = open(Self.file(path, name), O_NOFOLLOW | O_CLOEXEC | O_RDWR)
    // Whatever the reason but that there is none: it is not known to have ended.
    guard other >= 0 else { return errno != ENOENT }
    defer { close(other) }
    return flock(other, LOCK_EX | LOCK_NB) != 0
  }

  /// Its file is of no use any more.
  func forget(_ name: String) {
    guard name.allSatisfy({ $0.isLetter || $0.isNumber || $0 == "-" }) else { return }
    _ = unlink(Self.file(path, name))
  }

  private static func file(_ path: String, _ name: String) -> String { "\(path)-process-\(name)" }
}
