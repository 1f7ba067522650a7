internal import Reactor
internal import Transport

/// What a pool acts with.
struct PoolEnvironment: Sendable {
  /// The reactor's shared part of sessions.
  let context: UpstreamContext
  /// Finds addresses.
  let resolver: Resolver
  /// Begins the jitter of backoff delays.
  let seed: UInt64
  /// Tells the supervisor; the first argument is the shard.
  let report: @Sendable (Int, PoolReport) -> Void
}
