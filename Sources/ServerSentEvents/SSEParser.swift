/// Finds the events of a `text/event-stream` in the buffer they arrived in (WHATWG HTML, section 9.2.5 and 9.2.6).
///
/// The caller keeps the bytes; the parser keeps only how far it has come in an unfinished event, as offsets from that
/// event's first byte. So a read costs one search over its new bytes however the stream was cut, and nothing is copied
/// or allocated. JSON text holds no raw line ends, so one search jumps over the whole payload of a chunk.
///
/// Lines end with LF, CR or CRLF, mixed as one likes. A blank line that ends with CR ends its event at once, without
/// waiting for a LF that may never come: such a LF, when it comes, stands at the front of the next event's `bytes`.
public struct SSEParser: Sendable {
  /// What `next(in:at:)` found.
  public enum Step: Equatable, Sendable {
    /// A block ended by a blank line. The next one starts at `bytes.upperBound`.
    case event(SSEEvent)
    /// The rest is unfinished: keep the bytes from the given offset on, append what arrives, and ask again from there.
    case needMore
  }

  /// The largest event accepted, in bytes, its blank line counted.
  public let eventBytesMax: Int

  /// State of the unfinished event; offsets count from its first byte.
  private var lineStart = 0
  private var searchedTo = 0
  private var unfinishedBytes = 0
  private var fields = EventFields()
  /// A BOM is skipped at the very start only.
  private var isAtStreamStart = true
  /// The event before ended with a CR that was the last byte known: a LF in front of the next event belongs to it.
  private var endedWithCarriageReturn = false

  /// A parser at the start of a stream.
  public init(eventBytesMax: Int = 8 << 20) {
    self.eventBytesMax = eventBytesMax
  }

  /// The next block of the stream.
  ///
  /// - Parameters:
  ///   - bytes: the stream's bytes known so far, from an event's start at `offset` to the last one received.
  ///   - offset: where the block starts: the end of the block before, or, after `.needMore`, the place where the
  ///     unfinished bytes stand now.
  /// - Throws: `SSEError.eventTooLarge`; the stream is then lost, for its next event cannot be found.
  public mutating func next(in bytes: RawSpan, at offset: Int) throws(SSEError) -> Step {
    let available = bytes.byteCount &- offset
    guard offset >= 0, available > 0 else { return .needMore }
    return try bytes.withUnsafeBytes { buffer throws(SSEError) in
      guard let base = buffer.baseAddress else { return .needMore }
      return try advance(base + offset, available, offset)
    }
  }

  /// Tells how many bytes of an unfinished event the stream ended with (0: it ended cleanly) and starts afresh.
  ///
  /// The standard has such an event thrown away, however complete it looks.
  public mutating func finish() -> Int {
    let count = unfinishedBytes
    self = SSEParser(eventBytesMax: eventBytesMax)
    return count
  }

  @inline(__always)
  private mutating func advance(
    _ base: UnsafeRawPointer, _ available: Int, _ offset: Int
  ) throws(SSEError) -> Step {
    let lead = leadBytes(base, available)
    var line = max(lineStart, lead)
    var searched = max(searchedTo, line)
    while true {
      let end = lineEnd(base, from: searched, to: available)
      guard end < available else { return try suspend(line, available, lead, available) }
      let isCarriageReturn = base.load(fromByteOffset: end, as: UInt8.self) == carriageReturn
      let isLast = end &+ 1 == available
      let hasLineFeed = isCarriageReturn && !isLast && base.load(fromByteOffset: end &+ 1, as: UInt8.self) == lineFeed
      if end == line {
        guard end &+ 1 &- lead <= eventBytesMax else { throw .eventTooLarge(eventBytesMax: eventBytesMax) }
        let event = makeEvent(offset, lead, end &+ (hasLineFeed ? 2 : 1))
        reset(endedWithCarriageReturn: isCarriageReturn && isLast)
        return .event(event)
      }
      // Whether a LF follows decides where the next line starts: look at this CR again when more is known.
      if isCarriageReturn && isLast { return try suspend(line, end, lead, available) }
      fields.take(base, line, end)
      line = end &+ (hasLineFeed ? 2 : 1)
      searched = line
    }
  }

  private mutating func suspend(
    _ line: Int, _ searched: Int, _ lead: Int, _ available: Int
  ) throws(SSEError) -> Step {
    lineStart = line
    searchedTo = searched
    unfinishedBytes = max(available &- lead, 0)
    guard unfinishedBytes <= eventBytesMax else { throw .eventTooLarge(eventBytesMax: eventBytesMax) }
    return .needMore
  }

  @inline(__always)
  private mutating func reset(endedWithCarriageReturn: Bool) {
    lineStart = 0
    searchedTo = 0
    unfinishedBytes = 0
    fields = EventFields()
    isAtStreamStart = false
    self.endedWithCarriageReturn = endedWithCarriageReturn
  }

  @inline(__always)
  private func leadBytes(_ base: UnsafeRawPointer, _ available: Int) -> Int {
    if endedWithCarriageReturn { return base.load(as: UInt8.self) == lineFeed ? 1 : 0 }
    guard isAtStreamStart, available >= 3 else { return 0 }
    let isMark =
      base.load(as: UInt8.self) == 0xEF && base.load(fromByteOffset: 1, as: UInt8.self) == 0xBB
      && base.load(fromByteOffset: 2, as: UInt8.self) == 0xBF
    return isMark ? 3 : 0
  }

  @inline(__always)
  private func makeEvent(_ offset: Int, _ lead: Int, _ end: Int) -> SSEEvent {
    func shifted(_ range: Range<Int>?) -> Range<Int>? {
      range.map { Range(uncheckedBounds: ($0.lowerBound &+ offset, $0.upperBound &+ offset)) }
    }
    return SSEEvent(
      bytes: Range(uncheckedBounds: (offset, offset &+ end)),
      data: fields.dataLineCount == 1 ? shifted(fields.data) : nil,
      dataLineCount: fields.dataLineCount,
      eventName: shifted(fields.eventName),
      id: shifted(fields.id),
      retry: shifted(fields.retry),
      hasComment: fields.hasComment,
      leadBytes: lead)
  }
}
