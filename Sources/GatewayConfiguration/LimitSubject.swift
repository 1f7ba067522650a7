/// Something by which requests are told apart, for matching them and for giving each its own amount.
public enum LimitSubject: Sendable, Hashable {
  /// The consumer's name; ``ConsumerSettings/anonymousName`` without a key.
  case consumer
  /// The client's key: its SHA-256 as 64 hexadecimal digits, small letters.
  case key
  /// The model that serves the attempt, by its name in the configuration: a fallback's own, not the one that was asked for.
  case model
  /// The name of the upstream that serves the attempt.
  case upstream
  /// The request's path without query; for an entry of `routes` its `path` or `pathPrefix`.
  case route
  /// The client's address, hops of `server.trustedProxies` taken off. As a subject of its own an IPv6 address is its /64, because
  /// that is what one client has.
  case client
  /// A header field by its name in small letters.
  case header(String)
  /// A query parameter by its name.
  case query(String)
  /// A cookie by its name.
  case cookie(String)

  /// The leading bits of an IPv4 address that tell clients apart.
  public static let clientIPv4Bits = 32
  /// The leading bits of an IPv6 address that tell clients apart.
  public static let clientIPv6Bits = 64
}

extension LimitSubject: CustomStringConvertible {
  /// The way it is written in `each`.
  public var description: String {
    switch self {
    case .consumer: "consumer"
    case .key: "key"
    case .model: "model"
    case .upstream: "upstream"
    case .route: "route"
    case .client: "client"
    case .header(let name): "header:\(name)"
    case .query(let name): "query:\(name)"
    case .cookie(let name): "cookie:\(name)"
    }
  }

  static let plain: [LimitSubject] = [.consumer, .key, .model, .upstream, .route, .client]
  static let named: [(kind: String, make: @Sendable (String) -> LimitSubject)] = [
    ("header", { .header($0) }), ("query", { .query($0) }), ("cookie", { .cookie($0) }),
  ]
}
