/// Writes chunk framing (RFC 9112 section 7.1) around payload that already stands in a buffer.
///
/// Whoever leaves `headRoom` bytes free before the payload and `tailRoom` behind it sends a chunk without moving it.
public enum ChunkWriter {
  /// The most bytes a size line takes: 16 digits and CRLF.
  public static let headRoom = 18

  /// What `writeChunkEnd` takes.
  public static let tailRoom = 2

  /// What follows each chunk's payload.
  public static let chunkEnd: StaticString = "\r\n"

  /// What ends a chunked message without trailers.
  public static let lastChunk: StaticString = "0\r\n\r\n"

  /// Writes the size line of a chunk of `count` bytes so that it ends right before `payloadStart`.
  ///
  /// - Returns: where the line begins; nil, and nothing written, when there is no room for it or `count` is below 1
  ///   (a chunk of 0 bytes would end the message).
  public static func writeSizeLine(
    count: Int, before payloadStart: Int, in buffer: UnsafeMutableRawBufferPointer
  ) -> Int? {
    guard count > 0, payloadStart <= buffer.count else { return nil }
    let digits = HexDigits.count(UInt64(count))
    let start = payloadStart &- 2 &- digits
    guard start >= 0 else { return nil }
    var rest = UInt64(count)
    var at = payloadStart &- 2
    while at > start {
      at &-= 1
      buffer[at] = HexDigits.digit(UInt8(truncatingIfNeeded: rest & 0xF))
      rest &>>= 4
    }
    buffer[payloadStart &- 2] = ByteClass.carriageReturn
    buffer[payloadStart &- 1] = ByteClass.lineFeed
    return start
  }

  /// Writes the CRLF that ends a chunk at `payloadEnd`.
  ///
  /// - Returns: the offset after it; nil, and nothing written, when there is no room.
  public static func writeChunkEnd(at payloadEnd: Int, in buffer: UnsafeMutableRawBufferPointer) -> Int? {
    guard payloadEnd >= 0, payloadEnd <= buffer.count &- tailRoom else { return nil }
    buffer[payloadEnd] = ByteClass.carriageReturn
    buffer[payloadEnd &+ 1] = ByteClass.lineFeed
    return payloadEnd &+ tailRoom
  }
}
