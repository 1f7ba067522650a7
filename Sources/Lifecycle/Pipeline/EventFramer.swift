internal import ServerSentEvents

/// Where events begin and end, over reads: the parser, and the one buffer of what waits.
///
/// What waits stands in front of what comes: whole events that are held back, then the unfinished end of the last read. It is put in front of the next read, in
/// the room that the reactor leaves there; what outgrows that room grows in storage of its own, up to the parser's bound.
struct EventFramer: Sendable {
  /// What waits up to this size is put in front of the next read; what remains of the head room is for the response head and framing.
  static let waitingRoomMax = 8_192

  var parser: SSEParser
  var waiting: [UInt8] = []
  /// How many bytes of what waits are whole events, read already.
  var heldCount = 0
  /// Events that outgrew the head room, behind a margin.
  var large: [UInt8] = []

  private var endedWithCarriageReturn = false
  private var lastWasForClient = true

  init(eventBytesMax: Int) { parser = SSEParser(eventBytesMax: eventBytesMax) }

  /// Which bytes of an event go on. A LF in front that only completes the CR of the event before goes where that event went.
  @inline(__always)
  mutating func keep(
    _ event: SSEEvent, _ buffer: UnsafeMutableRawBufferPointer, isForClient: Bool
  ) -> Range<Int> {
    let range = event.bytes
    let lead = endedWithCarriageReturn && buffer[range.lowerBound] == UInt8(ascii: "\n") ? 1 : 0
    let leadIsKept = lastWasForClient
    endedWithCarriageReturn = buffer[range.upperBound - 1] == UInt8(ascii: "\r")
    lastWasForClient = isForClient
    if isForClient { return (leadIsKept ? range.lowerBound : range.lowerBound + lead)..<range.upperBound }
    return range.lowerBound..<(leadIsKept ? range.lowerBound + lead : range.lowerBound)
  }

  /// Whether the one byte at `position`, the stream's last, is the LF of a CR that was released: the parser keeps it for an event that does not come.
  func completesLineEnd(_ buffer: UnsafeMutableRawBufferPointer, at position: Int, upTo end: Int) -> Bool {
    endedWithCarriageReturn && lastWasForClient && position + 1 == end && buffer[position] == UInt8(ascii: "\n")
  }
}
