internal import CLinux
internal import Glibc

/// A child process without input or output of ours, which ends with the tests, also when they crash.
///
/// By posix_spawn and not by Foundation's `Process`, whose `waitUntilExit` can miss the end of a child while the testing library watches for the
/// children of its exit tests.
///
/// `@unchecked Sendable`: the state is behind a lock's worth of care: one thread at a time starts, stops and ends it.
final class SpawnedProcess: @unchecked Sendable {
  let id: pid_t
  /// Its other end is held by a shell beside the child, which kills it when this one closes.
  private var leash: Int32
  private var isOver = false

  init(_ arguments: [String]) throws(TestKitError) {
    var ends: [Int32] = [-1, -1]
    guard socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0, &ends) == 0 else {
      throw TestKitError("cannot make a pair of sockets", code: errno)
    }
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
    posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0)
    posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0)
    posix_spawn_file_actions_adddup2(&actions, ends[0], 9)
    let script = "(read line; kill -9 $$) <&9 & exec \"$@\" 9<&-"
    var words = (["sh", "-c", script, "sh"] + arguments).map { strdup($0) } + [nil]
    defer { words.forEach { free($0) } }
    var id = pid_t()
    let code = posix_spawnp(&id, "sh", &actions, nil, &words, environ)
    close(ends[0])
    guard code == 0 else {
      close(ends[1])
      throw TestKitError("cannot start \(arguments.first ?? "nothing")", code: code)
    }
    self.id = id
    leash = ends[1]
  }

  deinit { kill9() }

  func signal(_ signal: Int32) { if !isOver { kill(id, signal) } }

  /// Ends it at once and waits until it is gone.
  func kill9() {
    guard !isOver else { return }
    isOver = true
    kill(id, SIGKILL)
    var status: Int32 = 0
    while waitpid(id, &status, 0) < 0 && errno == EINTR {}
    close(leash)
  }

  /// Whether it has ended by itself.
  var hasEnded: Bool {
    guard !isOver else { return true }
    var status: Int32 = 0
    guard waitpid(id, &status, Int32(WNOHANG)) == id else { return false }
    isOver = true
    close(leash)
    return true
  }

  /// Runs a command to its end; true when it went well.
  static func run(_ arguments: [String]) throws(TestKitError) -> Bool {
    let process = try SpawnedProcess(arguments)
    var status: Int32 = 0
    while waitpid(process.id, &status, 0) < 0 && errno == EINTR {}
    process.isOver = true
    close(process.leash)
    return status == 0
  }
}
