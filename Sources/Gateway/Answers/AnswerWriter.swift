internal import CLinux
internal import HTTPWire
internal import Reactor
internal import Transport

/// The only one that sends to the client: heads, chunk framing, comments, back-pressure, and every ending.
///
/// What stands at a range of a buffer is sent from where it lies, framed, together with whatever waits to go before it.
struct AnswerWriter {
  /// How the client learns where the body ends.
  enum Framing {
    case chunked
    case length
    case close
    /// No body at all.
    case none
  }

  /// How a piece of the answer ends.
  enum End: Equatable {
    /// More follows.
    case open
    /// The answer is complete with it; `addsDone`: the upstream forgot its `[DONE]`.
    case whole(addsDone: Bool)
  }

  private let connection: DownstreamConnection
  var framing = Framing.chunked
  /// The response head, written but not yet sent: it goes with the first bytes of the body.
  var pendingHead: [UInt8] = []
  private(set) var isHeadSent = false
  /// Whether anything of an upstream's answer has been sent: from here on no other answer can take its place.
  private(set) var isCommitted = false
  /// Whether the end of the body has been sent.
  private(set) var isEnded = false
  /// Bytes of the body that were sent.
  private(set) var bytesOut = 0

  init(_ connection: DownstreamConnection) { self.connection = connection }

  /// A head that was written is as if it had never been.
  mutating func forgetHead() { pendingHead = [] }

  // MARK: From where it lies

  /// Sends what lies at `range`; false when the client does not keep up.
  mutating func forward(_ buffer: UnsafeMutableRawBufferPointer, _ range: Range<Int>, _ end: End) -> Bool {
    // Checked once, here, for all that is written behind the range: a `[DONE]`, a chunk's end and the last chunk are fewer bytes. And for what stands in front.
    let headBytes = isHeadSent ? 0 : pendingHead.count
    guard let base = buffer.baseAddress, range.upperBound <= buffer.count - Reactor.tailRoom,
      headBytes + ChunkWriter.headRoom <= range.lowerBound
    else { return forwardCopy(buffer, range, end) }
    isCommitted = true
    var start = range.lowerBound
    var finish = range.upperBound
    if case .whole(addsDone: true) = end { finish += Self.write(OpenAIClosings.done, at: base + finish) }
    bytesOut += finish - start
    if framing == .chunked {
      if finish > start {
        let payloadStart = start
        start = ChunkWriter.writeSizeLine(count: finish - start, before: start, in: buffer) ?? payloadStart
        finish += Self.write(ChunkWriter.chunkEnd, at: base + finish)
      }
      if case .whole = end { finish += Self.write(ChunkWriter.lastChunk, at: base + finish) }
    }
    if case .whole = end { isEnded = true }
    if !isHeadSent {
      isHeadSent = true
      start -= pendingHead.count
      pendingHead.withUnsafeBytes { UnsafeMutableRawBufferPointer(rebasing: buffer[start...]).copyMemory(from: $0) }
      pendingHead = []
    }
    guard finish > start else { return true }
    return connection.send(UnsafeRawBufferPointer(rebasing: buffer[start..<finish]))
  }

  /// For bytes without room around them.
  private mutating func forwardCopy(
    _ buffer: UnsafeMutableRawBufferPointer, _ range: Range<Int>, _ end: End
  ) -> Bool {
    let room = ChunkWriter.headRoom + (isHeadSent ? 0 : pendingHead.count)
    var copy = [UInt8](repeating: 0, count: room)
    copy.append(contentsOf: buffer[range])
    copy.append(contentsOf: repeatElement(0, count: Reactor.tailRoom))
    return copy.withUnsafeMutableBytes { forward($0, room..<room + range.count, end) }
  }

  private static func write(_ text: StaticString, at target: UnsafeMutableRawPointer) -> Int {
    memcpy(target, text.utf8Start, text.utf8CodeUnitCount)
    return text.utf8CodeUnitCount
  }

  // MARK: Bytes of the gateway's own

  /// A comment, which clients ignore. Before the answer has begun nothing of it is in there, so another candidate's can still follow.
  mutating func showLife() -> Bool {
    send(Array(": waiting for the model\n\n".utf8), isLast: false)
  }

  /// Ends a stream with events of the gateway's own.
  mutating func end(with events: [UInt8]) { _ = send(events, isLast: true) }

  private mutating func send(_ body: [UInt8], isLast: Bool) -> Bool {
    guard !isEnded else { return true }
    var bytes = OutputBytes(capacity: pendingHead.count + body.count + 32)
    if !isHeadSent { bytes.append(pendingHead) }
    isHeadSent = true
    pendingHead = []
    if framing != .chunked {
      bytes.append(body)
    } else if !body.isEmpty {
      bytes.append(chunk: body.span.bytes)
    }
    if isLast {
      isEnded = true
      if framing == .chunked { bytes.append(ChunkWriter.lastChunk) }
    }
    bytesOut += body.count
    return bytes.withUnsafeBytes { $0.isEmpty || connection.send($0) }
  }

  /// Sends a whole answer: its head, to which only the length is missing, and its body, which a HEAD does not get.
  mutating func sendDocument(_ body: [UInt8], isHead: Bool) {
    appendLength(body.count)
    var bytes = OutputBytes(capacity: pendingHead.count + body.count)
    bytes.append(pendingHead)
    if !isHead {
      bytes.append(body)
      bytesOut += body.count
    }
    pendingHead = []
    isHeadSent = true
    isCommitted = true
    isEnded = true
    bytes.withUnsafeBytes { _ = connection.send($0) }
  }

  /// Ends the head with the body's length, which was not known.
  private mutating func appendLength(_ count: Int) {
    guard framing == .length else { return }
    pendingHead.append(contentsOf: "content-length: \(count)\r\n\r\n".utf8)
  }

  // MARK: The end

  /// Whether the connection can be used again.
  var mayKeepAlive: Bool { connection.mayKeepAlive }

  /// The answer is over: the connection goes on to its next request, or ends as its framing wants.
  ///
  /// What was sent must still arrive. An end that is missing shows; only where the end of the connection is the end of the answer it must break.
  mutating func finish() {
    if !isEnded && isHeadSent && framing == .close { return connection.abort() }
    connection.finishResponse(keepAlive: isEnded && framing != .close && connection.mayKeepAlive)
  }
}
