/// The upstream's answers, rendered once: a stream's events with their chunk framing one behind the other, so that sending one is one `send`
/// of a slice.
final class UpstreamAnswers {
  /// One event as it goes over the wire.
  struct Event {
    var range: Range<Int>
    /// Offset of the sixteen digits of the sending time; nil where the event bears none.
    var stampStart: Int?
  }

  let bytes: UnsafeMutableRawBufferPointer
  /// The response head and the first event leave in one send: the head is part of the first range.
  let events: [Event]
  let whole: UnsafeRawBufferPointer
  let models: UnsafeRawBufferPointer

  /// - Parameter textEvents: how many events carry text; a role event stands before them, finish_reason, usage and `[DONE]` behind.
  init(textEvents: Int) {
    var stream = Array(
      ("HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncache-control: no-cache\r\n" + "transfer-encoding: chunked\r\n\r\n").utf8)
    var events: [Event] = []
    var start = 0
    func add(_ payload: String) {
      let event = "data: \(payload)\n\n"
      stream += Array("\(String(event.utf8.count, radix: 16))\r\n\(event)\r\n".utf8)
      let stamp = Self.offset(of: ReferenceAnswer.stampField, in: stream[start...])
      events.append(Event(range: start..<stream.count, stampStart: stamp))
      start = stream.count
    }
    add(Self.chunk(delta: #"{"role":"assistant","content":""}"#, finish: "null"))
    for index in 0..<textEvents { add(Self.textChunk(index)) }
    add(Self.chunk(delta: "{}", finish: #""stop""#))
    add(Self.usageChunk(completionTokens: textEvents))
    add("[DONE]")
    stream += Array("0\r\n\r\n".utf8)
    events[events.count - 1].range = events[events.count - 1].range.lowerBound..<stream.count

    bytes = .allocate(byteCount: stream.count, alignment: 64)
    bytes.copyBytes(from: stream)
    self.events = events
    whole = Self.answer(Self.completion)
    models = Self.answer(#"{"object":"list","data":[{"id":"\#(BenchmarkRequest.model)","object":"model","created":1700000000,"owned_by":"benchmark"}]}"#)
  }

  /// Writes the sending time into an event.
  @inline(__always)
  func stamp(_ event: Event, _ nanoseconds: UInt64) {
    guard let start = event.stampStart else { return }
    for digit in 0..<ReferenceAnswer.stampDigits {
      let value = UInt8(truncatingIfNeeded: nanoseconds >> UInt64(60 - 4 * digit)) & 15
      bytes[start + digit] = value < 10 ? 0x30 + value : 0x57 + value
    }
  }

  /// The JSON of the stream's text event number `index`: with its framing about 260 bytes.
  static func textChunk(_ index: Int) -> String {
    chunk(delta: #"{"content":"\#(text(index))"}"#, finish: "null")
  }

  /// That event's text.
  static func text(_ index: Int) -> String {
    ReferenceAnswer.textMark(index).dropFirst(#""content":""#.count) + " tokens"
  }

  private static let prefix =
    #"{"id":"chatcmpl-7f1d2c3b4a5968778695a4","object":"chat.completion.chunk","created":1700000000,"#
    + #""model":"\#(BenchmarkRequest.model)","system_fingerprint":"fp_0000000000000000","#

  private static func chunk(delta: String, finish: String) -> String {
    prefix + #""choices":[{"index":0,"delta":\#(delta),"logprobs":null,"finish_reason":\#(finish)}]}"#
  }

  private static func usageChunk(completionTokens: Int) -> String {
    prefix
      + #""choices":[],"usage":{"prompt_tokens":42,"completion_tokens":\#(completionTokens),"total_tokens":\#(42 + completionTokens)}}"#
  }

  private static let completion =
    #"{"id":"chatcmpl-7f1d2c3b4a5968778695a4","object":"chat.completion","created":1700000000,"#
    + #""model":"\#(BenchmarkRequest.model)","choices":[{"index":0,"message":{"role":"assistant","content":""#
    + "A token bucket saves unused permission: while nobody asks, tokens gather up to the bucket's size, and a burst may spend them all "
    + "at once. A leaky bucket saves nothing: it lets one request drip out per interval however long it was quiet, so a burst waits. "
    + #"Same average, different tolerance."},"logprobs":null,"finish_reason":"stop"}],"#
    + #""usage":{"prompt_tokens":42,"completion_tokens":68,"total_tokens":110}}"#

  private static func answer(_ body: String) -> UnsafeRawBufferPointer {
    let text = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: \(body.utf8.count)\r\n\r\n\(body)"
    let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: text.utf8.count, alignment: 64)
    copy.copyBytes(from: text.utf8)
    return UnsafeRawBufferPointer(copy)
  }

  private static func offset(of text: String, in bytes: ArraySlice<UInt8>) -> Int? {
    let pattern = Array(text.utf8)
    guard bytes.count >= pattern.count else { return nil }
    for start in bytes.startIndex...(bytes.endIndex - pattern.count)
    where bytes[start..<start + pattern.count].elementsEqual(pattern) {
      return start + pattern.count
    }
    return nil
  }
}
