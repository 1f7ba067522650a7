/// Bounds of one connection. What would break one is refused at once, never delayed.
public struct RedisLimits: Equatable, Sendable {
  /// Commands that were sent or wait to be, and have no reply yet.
  public var commandsInFlightMax = 4_096
  /// Bytes of commands that the kernel has not taken yet.
  public var bytesWaitingMax = 8 << 20
  /// Bytes of one command.
  public var commandBytesMax = 4 << 20
  /// How often a cluster may send one command elsewhere.
  public var redirectsMax = 5

  /// The defaults.
  public init() {}
}
