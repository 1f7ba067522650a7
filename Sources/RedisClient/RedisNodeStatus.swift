/// How it stands with one server.
public struct RedisNodeStatus: Equatable, Sendable {
  /// The server; before a sentinel has told, the master's name with port 0.
  public let endpoint: RedisEndpoint
  /// Whether a connection is there that the server has welcomed.
  public let isConnected: Bool
  /// Whether commands pass.
  public let breaker: RedisBreaker.State
  /// Why the last connection was lost or could not be made; nil since it is well again.
  public let lastLoss: RedisLoss?
}
