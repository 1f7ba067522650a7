/// How much a server may say in one reply. Checked before the bytes reach hiredis, which would believe any number it is told.
public struct ReplyLimits: Equatable, Sendable {
  /// Elements of one array: a cluster of 16,384 single-slot ranges still fits.
  public var arrayElementsMax = 16_384
  /// Elements of all arrays of one reply together, the arrays themselves counted.
  public var elementsMax = 262_144
  /// Arrays inside arrays, the outermost counted as 1. hiredis 0.14 follows 7 safely.
  public var depthMax = 7
  /// Bytes of one bulk string.
  public var bulkBytesMax = 16 << 20
  /// Bytes of one reply as it stands on the wire; also the most that waits unread for a reply's end.
  public var replyBytesMax = 32 << 20
  /// Bytes of one line: a simple string, an error or a number, with its type and line end.
  public var lineBytesMax = 16_384

  /// The defaults.
  public init() {}
}
