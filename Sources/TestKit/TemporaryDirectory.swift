internal import CLinux
internal import Glibc

/// A new directory that is removed, with what is in it, when the last reference to it goes.
public final class TemporaryDirectory: Sendable {
  /// Its path, without a slash at the end.
  public let path: String

  /// Makes one under `TMPDIR`, or `/tmp`.
  public init() throws(TestKitError) {
    let parent = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
    var template = Array("\(parent)/sluice-test-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else { throw TestKitError("cannot make a directory in \(parent)", code: errno) }
    path = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
  }

  deinit {
    Self.removeTree(path)
  }

  /// The path of `name` inside it.
  public func file(_ name: String) -> String { "\(path)/\(name)" }

  /// Writes a file inside it and gives back its path.
  @discardableResult
  public func write(_ text: String, to name: String) throws(TestKitError) -> String {
    let path = file(name)
    guard let stream = fopen(path, "w") else { throw TestKitError("cannot write \(path)", code: errno) }
    defer { fclose(stream) }
    let bytes = Array(text.utf8)
    guard fwrite(bytes, 1, bytes.count, stream) == bytes.count else {
      throw TestKitError("cannot write \(path)", code: errno)
    }
    return path
  }

  private static func removeTree(_ path: String) {
    // A directory is emptied first; a link to one is removed, never followed.
    var status = stat()
    if lstat(path, &status) == 0, status.st_mode & S_IFMT == S_IFDIR, let directory = opendir(path) {
      var names: [String] = []
      while let entry = readdir(directory) {
        let name = withUnsafeBytes(of: entry.pointee.d_name) { name in
          String(decoding: name.prefix { $0 != 0 }, as: UTF8.self)
        }
        if name != "." && name != ".." { names.append(name) }
      }
      closedir(directory)
      for name in names { removeTree("\(path)/\(name)") }
    }
    remove(path)
  }
}
