/// How the servers stand together, and whom to ask first.
public enum RedisTopology: Equatable, Sendable {
  /// One server.
  case single(RedisEndpoint)
  /// A Redis Cluster; any of its nodes can tell of the others.
  case cluster(seeds: [RedisEndpoint])
  /// Sentinels, which know the address of the master of that name.
  case sentinel(sentinels: [RedisEndpoint], master: String)
}
