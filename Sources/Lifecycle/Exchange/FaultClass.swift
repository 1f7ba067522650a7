/// What kind of thing went wrong with an attempt: by this, and by what the client has already, it is decided what is tried next. `docs/failure-modes.md` lists them.
public enum FaultClass: UInt8, CaseIterable, Hashable, Sendable {
  /// The caller's request is at fault (400, 413, 422 and other 4xx): another upstream would say the same.
  case caller
  /// The prompt is longer than the model takes.
  case contextLength
  /// The upstream's content filter refused.
  case contentFilter
  /// The gateway's own key was refused (401, 407).
  case key
  /// The gateway's account may not, or has nothing left (402, 403).
  case account
  /// The upstream has no such model or deployment (404, 410).
  case place
  /// The upstream could not do it this time, for no fault of the request (408, 424, 425, 499).
  case notNow
  /// Too many requests or tokens for the gateway's account (429).
  case rateLimited
  /// The upstream has too much to do (503, 529).
  case overloaded
  /// The upstream failed: 5xx, or an error inside its stream.
  case upstream
  /// No session: the pool's queue or every endpoint refused, or none could be connected.
  case noSession
  /// A kept connection turned out dead before the first byte of the answer.
  case stale
  /// The connection broke, or the answer was not HTTP.
  case network
  /// No content in time.
  case timeout
  /// A success that is none: HTML, nothing, an error object, another type, a coding that was not asked for.
  case malformed
  /// The answer ended before its end.
  case incomplete

  /// Judges an upstream's status.
  ///
  /// - Parameter namesModel: the request is for a model that the gateway chose there. On other endpoints "not found" and its like speak of what the
  ///   caller asked for.
  public init(status: Int, namesModel: Bool) {
    switch status {
    case 401, 407: self = .key
    case 402: self = .account
    case 403: self = namesModel ? .account : .caller
    case 404, 410: self = namesModel ? .place : .caller
    case 408: self = .notNow
    case 424, 425, 499: self = namesModel ? .notNow : .caller
    case 429: self = .rateLimited
    case 503, 529: self = .overloaded
    case 500...: self = .upstream
    default: self = .caller
    }
  }
}
