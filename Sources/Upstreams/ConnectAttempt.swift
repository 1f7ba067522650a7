internal import Reactor

/// One connect of a pool: the addresses of its endpoint, tried in order within one time-out.
///
/// Each address gets its share of the time that is left, so that a first address that swallows packets does not use up all of it.
struct ConnectAttempt {
  /// No address gets less than this, as far as the whole time-out allows.
  static let shareNanosecondsMin: UInt64 = 250_000_000

  let endpoint: Int
  let deadline: MonotonicTime
  private var addresses: [SocketAddress]
  private var next = 0

  /// - Parameter preferred: the address that worked last; it is tried first if the name still has it.
  init(endpoint: Int, addresses: [SocketAddress], preferred: SocketAddress?, deadline: MonotonicTime) {
    self.endpoint = endpoint
    self.deadline = deadline
    self.addresses = addresses
    if let preferred, let position = addresses.firstIndex(of: preferred), position > 0 {
      self.addresses.remove(at: position)
      self.addresses.insert(preferred, at: 0)
    }
  }

  /// The address being tried.
  var current: SocketAddress? { next > 0 ? addresses[next - 1] : nil }

  /// The next address and until when it may take; nil when there is none, or no time.
  mutating func takeNext(_ now: MonotonicTime) -> (SocketAddress, MonotonicTime)? {
    guard next < addresses.count, now < deadline else { return nil }
    let left = deadline.nanoseconds(since: now)
    let share = max(left / UInt64(addresses.count - next), min(left, Self.shareNanosecondsMin))
    next += 1
    return (addresses[next - 1], MonotonicTime(nanoseconds: now.nanoseconds &+ share))
  }
}
