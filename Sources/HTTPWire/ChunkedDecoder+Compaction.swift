import CLinux

/// What `ChunkedDecoder.compact` made of a buffer.
public struct CompactedPayload: Sendable, Equatable {
  /// Where the payload begins in the buffer.
  public var payloadStart: Int
  /// How many bytes of payload stand there in one piece; may be 0.
  public var payloadCount: Int
  /// How many bytes, counted from `from`, belong to this message; the rest was not touched.
  public var consumed: Int
  /// Whether the message is over.
  public var ended: Bool
}

extension ChunkedDecoder {
  /// Removes the framing from received bytes in place, so that their payload stands in one piece and can be sent on
  /// as one chunk of our own from the same buffer.
  ///
  /// The first chunk's payload stays where it is, which leaves at least its size line as room in front when there was
  /// one; later payloads are moved down behind it. With one chunk in the buffer, the common case for streamed events,
  /// nothing moves. Bytes after the end of the message are neither moved nor consumed.
  ///
  /// - Parameters:
  ///   - buffer: the bytes; the range must lie inside or it is cut to fit.
  ///   - from: where the received bytes begin.
  ///   - count: how many there are.
  /// - Throws: the first defect; the buffer's bytes are then in no defined order.
  public mutating func compact(
    _ buffer: UnsafeMutableRawBufferPointer, from: Int, count: Int
  ) throws(HTTPWireError) -> CompactedPayload {
    let (payload, defect) = compactToDefect(buffer, from: from, count: count)
    if let defect { throw defect }
    return payload
  }

  /// The same, and where the framing breaks off, what stood before the defect: a sender that breaks off has sent that all the same. What has been read
  /// together must not decide how much of it arrives.
  public mutating func compactToDefect(
    _ buffer: UnsafeMutableRawBufferPointer, from: Int, count: Int
  ) -> (payload: CompactedPayload, defect: HTTPWireError?) {
    let start = min(max(from, 0), buffer.count)
    let end = start &+ min(max(count, 0), buffer.count &- start)
    var result = CompactedPayload(payloadStart: start, payloadCount: 0, consumed: 0, ended: false)
    guard let base = buffer.baseAddress else {
      result.ended = isEnded
      return (result, nil)
    }
    let received = UnsafeRawBufferPointer(start: base, count: end)
    var at = start
    do throws(HTTPWireError) {
      while true {
        switch try next(received, at: at) {
        case .payload(let range, let next):
          if result.payloadCount == 0 {
            result.payloadStart = range.lowerBound
          } else {
            memmove(base + result.payloadStart + result.payloadCount, base + range.lowerBound, range.count)
          }
          result.payloadCount &+= range.count
          at = next
        case .needMore:
          result.consumed = end &- start
          return (result, nil)
        case .end(let next):
          result.consumed = next &- start
          result.ended = true
          return (result, nil)
        }
      }
    } catch {
      result.consumed = at &- start
      return (result, error)
    }
  }
}
