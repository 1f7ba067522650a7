public import GatewayConfiguration
public import Transport

/// How a pool stands: counts of now, and totals since its start.
public struct PoolGauges: Sendable, Equatable {
  /// Connected sessions that nobody uses.
  public var idle = 0
  /// Sessions in use.
  public var leased = 0
  /// Sessions that are being connected.
  public var connecting = 0
  /// Requests that wait for a session.
  public var waiting = 0
  /// Sessions connected so far.
  public var opened: UInt64 = 0
  /// Connected sessions closed so far.
  public var closed: UInt64 = 0
  /// Connects that failed so far.
  public var connectFailures: UInt64 = 0
  /// Waits that ended because no session came in time.
  public var queueTimeouts: UInt64 = 0
  /// Requests refused at once, because the queue was full or no endpoint available.
  public var refusals: UInt64 = 0
  /// Uses that ended in a fault of the upstream (`SessionOutcome.failed`, `.timedOut`).
  public var faults: UInt64 = 0

  /// All zero.
  public init() {}

  /// Sums both.
  public static func + (left: PoolGauges, right: PoolGauges) -> PoolGauges {
    var sum = left
    sum.idle += right.idle
    sum.leased += right.leased
    sum.connecting += right.connecting
    sum.waiting += right.waiting
    sum.opened &+= right.opened
    sum.closed &+= right.closed
    sum.connectFailures &+= right.connectFailures
    sum.queueTimeouts &+= right.queueTimeouts
    sum.refusals &+= right.refusals
    sum.faults &+= right.faults
    return sum
  }
}

/// How one endpoint stands.
public struct EndpointGauges: Sendable, Equatable {
  /// Whether it is used.
  public enum Condition: Int, Sendable, Equatable {
    /// In use.
    case available
    /// A connect failed a short while ago; it is tried again soon.
    case backingOff
    /// It failed again and again; only probes go there.
    case down
  }

  /// Its number, as in `UpstreamSession.endpoint`.
  public var index: Int
  /// Where it is.
  public var url: UpstreamURL
  /// The worst of what the reactors think.
  public var condition: Condition
  /// Idle sessions.
  public var idle: Int
  /// Sessions in use.
  public var leased: Int
  /// Sessions that are being connected.
  public var connecting: Int
  /// Why the last connect failed; nil after one that succeeded.
  public var lastFailure: TransportError?
}

/// How an upstream stands over all reactors.
public struct UpstreamGauges: Sendable, Equatable {
  /// Its name in the configuration.
  public var name: String
  /// The sums of its pools.
  public var pool: PoolGauges
  /// Each endpoint in the order of the configuration.
  public var endpoints: [EndpointGauges]
}
