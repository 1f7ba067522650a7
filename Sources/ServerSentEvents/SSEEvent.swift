/// One block of an event stream, told as offsets into the bytes that `SSEParser.next(in:at:)` was given.
///
/// A block is whatever a blank line ends: an event, comments only, fields only, or the blank line alone. Only a block
/// with data is an event in the standard's sense (`isDispatched`); the others are told too, so that a forwarder loses
/// no byte. Put one after the other, the `bytes` of all blocks are the stream.
public struct SSEEvent: Equatable, Sendable {
  /// The whole block with its blank line. A LF that only completes the CR of the block before stands at its front.
  public let bytes: Range<Int>
  /// The value of the only `data` line. Nil when there is no such line or more than one (`joinData(in:into:)`).
  public let data: Range<Int>?
  /// Number of `data` lines.
  public let dataLineCount: Int
  /// The value of the last `event` line. An empty value means the default, as if the line were not there.
  public let eventName: Range<Int>?
  /// The value of the last `id` line without NUL. It holds for the following events too, and without data as well.
  public let id: Range<Int>?
  /// The value of the last `retry` line: ASCII digits only, milliseconds, of any length.
  public let retry: Range<Int>?
  /// Whether at least one line is a comment.
  public let hasComment: Bool
  /// Bytes at the front that are not part of a line: a BOM or the LF of the CR before.
  let leadBytes: Int

  /// Whether a client is told of this block: it has data, be it empty.
  public var isDispatched: Bool { dataLineCount > 0 }

  /// Whether the block is only there to keep the connection alive: comments and nothing else that matters.
  public var isComment: Bool { hasComment && !isDispatched && eventName == nil && id == nil && retry == nil }

  /// Replaces the contents of `scratch` with the event's data: the values of all `data` lines, joined by LF.
  ///
  /// - Parameter span: the bytes the event was found in, unmoved. An event with one line needs no copy: see `data`.
  public func joinData(in span: RawSpan, into scratch: inout [UInt8]) {
    scratch.removeAll(keepingCapacity: true)
    guard bytes.upperBound <= span.byteCount else { return }
    span.withUnsafeBytes { buffer in
      guard let base = buffer.baseAddress else { return }
      var line = bytes.lowerBound + leadBytes
      var isFirst = true
      while line < bytes.upperBound {
        let end = lineEnd(base, from: line, to: bytes.upperBound)
        if let value = dataValue(base, line, end) {
          if !isFirst { scratch.append(lineFeed) }
          isFirst = false
          scratch.append(contentsOf: UnsafeRawBufferPointer(rebasing: buffer[value]))
        }
        // The LF of a CRLF reads as one more empty line, which has no data.
        line = end + 1
      }
    }
  }
}
