import CBenchmarks
import CLinux
import Glibc

/// A process that the benchmark started: in a process group of its own, placed on a processor, watched by the
/// custodian.
final class ChildProcess {
  /// Where a child's standard output or error goes.
  enum Output {
    case inherited
    case file(String)
    /// Read by `readLine` and `readAll`. Standard output only.
    case pipe
  }

  /// How to start a child.
  struct Launch {
    var path: String
    var arguments: [String]
    var environment: [String: String] = [:]
    /// The processor that it and its children are to run on; nil leaves that to the kernel.
    var processor: Int?
    var output: Output = .inherited
    var errors: Output = .inherited
  }

  let pid: pid_t
  private let pipe: Int32
  private let custodian: Custodian?
  private var status: Int32?
  private var unread: [UInt8] = []

  init(_ launch: Launch, custodian: Custodian?) throws {
    var ends: [Int32] = [-1, -1]
    if case .pipe = launch.output { pipe2Checked(&ends) }
    defer { if ends[1] >= 0 { close(ends[1]) } }

    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
    Self.add(launch.output, 1, pipe: ends[1], to: &actions)
    Self.add(launch.errors, 2, pipe: -1, to: &actions)

    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    // A group of its own: an nginx worker must die with its master, and Ctrl-C reaches the benchmark alone, which
    // then tidies up.
    posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETPGROUP))
    posix_spawnattr_setpgroup(&attributes, 0)

    // A child inherits its parent's processor: set before the spawn, it holds from the child's first instruction on.
    if let processor = launch.processor { _ = bench_run_on(Int32(processor)) }
    defer { if launch.processor != nil { _ = bench_run_on(-1) } }
    var spawned: pid_t = 0
    let code = withCStrings([launch.path] + launch.arguments) { arguments in
      withCStrings(Self.environment(adding: launch.environment)) { environment in
        posix_spawnp(&spawned, launch.path, &actions, &attributes, arguments, environment)
      }
    }
    guard code == 0 else {
      if ends[0] >= 0 { close(ends[0]) }
      throw BenchmarkError("cannot start \(launch.path): \(String(cString: strerror(code)))")
    }
    pid = spawned
    pipe = ends[0]
    self.custodian = custodian
    custodian?.watch(spawned)
  }

  deinit { stop() }

  /// The process and its children, which a gateway may have.
  var family: [pid_t] { [pid] + ProcessSample.children(of: pid) }

  /// Whether it has not ended yet.
  var isRunning: Bool {
    if status != nil { return false }
    var code: Int32 = 0
    guard waitpid(pid, &code, WNOHANG) == pid else { return true }
    ended(code)
    return false
  }

  /// Asks it to end, then makes it. Does nothing if it has ended.
  func stop() {
    if pipe >= 0, status == nil { close(pipe) }
    guard isRunning else { return }
    kill(-pid, SIGTERM)
    for _ in 0..<400 {
      guard isRunning else { return }
      usleep(5_000)
    }
    kill(-pid, SIGKILL)
    _ = waitForEnd()
  }

  /// Waits for its end; its exit code, or 128 + the signal that ended it.
  func waitForEnd() -> Int32 {
    if status == nil {
      var code: Int32 = 0
      while waitpid(pid, &code, 0) < 0 && errno == EINTR {}
      ended(code)
    }
    return status ?? -1
  }

  /// The next line of its output; nil at the end or after the time is over.
  func readLine(timeoutSeconds: Int) -> String? {
    let deadline = time(nil) + timeoutSeconds
    while true {
      if let newline = unread.firstIndex(of: 10) {
        defer { unread.removeSubrange(...newline) }
        return String(decoding: unread[..<newline], as: UTF8.self)
      }
      guard fill(until: deadline) else { return nil }
    }
  }

  /// All of its output until it closes it; nil after the time is over.
  func readAll(timeoutSeconds: Int) -> [UInt8]? {
    let deadline = time(nil) + timeoutSeconds
    while fill(until: deadline) {}
    return time(nil) > deadline ? nil : unread
  }

  private func fill(until deadline: Int) -> Bool {
    var waiting = pollfd(fd: pipe, events: Int16(POLLIN), revents: 0)
    let left = Int32(clamping: (deadline + 1 - time(nil)) * 1000)
    guard left > 0, poll(&waiting, 1, left) > 0 else { return false }
    var buffer = [UInt8](repeating: 0, count: 65_536)
    let count = read(pipe, &buffer, buffer.count)
    guard count > 0 else { return false }
    unread.append(contentsOf: buffer[..<count])
    return true
  }

  private func ended(_ code: Int32) {
    status = code & 0x7f == 0 ? (code >> 8) & 0xff : 128 + (code & 0x7f)
    // A master that crashed leaves workers behind in its group.
    kill(-pid, SIGKILL)
    custodian?.forget(pid)
  }

  private static func add(_ output: Output, _ target: Int32, pipe: Int32, to actions: inout posix_spawn_file_actions_t)
  {
    switch output {
    case .inherited: break
    case .file(let path): posix_spawn_file_actions_addopen(&actions, target, path, O_WRONLY | O_CREAT | O_APPEND, 0o600)
    case .pipe: posix_spawn_file_actions_adddup2(&actions, pipe, target)
    }
  }

  private static func environment(adding extra: [String: String]) -> [String] {
    var entries: [String] = []
    var position = environ
    while let entry = position.pointee {
      let text = String(cString: entry)
      if extra[String(text.prefix { $0 != "=" })] == nil { entries.append(text) }
      position += 1
    }
    return entries + extra.map { "\($0.key)=\($0.value)" }
  }
}

/// Makes a pipe that children do not inherit unless it is handed to them.
func pipe2Checked(_ ends: inout [Int32]) {
  precondition(pipe(&ends) == 0, "no descriptor left for a pipe")
  for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
}

private func withCStrings<Result>(
  _ strings: [String], _ body: (UnsafePointer<UnsafeMutablePointer<CChar>?>) -> Result
) -> Result {
  var pointers = strings.map { strdup($0) }
  defer { for pointer in pointers { free(pointer) } }
  pointers.append(nil)
  return pointers.withUnsafeBufferPointer { body($0.baseAddress.unsafelyUnwrapped) }
}
