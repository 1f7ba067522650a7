import CLinux
import Glibc
import Reactor

/// Files that an operator names, read without trust in what they are: a pipe that nobody writes, a device without end, a disk that is away.
enum BoundedFile {
  /// How long a file may take.
  static let patience = Duration.seconds(5)

  /// Files whose reading was given up: their threads still hang. A reload a second must not add one a second.
  private static let hanging = Locked<Set<String>>([])

  /// Reads a regular file, or a pipe to its end.
  ///
  /// - Throws: words for the operator.
  static func read(_ path: String, bytesMax: Int) throws(SourceError) -> [UInt8] {
    try waiting(path) { Reading(path, bytesMax: bytesMax, deadline: $0).whole() }
  }

  /// Looks whether a library that is to open the file can do so without waiting. What is not there is for the library to tell.
  ///
  /// - Throws: words for the operator.
  static func checkIsRegular(_ path: String) throws(SourceError) {
    _ = try waiting(path) { Reading(path, bytesMax: 1, deadline: $0).beginning() }
  }

  private static func waiting(
    _ path: String, _ read: @escaping @Sendable (_ deadline: MonotonicTime) -> Result<[UInt8], SourceError>
  ) throws(SourceError) -> [UInt8] {
    let isHanging = hanging.withLock { !$0.insert(path).inserted }
    if isHanging { throw SourceError("\(path): an earlier attempt to read it has not come back; is its disk away?") }
    let deadline = MonotonicTime.readClock() + patience
    // A little more than the reader gives itself: what it knows is better than that it took too long.
    let result = BlockingWork.run(within: patience + .milliseconds(500)) {
      let result = read(deadline)
      hanging.withLock { _ = $0.remove(path) }
      return result
    }
    guard let result else { throw SourceError("\(path): not read within \(patience); is its disk away?") }
    return try result.get()
  }
}

/// One file being read, on a thread that may wait.
private struct Reading {
  private let path: String
  private let bytesMax: Int
  private let deadline: MonotonicTime
  /// Between two looks at a file that changes while it is read.
  private static let pauseMilliseconds: Int32 = 50

  init(_ path: String, bytesMax: Int, deadline: MonotonicTime) {
    self.path = path
    self.bytesMax = bytesMax
    self.deadline = deadline
  }

  func beginning() -> Result<[UInt8], SourceError> {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)
    guard descriptor >= 0 else { return .success([]) }
    defer { close(descriptor) }
    guard kind(descriptor) == S_IFREG else { return .failure(unusable(descriptor)) }
    var byte: UInt8 = 0
    _ = Glibc.read(descriptor, &byte, 1)
    return .success([])
  }

  func whole() -> Result<[UInt8], SourceError> {
    // Without waiting: opening a pipe would wait for its writer.
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)
    guard descriptor >= 0 else { return failure("cannot be opened: \(Self.words(errno))") }
    defer { close(descriptor) }
    switch kind(descriptor) {
    case S_IFREG: return regular(descriptor)
    case S_IFIFO: return pipe(descriptor)
    default: return .failure(unusable(descriptor))
    }
  }

  /// A file that is written meanwhile is read again until it is still.
  private func regular(_ descriptor: Int32) -> Result<[UInt8], SourceError> {
    while true {
      let before = FileVersion(descriptor: descriptor)
      lseek(descriptor, 0, SEEK_SET)
      var bytes: [UInt8] = []
      loop: while true {
        switch append(descriptor, to: &bytes) {
        case .success(0): break loop
        case .success: if isLate { return failure("not read within \(BoundedFile.patience)") }
        case .failure(let problem): return .failure(problem)
        }
      }
      let after = FileVersion(descriptor: descriptor)
      // Files of /proc and the like have no size.
      if before == after, after?.size == bytes.count || after?.size == 0 { return .success(bytes) }
      if isLate { return failure("changes all the time: it was not still for a moment in \(BoundedFile.patience)") }
      poll(nil, 0, Self.pauseMilliseconds)
    }
  }

  /// To the end, which is when the last writer has left. Before the first has come there is no end either.
  private func pipe(_ descriptor: Int32) -> Result<[UInt8], SourceError> {
    var bytes: [UInt8] = []
    var hadWriter = false
    while true {
      switch append(descriptor, to: &bytes) {
      case .success(0) where hadWriter || !bytes.isEmpty: return .success(bytes)
      case .success(0), .success(-1):
        var waited = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        poll(&waited, 1, Self.pauseMilliseconds)
        if waited.revents & Int16(POLLHUP) != 0 { hadWriter = true }
      case .success: break
      case .failure(let problem): return .failure(problem)
      }
      if isLate {
        return failure(
          bytes.isEmpty
            ? "is a pipe that nobody wrote to within \(BoundedFile.patience)"
            : "is a pipe whose writer did not close it within \(BoundedFile.patience)")
      }
    }
  }

  /// One read: how many bytes, 0 at the end, -1 when there are none now.
  private func append(_ descriptor: Int32, to bytes: inout [UInt8]) -> Result<Int, SourceError> {
    var piece = [UInt8](repeating: 0, count: 65_536)
    let count = Glibc.read(descriptor, &piece, piece.count)
    guard count >= 0 else {
      if errno == EINTR || errno == EAGAIN { return .success(-1) }
      return failure("cannot be read: \(Self.words(errno))")
    }
    bytes += piece[..<count]
    guard bytes.count <= bytesMax else { return failure("larger than \(bytesMax) bytes") }
    return .success(count)
  }

  private var isLate: Bool { MonotonicTime.readClock() > deadline }

  private func kind(_ descriptor: Int32) -> mode_t? {
    var info = stat()
    return fstat(descriptor, &info) == 0 ? info.st_mode & S_IFMT : nil
  }

  private func unusable(_ descriptor: Int32) -> SourceError {
    let what =
      switch kind(descriptor) {
      case S_IFDIR: "a directory"
      case S_IFCHR, S_IFBLK: "a device"
      case S_IFIFO: "a pipe"
      default: "no file"
      }
    return SourceError("\(path): is \(what); name a file.")
  }

  private func failure<Value>(_ words: String) -> Result<Value, SourceError> {
    .failure(SourceError("\(path): \(words)."))
  }

  private static func words(_ code: Int32) -> String { String(cString: strerror(code)) }
}

/// Which file stands at a path, and in which state.
struct FileVersion: Equatable {
  let device: UInt
  let inode: UInt
  let size: Int
  private let seconds: Int
  private let nanoseconds: Int

  /// Nil when there is none.
  init?(path: String) {
    var info = stat()
    guard stat(path, &info) == 0 else { return nil }
    self.init(info)
  }

  init?(descriptor: Int32) {
    var info = stat()
    guard fstat(descriptor, &info) == 0 else { return nil }
    self.init(info)
  }

  private init(_ info: stat) {
    device = UInt(info.st_dev)
    inode = UInt(info.st_ino)
    size = Int(info.st_size)
    seconds = info.st_mtim.tv_sec
    nanoseconds = info.st_mtim.tv_nsec
  }
}
