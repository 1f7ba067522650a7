internal import Reactor

/// How long to wait before the next attempt to connect: twice as long each time, with chance in it, so that many clients of one server do not
/// come back together. A value; chance comes in as an argument.
public struct ReconnectBackoff: Equatable, Sendable {
  /// Its bounds.
  public struct Settings: Equatable, Sendable {
    /// The first wait, before chance.
    public var shortest = Duration.milliseconds(20)
    /// No wait is longer.
    public var longest = Duration.seconds(2)
    /// A connection that held for so long lets the next wait be the shortest again.
    public var settledAfter = Duration.seconds(1)

    /// The defaults.
    public init() {}
  }

  private let settings: Settings
  private var attempts = 0

  /// Before the first failure.
  public init(_ settings: Settings) { self.settings = settings }

  /// The wait after a failure: between half of `shortest · 2^n` (at most `longest`) and all of it.
  ///
  /// - Parameters:
  ///   - held: how long the connection had been ready before it was lost; nil when it never was.
  ///   - draw: any random number; 0 gives the shortest wait, the greatest one the longest.
  public mutating func next(afterHolding held: Duration?, draw: UInt64) -> Duration {
    if let held, held >= settings.settledAfter { attempts = 0 }
    let shortest = max(1, settings.shortest.wholeNanoseconds)
    let longest = max(1, min(settings.longest.wholeNanoseconds, 1 << 62))
    let doubled = shortest.multipliedReportingOverflow(by: 1 << UInt64(min(attempts, 32)))
    let ceiling = doubled.overflow ? longest : min(doubled.partialValue, longest)
    attempts = min(attempts + 1, 32)
    let half = ceiling / 2
    // The high word of the product: evenly spread over 0 ... half without a division.
    let extra = (ceiling &- half).multipliedFullWidth(by: draw).high
    return .nanoseconds(Int64(clamping: half &+ extra))
  }
}
