/// Everything a running gateway was told, checked and resolved: one immutable snapshot.
///
/// A reload makes a new snapshot and swaps it; a stream keeps the one it began with. Lists keep the order of the file, because
/// regular expressions are tried in that order and because an upstream is known by its place in ``upstreams``.
public struct GatewaySettings: Sendable, Equatable {
  /// The port that clients speak to.
  public var server: ServerSettings
  /// The port for health, metrics and the console; nil when switched off.
  public var admin: AdminSettings?
  /// What is written about the gateway's work.
  public var log: LogSettings
  /// Who answers, in file order.
  public var upstreams: [UpstreamSettings]
  /// What may be asked for, in file order.
  public var models: [ModelSettings]
  /// Who may ask, in file order.
  public var consumers: [ConsumerSettings]
  /// True: a request without a key is served, as the consumer ``ConsumerSettings/anonymousName``. A key that is presented must
  /// still be a valid one when consumers exist.
  public var anonymous: Bool
  /// Endpoints that are passed through to one upstream.
  public var routes: [RouteSettings]
  /// Where limits are kept that several gateways share; nil: in this process.
  public var redis: RedisStoreSettings?
  /// How much may be used, in file order; a request must be within all that are for it.
  public var limits: [LimitSettings]

  /// Settings with every default, nothing to serve and nobody to serve it to.
  public init(
    server: ServerSettings = ServerSettings(), admin: AdminSettings? = AdminSettings(),
    log: LogSettings = LogSettings(),
    upstreams: [UpstreamSettings] = [], models: [ModelSettings] = [], consumers: [ConsumerSettings] = [],
    anonymous: Bool = false, routes: [RouteSettings] = [],
    redis: RedisStoreSettings? = nil, limits: [LimitSettings] = []
  ) {
    self.server = server
    self.admin = admin
    self.log = log
    self.upstreams = upstreams
    self.models = models
    self.consumers = consumers
    self.anonymous = anonymous
    self.routes = routes
    self.redis = redis
    self.limits = limits
  }
}
