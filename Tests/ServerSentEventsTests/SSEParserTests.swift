import ServerSentEvents
import Testing

@Suite("Finding events")
struct SSEParserTests {
  /// All blocks of a stream that is wholly known, and the offset where the rest begins.
  private func blocks(_ text: String, eventBytesMax: Int = 1 << 20) throws -> (events: [SSEEvent], rest: Int) {
    var parser = SSEParser(eventBytesMax: eventBytesMax)
    let bytes = Array(text.utf8)
    var events: [SSEEvent] = []
    var offset = 0
    while case .event(let event) = try parser.next(in: bytes.span.bytes, at: offset) {
      events.append(event)
      offset = event.bytes.upperBound
    }
    return (events, offset)
  }

  private func slice(_ text: String, _ range: Range<Int>?) -> String? {
    range.map { String(decoding: Array(text.utf8)[$0], as: UTF8.self) }
  }

  @Test("a chunk is told by offsets into the buffer")
  func offsets() throws {
    let text = "data: {\"a\":1}\n\ndata: [DONE]\n\n"
    let (events, rest) = try blocks(text)
    #expect(events.map(\.bytes) == [0..<15, 15..<29])
    #expect(events.map { slice(text, $0.data) } == ["{\"a\":1}", "[DONE]"])
    #expect(rest == 29)
  }

  @Test("all fields of a block are found, the last of each wins")
  func fields() throws {
    let text = "event: a\nid: 1\nretry: 5\nevent:b\n: note\nid:2\nretry: 60\ndata:x\n\n"
    let event = try #require(try blocks(text).events.first)
    #expect(slice(text, event.eventName) == "b")
    #expect(slice(text, event.id) == "2")
    #expect(slice(text, event.retry) == "60")
    #expect(slice(text, event.data) == "x")
    #expect(event.hasComment && !event.isComment && event.isDispatched)
  }

  @Test("several data lines are joined by LF into the caller's scratch")
  func join() throws {
    for lineEnd in ["\n", "\r", "\r\n"] {
      let text = ["data: a", "id: 1", "data:", "data", "data:  b", "", ""].joined(separator: lineEnd)
      let event = try #require(try blocks(text).events.first)
      #expect(event.dataLineCount == 4 && event.data == nil)
      var scratch = Array("old".utf8)
      let bytes = Array(text.utf8)
      event.joinData(in: bytes.span.bytes, into: &scratch)
      #expect(String(decoding: scratch, as: UTF8.self) == "a\n\n\n b")
    }
  }

  @Test("comments and blank lines are blocks of their own, so no byte is lost")
  func comments() throws {
    let (events, _) = try blocks(": hi\n\n\n\r\ndata\n\n")
    #expect(events.map(\.bytes) == [0..<6, 6..<7, 7..<9, 9..<15])
    #expect(events.map(\.isComment) == [true, false, false, false])
    #expect(events.map(\.isDispatched) == [false, false, false, true])
    #expect(events[3].data?.isEmpty == true)
  }

  @Test("an event that ends with CR is told at once; the LF that follows goes to the next one's front")
  func lateLineFeed() throws {
    var parser = SSEParser()
    let first = Array("data: a\r\n\r".utf8)
    guard case .event(let a) = try parser.next(in: first.span.bytes, at: 0) else {
      Issue.record("the blank line ended with CR")
      return
    }
    #expect(a.bytes == 0..<10)
    let second = Array("\ndata: b\r\n\r\n".utf8)
    guard case .event(let b) = try parser.next(in: second.span.bytes, at: 0) else {
      Issue.record("the second event is complete")
      return
    }
    #expect(b.bytes == 0..<12 && b.data == 7..<8)
  }

  @Test("a LF that only completes the last CR is not an unfinished event")
  func loneLineFeed() throws {
    var parser = SSEParser()
    let first = Array("data: a\r\r".utf8)
    _ = try parser.next(in: first.span.bytes, at: 0)
    let second = Array("\n".utf8)
    #expect(try parser.next(in: second.span.bytes, at: 0) == .needMore)
    #expect(parser.finish() == 0)
  }

  @Test("a stream that ends inside an event tells how much was lost", arguments: ["data: x", "data: x\n", "d\r"])
  func unfinished(text: String) throws {
    var parser = SSEParser()
    let bytes = Array(("data: whole\n\n" + text).utf8)
    guard case .event(let event) = try parser.next(in: bytes.span.bytes, at: 0) else {
      Issue.record("the first event is complete")
      return
    }
    #expect(try parser.next(in: bytes.span.bytes, at: event.bytes.upperBound) == .needMore)
    #expect(parser.finish() == text.utf8.count)
    #expect(parser.finish() == 0)
  }

  @Test("an unfinished event may move to another place in the buffer")
  func moving() throws {
    var parser = SSEParser()
    let first = Array("xxxxxevent: e\ndata: ab".utf8)
    #expect(try parser.next(in: first.span.bytes, at: 5) == .needMore)
    let second = Array("event: e\ndata: abc\n\n".utf8)
    guard case .event(let event) = try parser.next(in: second.span.bytes, at: 0) else {
      Issue.record("the event is complete")
      return
    }
    #expect(event.eventName == 7..<8 && event.data == 15..<18)
  }

  @Test("the bound holds for a finished and for an unfinished event, and not one byte earlier")
  func bound() throws {
    #expect(try blocks("data: 12\n\ndata: 34\n\n", eventBytesMax: 10).events.count == 2)
    #expect(throws: SSEError.eventTooLarge(eventBytesMax: 10)) { try blocks("data: 123\n\n", eventBytesMax: 10) }
    #expect(throws: SSEError.eventTooLarge(eventBytesMax: 10)) { try blocks("data: 12345", eventBytesMax: 10) }
    #expect(try blocks("data: 1234", eventBytesMax: 10).events.isEmpty)
  }

  @Test("an offset outside the buffer asks for more")
  func outside() throws {
    var parser = SSEParser()
    let bytes = Array("data\n\n".utf8)
    #expect(try parser.next(in: bytes.span.bytes, at: 6) == .needMore)
    #expect(try parser.next(in: bytes.span.bytes, at: 7) == .needMore)
    #expect(try parser.next(in: bytes.span.bytes, at: -1) == .needMore)
    #expect(try parser.next(in: bytes.span.bytes, at: .min) == .needMore)
  }

  @Test("a buffer of nothing but CR does not make the search quadratic")
  func carriageReturnsOnly() throws {
    var parser = SSEParser()
    let bytes = [UInt8](repeating: 0x0D, count: 1 << 20)
    var offset = 0
    var count = 0
    while case .event(let event) = try parser.next(in: bytes.span.bytes, at: offset) {
      offset = event.bytes.upperBound
      count += 1
    }
    #expect(count == 1 << 20)
  }
}
