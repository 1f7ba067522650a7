/// What a client's owner may want to log: each is told once per change, not once per command.
public enum RedisEvent: Equatable, Sendable {
  /// A server has welcomed us.
  case connected(RedisEndpoint)
  /// A connection was lost, or could not be made. Repeated failures with the same cause are told once.
  case disconnected(RedisEndpoint, RedisLoss)
  /// Commands to that server are refused from now on.
  case breakerOpened(RedisEndpoint)
  /// Commands to that server pass again.
  case breakerClosed(RedisEndpoint)
  /// The cluster's slots are served by so many masters; told when that set changes.
  case clusterChanged(masters: [RedisEndpoint])
}
