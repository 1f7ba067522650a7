internal import CLinux
internal import Dispatch
internal import Glibc
internal import Reactor
internal import Synchronization

/// Where log lines go: a file or standard output, written by a thread of its own, so that a slow disk or terminal delays no byte.
///
/// What waits is bounded; beyond `waitingBytesMax` lines are dropped and counted.
public final class LogSink: Sendable {
  /// Bytes that may wait for the writer.
  public static let waitingBytesMax = 8 << 20
  /// How long `close` waits while nothing can be written.
  public static let closePatience = Duration.seconds(2)

  private let thread: ReactorGroup
  private let output: LogOutput
  private let waiting = Atomic<Int>(0)
  private let dropped = Atomic<Int>(0)

  /// Opens the sink.
  ///
  /// - Parameter file: appended to, made if missing; nil means standard output. A pipe (FIFO) needs no reader: what it cannot hold is dropped.
  /// - Throws: `LogSinkError` when the file cannot be opened, `SystemCallError` when its thread cannot be started.
  public init(file: String?) throws {
    let output = try LogOutput(file: file)
    do throws(SystemCallError) {
      thread = try ReactorGroup(count: 1, firstIndex: 1_000)
    } catch {
      output.close()
      throw error
    }
    self.output = output
  }

  /// How many pieces of log were dropped because the writer could not keep up.
  public var droppedCount: Int { dropped.load(ordering: .relaxed) }

  /// Takes bytes to be written, or drops them when too many wait.
  func write(_ bytes: [UInt8]) {
    guard waiting.add(bytes.count, ordering: .relaxed).newValue <= Self.waitingBytesMax else {
      waiting.subtract(bytes.count, ordering: .relaxed)
      dropped.add(1, ordering: .relaxed)
      return
    }
    thread.reactors[0].execute { [self] in
      if !bytes.withUnsafeBytes(output.write) { dropped.add(1, ordering: .relaxed) }
      waiting.subtract(bytes.count, ordering: .relaxed)
    }
  }

  /// Opens the file again under its name, for who has renamed it: what was taken before goes into the old one, what is taken later into the new.
  /// A file that cannot be opened leaves the old one in use.
  ///
  /// - Parameter done: called on the writer's thread, with what is wrong; not called when there is no file.
  public func reopen(_ done: @escaping @Sendable (_ file: String, LogSinkError?) -> Void) {
    guard let file = output.file else { return }
    thread.reactors[0].execute { [output] in
      do throws(LogSinkError) {
        try output.reopen()
        done(file, nil)
      } catch {
        done(file, error)
      }
    }
  }

  /// Writes what waits and ends the thread. A reader that takes nothing for `closePatience` is not waited for.
  public func close() {
    let isWritten = DispatchSemaphore(value: 0)
    thread.reactors[0].execute { isWritten.signal() }
    var left = waiting.load(ordering: .relaxed)
    while isWritten.wait(timeout: .now() + .milliseconds(Int(Self.closePatience / .milliseconds(1)))) == .timedOut {
      let now = waiting.load(ordering: .relaxed)
      // The thread hangs in a write: its end is the process'.
      if now >= left { return }
      left = now
    }
    thread.shutDown()
    output.close()
  }
}

/// The descriptor behind a sink.
///
/// `@unchecked Sendable`: `descriptor` is touched on the writer's thread alone, and by `close` after its end.
private final class LogOutput: @unchecked Sendable {
  /// Nil for standard output.
  let file: String?
  private var descriptor: Int32

  init(file: String?) throws(LogSinkError) {
    self.file = file
    if let file {
      descriptor = try Self.open(file)
    } else {
      descriptor = StandardStream.withoutWaiting(STDOUT_FILENO)
    }
  }

  private static func open(_ file: String) throws(LogSinkError) -> Int32 {
    var info = stat()
    // Opened for reading too, a pipe waits for no reader, and outlives one that goes.
    let isPipe = stat(file, &info) == 0 && info.st_mode & S_IFMT == S_IFIFO
    let mode = isPipe ? O_RDWR : O_WRONLY | O_CREAT | O_APPEND
    let descriptor = Glibc.open(file, mode | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0o640)
    guard descriptor >= 0 else { throw LogSinkError(file: file, code: errno) }
    return descriptor
  }

  func reopen() throws(LogSinkError) {
    guard let file else { return }
    let fresh = try Self.open(file)
    close()
    descriptor = fresh
  }

  func close() {
    if descriptor != STDOUT_FILENO { Glibc.close(descriptor) }
  }

  /// Writes all, waiting for a reader that is slow; false when it could not be written.
  func write(_ bytes: UnsafeRawBufferPointer) -> Bool {
    var written = 0
    while written < bytes.count {
      let rest = UnsafeRawBufferPointer(rebasing: bytes[written...])
      let count = Glibc.write(descriptor, rest.baseAddress, rest.count)
      if count > 0 {
        written += count
      } else if count < 0, errno == EAGAIN {
        var waited = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
        _ = poll(&waited, 1, -1)
      } else if count == 0 || errno != EINTR {
        return false
      }
    }
    return true
  }
}

/// A log file that cannot be opened.
public struct LogSinkError: Error, CustomStringConvertible {
  /// The file.
  public let file: String
  /// errno.
  public let code: Int32
  /// What is wrong and what to do.
  public var description: String {
    "log.accessFile: cannot open '\(file)': \(String(cString: strerror(code))). Make its directory, or leave the key out to log to standard output."
  }
}
