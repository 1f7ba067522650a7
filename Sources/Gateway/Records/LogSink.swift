internal import CLinux
internal import Glibc
internal import Reactor
internal import Synchronization

/// Where log lines go: a file or standard output, written by a thread of its own, so that a slow disk or terminal delays no byte.
///
/// What waits is bounded; beyond `waitingBytesMax` lines are dropped and counted.
public final class LogSink: Sendable {
  /// Bytes that may wait for the writer.
  public static let waitingBytesMax = 8 << 20

  private let thread: ReactorGroup
  private let descriptor: Int32
  private let ownsDescriptor: Bool
  private let waiting = Atomic<Int>(0)
  private let dropped = Atomic<Int>(0)

  /// Opens the sink.
  ///
  /// - Parameter file: appended to, made if missing; nil means standard output.
  /// - Throws: `LogSinkError` when the file cannot be opened, `SystemCallError` when its thread cannot be started.
  public init(file: String?) throws {
    if let file {
      descriptor = open(file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o640)
      guard descriptor >= 0 else { throw LogSinkError(file: file, code: errno) }
      ownsDescriptor = true
    } else {
      descriptor = STDOUT_FILENO
      ownsDescriptor = false
    }
    do throws(SystemCallError) {
      thread = try ReactorGroup(count: 1, firstIndex: 1_000)
    } catch {
      if ownsDescriptor { Glibc.close(descriptor) }
      throw error
    }
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
      bytes.withUnsafeBytes { writeAll($0) }
      waiting.subtract(bytes.count, ordering: .relaxed)
    }
  }

  private func writeAll(_ bytes: UnsafeRawBufferPointer) {
    var written = 0
    while written < bytes.count {
      let rest = UnsafeRawBufferPointer(rebasing: bytes[written...])
      let count = Glibc.write(descriptor, rest.baseAddress, rest.count)
      if count > 0 {
        written += count
      } else if errno != EINTR {
        dropped.add(1, ordering: .relaxed)
        return
      }
    }
  }

  /// Writes what waits and ends the thread.
  public func close() {
    thread.shutDown()
    if ownsDescriptor { Glibc.close(descriptor) }
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
