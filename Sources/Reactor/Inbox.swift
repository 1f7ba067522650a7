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

  private let messages = Locked<[Message]>([])
  let wakeDescriptor: Int32

  init() {
    wakeDescriptor = eventfd(0, Int32(EFD_NONBLOCK) | Int32(EFD_CLOEXEC))
    precondition(wakeDescriptor >= 0, "eventfd failed: the process has no descriptor left at start")
  }

  deinit { close(wakeDescriptor) }

  func put(_ message: Message) {
    let wasEmpty = messages.withLock { queue in
      queue.append(message)
      return queue.count == 1
    }
    if wasEmpty { wake() }
  }

  /// Takes everything, swapping in `spare` so that the storage is reused.
  func takeAll(into spare: inout [Message]) {
    messages.withLock { queue in swap(&queue, &spare) }
  }

  func wake() {
    var one: UInt64 = 1
    _ = write(wakeDescriptor, &one, 8)
  }

  func clearWake() {
    var count: UInt64 = 0
    _ = read(wakeDescriptor, &count, 8)
  }
}
