internal import Foundation
internal import Glibc

/// The data directory and the archive's files in it: for the gateway's own user alone. Limits may be by values that clients send, and these are there in clear.
enum PrivateFiles {
  /// Files that SQLite keeps beside a database.
  static let companions = ["-wal", "-shm", "-journal"]

  /// Directories that others share: their modes are not the gateway's to change, even for root.
  private static let shared: Set<String> = [
    "/", "/bin", "/boot", "/dev", "/etc", "/home", "/lib", "/media", "/mnt", "/opt", "/proc", "/root", "/run", "/sbin",
    "/srv",
    "/sys", "/tmp", "/usr", "/usr/local", "/usr/share", "/var", "/var/cache", "/var/lib", "/var/log", "/var/run",
    "/var/tmp",
  ]

  /// Makes the directory if there is none, and takes others' rights to it away where it is this user's own.
  static func makeDirectory(_ path: String) throws {
    try FileManager.default.createDirectory(
      atPath: path, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
    var status = stat()
    guard stat(path, &status) == 0, status.st_uid == geteuid() else { return }
    let real = path.withCString { realpath($0, nil) }
    defer { free(real) }
    let name = real.map { String(cString: $0) } ?? path
    // Sticky: a place for everyone's files.
    guard status.st_mode & S_ISVTX == 0, !shared.contains(name), name != NSHomeDirectory() else { return }
    if status.st_mode & 0o077 != 0 { _ = chmod(path, status.st_mode & 0o700) }
  }

  /// Makes the database's file, or takes others' rights to it and its companions away. What SQLite adds later has the rights of the file itself.
  ///
  /// Nothing is opened that is there: closing it would give up the locks that another database of this process holds on it.
  static func makeFile(_ path: String) throws(StorageError) {
    for name in [path] + companions.map({ path + $0 }) {
      var status = stat()
      guard lstat(name, &status) == 0 else {
        if errno == ENOENT { continue }
        throw StorageError(attempt: "open", path: name, cause: String(cString: strerror(errno)))
      }
      let kind = status.st_mode & S_IFMT
      guard kind == S_IFREG else {
        let words = kind == S_IFDIR ? "a directory" : kind == S_IFLNK ? "a symbolic link" : "not a regular file"
        throw StorageError(attempt: "open", path: name, cause: "it is \(words); move it away")
      }
      if status.st_mode & 0o077 != 0 { _ = chmod(name, status.st_mode & 0o600) }
    }
    let descriptor = open(path, O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC | O_RDWR, 0o600)
    if descriptor >= 0 { close(descriptor) }
  }

  /// Renames the database and its companions.
  ///
  /// - Returns: the new path of the database.
  static func setAside(_ path: String) throws(StorageError) -> String {
    let stamp = path + ".damaged-\(time(nil))"
    var target = stamp
    var number = 1
    while access(target, F_OK) == 0, number < 1000 {
      number += 1
      target = "\(stamp)-\(number)"
    }
    guard rename(path, target) == 0 else {
      throw StorageError(attempt: "set aside the damaged", path: path, cause: String(cString: strerror(errno)))
    }
    for companion in companions where rename(path + companion, target + companion) != 0 {
      // A log that stayed would be taken for the new file's.
      _ = unlink(path + companion)
    }
    return target
  }
}
