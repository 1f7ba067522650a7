/// A request's head as decisions and as ranges of the bytes it was parsed from.
public struct RequestHead: Sendable, Equatable {
  /// The method.
  public internal(set) var method: HTTPMethod = .other
  /// Where the method stands: for `other`, and for logs.
  public internal(set) var methodName: Range<Int> = 0..<0
  /// The request target as it was sent.
  public internal(set) var target: Range<Int> = 0..<0
  /// The path: begins with `/`; empty for `http://host` (means `/`); `*` for `OPTIONS *`.
  public internal(set) var path: Range<Int> = 0..<0
  /// What follows the first `?`, without it; nil when there is none.
  public internal(set) var query: Range<Int>?
  /// The host, with port if there is one: from an absolute target, else from Host; nil only in HTTP/1.0.
  public internal(set) var host: Range<Int>?
  /// 1 for HTTP/1.1, 0 for HTTP/1.0.
  public internal(set) var versionMinor: UInt8 = 1
  /// How the body ends; never `untilClose`.
  public internal(set) var framing: BodyFraming = .none
  /// Whether the client lets the connection live on after the answer.
  public internal(set) var keepAlive = true
  /// Whether the client waits for `100 Continue` before it sends the body; false when there is no body.
  public internal(set) var expectsContinue = false

  /// An empty head, as a parser holds before its first request.
  init() {}
}
