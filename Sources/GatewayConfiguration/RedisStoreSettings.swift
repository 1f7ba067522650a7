/// Where counts are kept that several gateways share. Its name leaves `RedisSettings` to the client.
public struct RedisStoreSettings: Sendable, Equatable {
  /// The store is on the same network: it answers in a millisecond or not at all.
  public static let timeoutDefault: Duration = .milliseconds(20)
  /// Two round trips and a handshake, with room.
  public static let connectTimeoutDefault: Duration = .seconds(1)
  /// Short, because it stands in every key.
  public static let prefixDefault = "sl"

  /// Whom to ask, checked.
  public var url: RedisStoreURL
  /// The ACL user when it does not stand in the URL; nil for the default user.
  public var username: String?
  /// The password when it does not stand in the URL.
  public var password: Secret?
  /// How long an answer may take before limits are kept without it.
  public var timeout = RedisStoreSettings.timeoutDefault
  /// How long a connection may take until it is ready, TLS and login included.
  public var connectTimeout = RedisStoreSettings.connectTimeoutDefault
  /// What the keys begin with: letters, digits, `-`, `_`, `.`, `:`.
  public var prefix = RedisStoreSettings.prefixDefault
  /// This gateway's name among those that share the store; nil: one that is made at each start.
  public var nodeName: String?
  /// TLS, where the URL says `rediss`.
  public var tls = UpstreamTLSSettings()

  /// The defaults for a URL.
  public init(url: RedisStoreURL) { self.url = url }
}
