internal import CLinux
internal import Glibc

/// What other threads hand to a reactor: jobs of tasks and plain closures, behind one lock and one eventfd.
///
/// The eventfd is written only when the inbox turns non-empty, so a burst of messages costs one wake-up.
final class Inbox: Sendable {
  enum Message {
    case job(UnownedJob)
    case closure(@Sendable () -> Void)
  }

  private struct Queue: Sendable {
    var messages: [Message] = []
    var isClosed = false
  }

  private let queue = Locked(Queue())
  let wakeDescriptor: Int32

  init() throws(SystemCallError) {
    let descriptor = eventfd(0, Int32(EFD_NONBLOCK) | Int32(EFD_CLOEXEC))
    guard descriptor >= 0 else { throw SystemCallError(code: errno, operation: "cannot make a reactor (eventfd)") }
    wakeDescriptor = descriptor
  }

  deinit { Glibc.close(wakeDescriptor) }

  func put(_ message: Message) {
    let wasEmpty = queue.withLock { queue in
      guard !queue.isClosed else { return false }
      queue.messages.append(message)
      return queue.messages.count == 1
    }
    if wasEmpty { wake() }
  }

  /// Takes everything, swapping in `spare` so that the storage is reused.
  func takeAll(into spare: inout [Message]) {
    queue.withLock { queue in swap(&queue.messages, &spare) }
  }

  /// From here on nothing is taken in: a message that nobody reads would keep its reactor alive, and the reactor it.
  func close() { queue.withLock { $0.isClosed = true } }

  func wake() {
    var one: UInt64 = 1
    _ = write(wakeDescriptor, &one, 8)
  }

  func clearWake() {
    var count: UInt64 = 0
    _ = read(wakeDescriptor, &count, 8)
  }
}
