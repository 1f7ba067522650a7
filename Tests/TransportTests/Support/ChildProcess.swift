import Glibc
import TestKit

/// A child process with its input and output on a socket. By posix_spawn and not by Foundation's `Process`, whose `waitUntilExit` can miss the end
/// of a child while the testing library watches for the children of its exit tests.
final class ChildProcess {
  private let id: pid_t
  /// Closed when the child is to end by itself: also when the tests crash.
  private let near: Int32
  private var isOver = false

  init(_ arguments: [String]) throws {
    var ends: [Int32] = [-1, -1]
    guard socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0, &ends) == 0 else {
      throw RawSocket.Failure(operation: "socketpair", code: errno)
    }
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_adddup2(&actions, ends[1], 0)
    posix_spawn_file_actions_adddup2(&actions, ends[1], 1)
    posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0)
    var words = arguments.map { strdup($0) } + [nil]
    defer { words.forEach { free($0) } }
    var id = pid_t()
    let code = posix_spawnp(&id, arguments[0], &actions, nil, &words, environ)
    close(ends[1])
    guard code == 0 else { throw RawSocket.Failure(operation: "spawn \(arguments[0])", code: code) }
    self.id = id
    near = ends[0]
  }

  deinit {
    if !isOver {
      kill(id, SIGKILL)
      wait()
    }
    close(near)
  }

  /// Waits for the end; 0 when it went well.
  @discardableResult
  func wait() -> Int32 {
    var status: Int32 = 0
    while waitpid(id, &status, 0) < 0 && errno == EINTR {}
    isOver = true
    return status
  }

  /// The first line of the output.
  func line() -> String {
    var line: [UInt8] = []
    var byte: UInt8 = 0
    while read(near, &byte, 1) == 1, byte != 10 { line.append(byte) }
    return String(decoding: line, as: UTF8.self)
  }
}
