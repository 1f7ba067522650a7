import HTTPWire
import Testing

@Suite("Chunked bodies") struct ChunkedDecoderTests {
  @Test("Malformed framing is refused, at every split alike, decoded and compacted", arguments: chunkedRefusals)
  func refuses(_ refusal: Refusal) {
    let sample = bytes(refusal.text)
    #expect(HTTPWireError(refusal.kind).status == refusal.status)
    for ends in [[sample.count]] + everySplit(sample.count) {
      #expect(decoded(sample, ends: ends).refused == refusal.kind)
      #expect(compacted(sample, ends: ends).refused == refusal.kind)
    }
  }

  @Test("Good bodies decode to the same payload at every split", arguments: chunkedAccepted.indices)
  func accepts(_ index: Int) {
    let sample = bytes(chunkedAccepted[index].text)
    let whole = decoded(sample)
    #expect(whole.payload == bytes(chunkedAccepted[index].payload))
    #expect(whole.refused == nil && whole.endOffset != nil)
    for ends in everySplit(sample.count) {
      #expect(decoded(sample, ends: ends) == whole)
      #expect(compacted(sample, ends: ends) == whole)
    }
    for end in 0..<(whole.endOffset ?? 0) { #expect(decoded(Array(sample[..<end])).endOffset == nil) }
  }

  @Test("Bytes after the end belong to the next message")
  func remainder() {
    let text = "1\r\nx\r\n0\r\n\r\n"
    #expect(decoded(bytes(text + "1\r\ny\r\n0\r\n\r\n")).endOffset == text.utf8.count)
    #expect(compacted(bytes(text + "GET / HTTP/1.1")).endOffset == text.utf8.count)
  }

  @Test("Random bodies, randomly cut, equal the payload they were made from")
  func randomChunkings() {
    let seed: UInt64 = 0x5_1A1CE
    var generator = SeededGenerator(seed: seed)
    for round in 0..<400 {
      var payload: [UInt8] = []
      var body: [UInt8] = []
      for _ in 0..<Int.random(in: 0...6, using: &generator) {
        let chunk = (0..<Int.random(in: 1...40, using: &generator)).map { _ in
          UInt8.random(in: 0...255, using: &generator)
        }
        payload += chunk
        let size = String(chunk.count, radix: 16, uppercase: Bool.random(using: &generator))
        body += bytes((Bool.random(using: &generator) ? "0" : "") + size)
        if Int.random(in: 0..<4, using: &generator) == 0 { body += bytes(";e=\"1\"") }
        body += [13, 10] + chunk + [13, 10]
      }
      body += bytes(Bool.random(using: &generator) ? "0\r\n\r\n" : "0\r\nT: v\r\n\r\n")
      let expected = Decoded(payload: payload, refused: nil, endOffset: body.count)
      body += bytes("rest")
      for _ in 0..<4 {
        var ends: [Int] = []
        while let last = ends.last ?? 0 as Int?, last < body.count {
          ends.append(min(last + Int.random(in: 1...25, using: &generator), body.count))
        }
        #expect(decoded(body, ends: ends) == expected, "seed \(seed) round \(round)")
        #expect(compacted(body, ends: ends) == expected, "seed \(seed) round \(round)")
      }
    }
  }

  @Test("The position in the framing can be read between steps")
  func position() throws {
    let sample = bytes("5\r\nhello\r\n0\r\n\r\n")
    var decoder = ChunkedDecoder()
    #expect(decoder.isAtChunkBoundary && decoder.remainingInChunk == 0 && !decoder.isEnded)
    #expect(try decoder.next(Array(sample[..<5]), at: 0) == .payload(3..<5, next: 5))
    #expect(decoder.remainingInChunk == 3 && !decoder.isAtChunkBoundary)
    #expect(try decoder.next(Array(sample[..<5]), at: 5) == .needMore)
    #expect(try decoder.next(sample, at: 5) == .payload(5..<8, next: 8))
    #expect(decoder.remainingInChunk == 0 && !decoder.isAtChunkBoundary)
    #expect(try decoder.next(Array(sample[..<10]), at: 8) == .needMore)
    #expect(decoder.isAtChunkBoundary)
    #expect(try decoder.next(sample, at: 10) == .end(next: 15))
    #expect(decoder.isEnded)
    #expect(try decoder.next(sample, at: 15) == .end(next: 15))
  }

  @Test("Compaction moves nothing for one chunk and leaves its size line as head room")
  func singleChunkStays() throws {
    var buffer = bytes("....b\r\ndata: 12345\r\n")
    let before = buffer
    var decoder = ChunkedDecoder()
    let outcome = try buffer.withUnsafeMutableBytes { try decoder.compact($0, from: 4, count: 16) }
    #expect(outcome.payloadStart == 7 && outcome.payloadCount == 11)
    #expect(outcome.consumed == 16 && !outcome.ended)
    #expect(buffer == before)
  }

  @Test("What stands before a defect is there with it, wherever the bytes were read apart")
  func upToDefect() throws {
    for sample in ["1\r\nx\r\n2\r\nyz\r\nnonsense", "3\r\nxyz\r\n\n", "3\r\nxyz##"] {
      var buffer = bytes(sample)
      var decoder = ChunkedDecoder()
      let (payload, defect) = buffer.withUnsafeMutableBytes {
        decoder.compactToDefect($0, from: 0, count: $0.count)
      }
      let range = payload.payloadStart..<payload.payloadStart + payload.payloadCount
      #expect(String(decoding: buffer[range], as: UTF8.self) == "xyz")
      #expect(defect != nil && !payload.ended)
    }
  }

  @Test("Compaction with no bytes, or a range outside the buffer, is harmless")
  func absurdRanges() throws {
    var decoder = ChunkedDecoder()
    var buffer: [UInt8] = bytes("1\r\nx")
    func compact(_ from: Int, _ count: Int) throws -> CompactedPayload {
      try buffer.withUnsafeMutableBytes { try decoder.compact($0, from: from, count: count) }
    }
    #expect(try compact(4, 0).consumed == 0)
    #expect(try compact(-3, -1).consumed == 0)
    #expect(try compact(99, 5).consumed == 0)
    #expect(try compact(0, 99).payloadCount == 1)
    let nothing = UnsafeMutableRawBufferPointer(start: nil, count: 0)
    #expect(try decoder.compact(nothing, from: 0, count: 0).consumed == 0)
  }

  @Test("The decoder's state fits in half a cache line")
  func size() { #expect(MemoryLayout<ChunkedDecoder>.size <= 32) }
}
