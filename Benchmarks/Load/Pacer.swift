import CBenchmarks
import Reactor

/// Calls at a fixed rate, whatever becomes of the calls: an open loop. The kernel's timer, because the reactor's own has ticks of 4 ms.
final class Pacer: EventHandler {
  private let reactor: Reactor
  private let descriptor: Int32
  private let interval: UInt64
  private let due: (MonotonicTime) -> Void
  private var slot: SlotID?
  private var next: MonotonicTime

  /// Begins at once; `due` is told the time at which each call was due.
  init(_ reactor: Reactor, perSecond: Double, due: @escaping (MonotonicTime) -> Void) throws {
    self.reactor = reactor
    self.due = due
    interval = UInt64(1e9 / perSecond)
    descriptor = bench_ticks(interval)
    guard descriptor >= 0 else { throw BenchmarkError("no timer") }
    next = MonotonicTime(nanoseconds: MonotonicTime.readClock().nanoseconds + interval)
    slot = try reactor.register(descriptor, .readable, self)
  }

  func ready(_ readiness: Readiness) {
    for _ in 0..<bench_ticks_taken(descriptor) {
      due(next)
      next.nanoseconds += interval
    }
  }

  func stop() {
    guard let slot else { return }
    reactor.deregister(slot)
    self.slot = nil
    Socket.close(descriptor)
  }
}
