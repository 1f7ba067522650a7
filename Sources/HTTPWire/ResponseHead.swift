/// A response's head as decisions and as ranges of the bytes it was parsed from.
public struct ResponseHead: Sendable, Equatable {
  /// The status code, 100 to 599.
  public internal(set) var status = 0
  /// The reason phrase; may be empty.
  public internal(set) var reason: Range<Int> = 0..<0
  /// 1 for HTTP/1.1, 0 for HTTP/1.0.
  public internal(set) var versionMinor: UInt8 = 1
  /// How the body ends, with the request's method taken into account.
  public internal(set) var framing: BodyFraming = .none
  /// Whether the connection may carry another request after this response.
  public internal(set) var keepAlive = false

  /// Whether this is a 1xx response: the real one follows it.
  public var isInterim: Bool { status < 200 }

  /// An empty head, as a parser holds before its first response.
  init() {}
}
