public import Transport

/// How a `RedisClient` reaches its servers and when it gives up on them.
public struct RedisSettings: Sendable {
  /// Whom to ask.
  public var topology: RedisTopology
  /// What `AUTH` says; nil for nothing.
  public var credentials: RedisCredentials?
  /// The same towards sentinels, which have users of their own.
  public var sentinelCredentials: RedisCredentials?
  /// The database to select; 0 in a cluster.
  public var database = 0
  /// TLS to servers and sentinels; nil for plain TCP.
  public var tls: TLSClientContext.Options?
  /// What `CLIENT LIST` shows. Letters, digits, `-` `_` `.`.
  public var clientName = "sluice"

  /// From the first look-up to the server's welcome.
  public var connectTimeout = Duration.seconds(1)
  /// How long a sentinel may take to say where the master is, or a cluster's node who serves what, before another is asked.
  public var discoveryTimeout = Duration.milliseconds(250)
  /// No reply for so long, with commands waiting for theirs: the connection is stuck and is closed.
  public var replyTimeMax = Duration.seconds(1)
  /// A connection that carried nothing for so long is asked for a sign of life.
  public var idlePingAfter = Duration.seconds(15)
  /// How often a cluster is asked anew who serves what, even if nothing hints at a change.
  public var slotRefreshInterval = Duration.seconds(60)
  /// How long a name's addresses are used before they are looked up again.
  public var addressTimeToLive = Duration.seconds(10)

  /// When commands are refused without being tried.
  public var breaker = RedisBreaker.Settings()
  /// How long to wait before connecting again.
  public var backoff = ReconnectBackoff.Settings()
  /// Bounds on what waits.
  public var limits = RedisLimits()
  /// Bounds on what a server may say.
  public var replyLimits = ReplyLimits()

  /// The defaults for that topology.
  public init(topology: RedisTopology) { self.topology = topology }

  /// The defaults for a URL (see `RedisURL`).
  public init(url: String) throws(RedisURLError) {
    let url = try RedisURL(url)
    self.init(topology: url.topology)
    credentials = url.credentials
    database = url.database
    tls = url.isTLS ? TLSClientContext.Options() : nil
  }

  /// Reads the certificates and keys that `tls` names, as a check at start; they are read again for each host.
  ///
  /// - Throws: `TransportError.tlsFailed` naming the file that cannot be used.
  public func validate() throws(TransportError) {
    guard let tls else { return }
    _ = try TLSClientContext(host: "localhost", isAddressLiteral: false, options: tls, protocols: [])
  }
}
