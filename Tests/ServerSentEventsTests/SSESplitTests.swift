import ServerSentEvents
import Testing
import TestKit

@Suite("Splits change nothing")
struct SSESplitTests {
  private func read(_ pieces: [ArraySlice<UInt8>]) throws -> (messages: [SSEMessage], unfinished: Int) {
    var reader = SSEStreamReader()
    var messages: [SSEMessage] = []
    for piece in pieces { messages += try reader.push(Array(piece)) }
    return (messages, reader.finish())
  }

  @Test("every sample reads as the standard says", arguments: sseSamples)
  func reference(sample: String) throws {
    let bytes = Array(sample.utf8)
    #expect(try read([bytes[...]]).messages == ReferenceReader.messages(of: bytes))
  }

  @Test("every split in two and three, and byte by byte, gives the same events", arguments: sseSamples)
  func splits(sample: String) throws {
    let bytes = Array(sample.utf8)
    let whole = try read([bytes[...]])
    let single = try read(bytes.indices.map { bytes[$0...$0] })
    #expect(single.messages == whole.messages)
    #expect(single.unfinished == whole.unfinished)
    for first in 0...bytes.count {
      for second in first...bytes.count {
        let parts = try read([bytes[..<first], bytes[first..<second], bytes[second...]])
        guard parts.messages == whole.messages, parts.unfinished == whole.unfinished else {
          Issue.record("cut at \(first) and \(second): \(parts)")
          return
        }
      }
    }
  }

  @Test("random soups, cut at random, read as the standard says", arguments: UInt64(1)...8)
  func soups(seed: UInt64) throws {
    var random = SeededGenerator(seed: seed)
    let words: [[UInt8]] = [
      Array("data:".utf8), Array("data".utf8), Array("data: ".utf8), Array(":".utf8), Array("id: ".utf8),
      Array("event:".utf8), Array("retry: 5".utf8), [0x0D], [0x0A], [0x0D, 0x0A], [0x0A, 0x0A], [0x0D], [0x0A],
      [0xEF, 0xBB, 0xBF], [0xEF], [0xBB], [0], Array("a".utf8), Array(" ".utf8), Array("é".utf8), [0xFF],
    ]
    for _ in 0..<1500 {
      let soup = (0..<Int.random(in: 0..<24, using: &random)).flatMap { _ in
        words[Int.random(in: 0..<words.count, using: &random)]
      }
      var cuts = (0..<Int.random(in: 0..<6, using: &random)).map { _ in Int.random(in: 0...soup.count, using: &random) }
      cuts = [0] + cuts.sorted() + [soup.count]
      let pieces = zip(cuts, cuts.dropFirst()).map { soup[$0..<$1] }
      let expected = ReferenceReader.messages(of: soup)
      guard try read(pieces).messages == expected else {
        Issue.record("seed \(seed): \(soup) cut at \(cuts)")
        return
      }
      soup.withUnsafeBytes { sseFuzz($0.bytes) }
    }
  }

  @Test("long lines are found across the search window", arguments: [2046, 2047, 2048, 2049, 4096, 10_000])
  func windows(length: Int) throws {
    let text = String(repeating: "x", count: length)
    for lineEnd in ["\n", "\r", "\r\n"] {
      let bytes = Array("data: \(text)\(lineEnd)\(lineEnd)".utf8)
      #expect(try read([bytes[...]]).messages.map(\.text) == [text])
      #expect(try read([bytes.prefix(1000), bytes.dropFirst(1000)]).messages.map(\.text) == [text])
    }
  }

  @Test("the reader remembers ids and the reconnection time, and counts comments")
  func reader() throws {
    var reader = SSEStreamReader()
    let messages = try reader.push(Array("id: 1\nretry: 30\n\n: hi\n\ndata: a\n\nevent: e\ndata: b\nid: 2\n\n".utf8))
    #expect(
      messages == [
        SSEMessage(data: Array("a".utf8), lastEventID: "1"),
        SSEMessage(data: Array("b".utf8), eventName: "e", lastEventID: "2"),
      ])
    #expect(reader.retryMilliseconds == 30)
    #expect(reader.commentCount == 1)
  }
}

/// What must hold for any bytes at all: blocks follow each other without a gap, ranges lie inside their block, and
/// nothing traps. The body of a fuzz target.
func sseFuzz(_ bytes: RawSpan) {
  var parser = SSEParser(eventBytesMax: 64)
  var scratch: [UInt8] = []
  var offset = 0
  while let step = try? parser.next(in: bytes, at: offset), case .event(let event) = step {
    #expect(event.bytes.lowerBound == offset && event.bytes.upperBound <= bytes.byteCount && !event.bytes.isEmpty)
    for range in [event.data, event.eventName, event.id, event.retry].compactMap({ $0 }) {
      #expect(range.lowerBound >= event.bytes.lowerBound && range.upperBound <= event.bytes.upperBound)
    }
    event.joinData(in: bytes, into: &scratch)
    #expect((event.data == nil) == (event.dataLineCount != 1))
    if let data = event.data { #expect(scratch.count == data.count) }
    offset = event.bytes.upperBound
  }
}
