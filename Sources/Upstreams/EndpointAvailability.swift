internal import Reactor
internal import Transport

/// Whether an endpoint may be connected to: after a failure not before a delay that doubles each time has passed, then by one connect as
/// a probe, whose success clears it.
struct EndpointAvailability: Equatable {
  /// The first delay.
  static let firstDelayNanoseconds: UInt64 = 100_000_000
  /// The same as a duration.
  static let firstDelay = Duration.nanoseconds(Int64(firstDelayNanoseconds))
  /// The longest delay when there are other endpoints.
  static let delayNanosecondsMax: UInt64 = 10_000_000_000
  /// The longest delay of an upstream's only endpoint: when it comes back, requests are served within a second.
  static let loneDelayNanosecondsMax: UInt64 = 1_000_000_000

  private(set) var failures = 0
  private(set) var lastFailure: TransportError?
  /// Set by the supervisor: it failed again and again.
  private(set) var isDown = false
  /// Not to be tried before; nil when nothing is wrong.
  private(set) var heldUntil: MonotonicTime?
  private var isProbing = false

  var isAvailable: Bool { heldUntil == nil }

  /// Whether a connect may be started now: it is available, or its delay is over and no probe is under way.
  @inline(__always)
  func mayTry(_ now: MonotonicTime) -> Bool {
    guard let heldUntil else { return true }
    return !isProbing && heldUntil <= now
  }

  /// When the next probe is due; nil when none is wanted.
  var probeDue: MonotonicTime? { isProbing ? nil : heldUntil }

  /// A connect starts; on an endpoint that is held back it is the probe.
  mutating func connectStarted() {
    if heldUntil != nil { isProbing = true }
  }

  /// A connect failed. True when a new delay has begun; false for the further failures of connects that started together.
  mutating func connectFailed(_ error: TransportError, now: MonotonicTime, isLone: Bool, jitter: UInt8) -> Bool {
    lastFailure = error
    if let heldUntil, !isProbing, now < heldUntil { return false }
    isProbing = false
    failures = min(failures + 1, 32)
    let delay = Self.delayNanoseconds(failures: failures, isLone: isLone, jitter: jitter)
    heldUntil = now + .nanoseconds(Int64(delay))
    return true
  }

  /// A connect was never begun: it says nothing. A probe is to be tried again.
  mutating func connectDropped() { isProbing = false }

  /// A connect succeeded. True when the endpoint had been held back.
  mutating func connectSucceeded() -> Bool {
    let wasHeld = heldUntil != nil
    self = EndpointAvailability()
    return wasHeld
  }

  /// The supervisor has given it up until `until`.
  mutating func markDown(until: MonotonicTime) {
    isDown = true
    heldUntil = max(until, heldUntil ?? until)
  }

  /// The longest delay, for who is marked down.
  static func delayMax(isLone: Bool) -> Duration { .nanoseconds(Int64(longestDelay(isLone))) }

  private static func longestDelay(_ isLone: Bool) -> UInt64 { isLone ? loneDelayNanosecondsMax : delayNanosecondsMax }

  /// 100 ms · 2^(failures − 1), at most 10 s (1 s if lone), less up to a fifth by `jitter`, so that reactors and processes spread.
  ///
  /// Without jitter 1, 2, 3, 4, 5 failures give 100, 200, 400, 800, 1600 ms (lone: 100, 200, 400, 800, 1000); a jitter of 255 makes 100 ms 80.
  static func delayNanoseconds(failures: Int, isLone: Bool, jitter: UInt8) -> UInt64 {
    let longest = longestDelay(isLone)
    let delay = min(firstDelayNanoseconds << UInt64(min(max(failures - 1, 0), 16)), longest)
    return delay - delay / 5 * UInt64(jitter) / 255
  }
}
