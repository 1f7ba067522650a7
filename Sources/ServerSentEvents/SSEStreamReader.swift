/// An event as a client sees it: copied out of the stream, its data lines joined.
public struct SSEMessage: Equatable, Sendable {
  /// The values of all `data` lines, joined by LF.
  public var data: [UInt8]
  /// The event's type; `message` when the stream names none.
  public var eventName: String
  /// The last `id` seen so far, empty when there was none.
  public var lastEventID: String

  /// A message as it would be read from a stream.
  public init(data: [UInt8], eventName: String = "message", lastEventID: String = "") {
    self.data = data
    self.eventName = eventName
    self.lastEventID = lastEventID
  }

  /// The data as text, invalid UTF-8 repaired.
  public var text: String { String(decoding: data, as: UTF8.self) }
}

/// Reads an event stream that arrives in pieces of any size, and keeps what is unfinished.
///
/// For clients, simulators and tests: it copies. The gateway's byte path uses `SSEParser` on the buffer itself.
public struct SSEStreamReader: Sendable {
  private var parser: SSEParser
  private var unfinished: [UInt8] = []
  private var lastEventID = ""

  /// Blocks seen that held comments only.
  public private(set) var commentCount = 0
  /// The last reconnection time the stream asked for, in milliseconds.
  public private(set) var retryMilliseconds: Int?

  /// A reader at the start of a stream whose events hold at most `eventBytesMax` bytes.
  public init(eventBytesMax: Int = 8 << 20) {
    parser = SSEParser(eventBytesMax: eventBytesMax)
  }

  /// Takes the next piece and hands over each event it completes.
  public mutating func push(_ bytes: RawSpan, onMessage: (SSEMessage) -> Void) throws(SSEError) {
    bytes.withUnsafeBytes { unfinished.append(contentsOf: $0) }
    let known = unfinished
    var offset = 0
    while case .event(let event) = try parser.next(in: known.span.bytes, at: offset) {
      take(event, known, onMessage)
      offset = event.bytes.upperBound
    }
    unfinished.removeFirst(offset)
  }

  /// Takes the next piece and gives back the events it completes.
  public mutating func push(_ bytes: [UInt8]) throws(SSEError) -> [SSEMessage] {
    var messages: [SSEMessage] = []
    try push(bytes.span.bytes) { messages.append($0) }
    return messages
  }

  /// The number of bytes of the event the stream ended within; 0 after a clean end. Starts afresh.
  public mutating func finish() -> Int {
    unfinished = []
    lastEventID = ""
    return parser.finish()
  }

  private mutating func take(_ event: SSEEvent, _ known: [UInt8], _ onMessage: (SSEMessage) -> Void) {
    if event.isComment { commentCount += 1 }
    if let id = event.id { lastEventID = String(decoding: known[id], as: UTF8.self) }
    if let retry = event.retry, let milliseconds = Int(String(decoding: known[retry], as: UTF8.self)) {
      retryMilliseconds = milliseconds
    }
    guard event.isDispatched else { return }
    var message = SSEMessage(data: [], lastEventID: lastEventID)
    event.joinData(in: known.span.bytes, into: &message.data)
    if let name = event.eventName, !name.isEmpty { message.eventName = String(decoding: known[name], as: UTF8.self) }
    onMessage(message)
  }
}
