/// How the end of a message's body is found (RFC 9112 section 6.3).
public enum BodyFraming: Sendable, Equatable {
  /// There is no body; also when Content-Length is 0, so that nobody waits for zero bytes.
  case none
  /// Exactly so many bytes, always 1 or more.
  case length(Int)
  /// Chunks, decoded by `ChunkedDecoder`.
  case chunked
  /// Everything until the connection closes; only in responses.
  case untilClose

  /// Whether at least one byte of body or framing follows the head.
  public var hasBody: Bool { self != .none }
}
