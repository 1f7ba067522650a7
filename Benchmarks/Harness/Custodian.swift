import CLinux
import Glibc

/// Ends what is left when the benchmark ends, however it ends.
///
/// A small process of its own that holds the other end of a pipe: it hears which children run, and when the pipe
/// closes (a regular exit, Ctrl-C, a crash, kill -9) it ends their process groups and removes the temporary
/// directory.
final class Custodian {
  private let pipe: Int32
  private let process: ChildProcess

  /// - Parameter directory: the temporary directory to remove at the end.
  init(directory: String) throws {
    var ends: [Int32] = [-1, -1]
    pipe2Checked(&ends)
    defer { close(ends[0]) }
    // The reading end is handed over under its own number, so it alone loses close-on-exec for the moment of the spawn.
    _ = fcntl(ends[0], F_SETFD, 0)
    pipe = ends[1]
    let arguments = ["custodian", "--pipe", "\(ends[0])", "--directory", directory]
    process = try ChildProcess(ChildProcess.Launch(path: "/proc/self/exe", arguments: arguments), custodian: nil)
  }

  deinit {
    close(pipe)
    _ = process.waitForEnd()
  }

  /// From now on `pid`'s process group is ended with the benchmark.
  func watch(_ pid: pid_t) { tell("+\(pid)\n") }

  /// `pid` has ended by itself.
  func forget(_ pid: pid_t) { tell("-\(pid)\n") }

  private func tell(_ line: String) {
    let bytes = [UInt8](line.utf8)
    _ = write(pipe, bytes, bytes.count)
  }
}
