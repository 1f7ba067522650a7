/// A server's host and port.
public struct RedisEndpoint: Hashable, Sendable, CustomStringConvertible {
  /// A name or an address; an IPv6 address without brackets.
  public let host: String
  /// 1 to 65535.
  public let port: UInt16

  /// An endpoint; 6379 is the port that Redis was given (26379 a sentinel).
  public init(host: String, port: UInt16 = 6379) {
    self.host = host
    self.port = port
  }

  /// `host:port`, an IPv6 host in brackets.
  public var description: String { host.utf8.contains(UInt8(ascii: ":")) ? "[\(host)]:\(port)" : "\(host):\(port)" }
}
