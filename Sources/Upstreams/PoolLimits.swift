internal import GatewayConfiguration
internal import Reactor

/// One shard's part of `PoolSettings`.
struct PoolLimits: Equatable {
  var minIdle: Int
  var queueTimeout: Duration
  var idleTimeout: Duration
  var maxRequestsPerSession: Int

  /// The part of shard number `shard` of `shards`: `minIdle` is for the whole process, the first shards keep the remainder.
  init(_ settings: PoolSettings, shard: Int, shards: Int) {
    let minIdle = min(max(0, settings.minIdle), max(1, settings.maxSessions))
    self.minIdle = minIdle / shards + (shard < minIdle % shards ? 1 : 0)
    queueTimeout = settings.queueTimeout
    idleTimeout = settings.idleTimeout
    maxRequestsPerSession = settings.maxRequestsPerSession
  }
}
