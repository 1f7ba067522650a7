import HTTPWire
import Testing

@Suite("Writing") struct OutputBytesTests {
  private func text(_ output: OutputBytes) -> String { String(decoding: output.array, as: UTF8.self) }

  @Test("A response head is written as it is meant")
  func responseHead() throws {
    var output = OutputBytes(capacity: 64)
    try output.appendStatusLine(429)
    try output.appendField("content-type", "application/json")
    try output.appendField("retry-after", decimal: 30)
    try output.appendField("x-request-id", value: bytes("abc"))
    try output.appendField(name: bytes("X-Own"), value: bytes("a\tb"))
    output.endHead()
    #expect(
      text(output) == "HTTP/1.1 429 Too Many Requests\r\ncontent-type: application/json\r\nretry-after: 30\r\n"
        + "x-request-id: abc\r\nX-Own: a\tb\r\n\r\n")
    #expect(responseVerdict(output.array.asText).responseHead?.status == 429)
  }

  @Test("A request head is written as it is meant")
  func requestHead() throws {
    var output = OutputBytes()
    try output.appendRequestLine(.post, target: bytes("/v1/chat/completions"))
    try output.appendField("host", "api.example")
    output.endHead()
    #expect(text(output) == "POST /v1/chat/completions HTTP/1.1\r\nhost: api.example\r\n\r\n")
  }

  @Test(
    "What could split a head cannot be written",
    arguments: ["\r", "\n", "\r\n", "\u{00}", "\u{7F}", "\u{1F}", "\u{0B}"])
  func splitting(_ evil: String) throws {
    for value in [evil, "a" + evil, evil + "b", "a long value with it \(evil) in the middle"] {
      var output = OutputBytes()
      try output.appendStatusLine(200)
      let before = output.array
      #expect(throws: HTTPWireError(.unwritableField)) { try output.appendField("x", value: bytes(value)) }
      #expect(throws: HTTPWireError(.unwritableField)) {
        try output.appendField(name: bytes(value), value: bytes("v"))
      }
      #expect(throws: HTTPWireError(.unwritableField)) {
        try output.appendRequestLine(.get, target: bytes("/" + value))
      }
      #expect(output.array == before)
    }
  }

  @Test(
    "Names that are no tokens, empty targets and odd statuses cannot be written",
    arguments: ["", "a b", "a:", "é", "a("])
  func badNames(_ name: String) {
    var output = OutputBytes()
    #expect(throws: HTTPWireError(.unwritableField)) {
      try output.appendField(name: bytes(name), value: bytes("v"))
    }
    #expect(throws: HTTPWireError(.unwritableField)) { try output.appendRequestLine(.get, target: [UInt8]()) }
    #expect(throws: HTTPWireError(.unwritableField)) { try output.appendRequestLine(.other, target: bytes("/")) }
    #expect(throws: HTTPWireError(.unwritableField)) { try output.appendStatusLine(1000) }
    #expect(output.isEmpty)
  }

  @Test("Numbers are written in full", arguments: [0, 1, 9, 10, 255, 256, 65_535, Int.max, Int.min, -1])
  func numbers(_ value: Int) {
    var output = OutputBytes()
    output.append(decimal: value)
    output.append(byte: 0x20)
    output.append(hex: UInt64(bitPattern: Int64(value)))
    #expect(text(output) == "\(value) \(String(UInt64(bitPattern: Int64(value)), radix: 16))")
  }

  @Test("A size line is written right before the payload and decodes", arguments: [1, 15, 16, 255, 256, 4096, 65_537])
  func sizeLine(_ count: Int) throws {
    let payload = [UInt8](repeating: 0x61, count: count)
    var buffer = [UInt8](repeating: 0, count: ChunkWriter.headRoom) + payload + [0, 0]
    let written = buffer.withUnsafeMutableBytes { buffer -> Range<Int>? in
      guard let start = ChunkWriter.writeSizeLine(count: count, before: ChunkWriter.headRoom, in: buffer),
        let end = ChunkWriter.writeChunkEnd(at: ChunkWriter.headRoom + count, in: buffer)
      else { return nil }
      return start..<end
    }
    let range = try #require(written)
    #expect(decoded(Array(buffer[range]) + bytes("0\r\n\r\n")).payload == payload)
    var output = OutputBytes()
    output.append(chunk: payload)
    #expect(output.array == Array(buffer[range]))
  }

  @Test("A chunk that does not fit, or would end the message, is not written")
  func noRoom() {
    var buffer: [UInt8] = [1, 2, 3, 4]
    buffer.withUnsafeMutableBytes { buffer in
      #expect(ChunkWriter.writeSizeLine(count: 16, before: 3, in: buffer) == nil)
      #expect(ChunkWriter.writeSizeLine(count: 0, before: 4, in: buffer) == nil)
      #expect(ChunkWriter.writeSizeLine(count: -1, before: 4, in: buffer) == nil)
      #expect(ChunkWriter.writeSizeLine(count: 1, before: 5, in: buffer) == nil)
      #expect(ChunkWriter.writeSizeLine(count: .max, before: -5, in: buffer) == nil)
      #expect(ChunkWriter.writeChunkEnd(at: 3, in: buffer) == nil)
      #expect(ChunkWriter.writeChunkEnd(at: -1, in: buffer) == nil)
    }
    #expect(buffer == [1, 2, 3, 4])
    var output = OutputBytes()
    output.append(chunk: [UInt8]())
    #expect(output.isEmpty)
  }

  @Test("Partial writes, truncation and emptying leave what they should")
  func editing() {
    var output = OutputBytes()
    output.append("hello world")
    output.removeFirst(6)
    #expect(text(output) == "world")
    output.truncate(to: 2)
    #expect(text(output) == "wo")
    output.truncate(to: 99)
    output.removeFirst(99)
    output.removeFirst(-1)
    #expect(output.isEmpty)
    output.append([1, 2])
    output.reserve(1000)
    output.removeAll()
    #expect(output.isEmpty && output.withUnsafeBytes { $0.count } == 0 && output.withSpan { $0.byteCount } == 0)
  }
}

extension [UInt8] {
  fileprivate var asText: String { String(decoding: self, as: UTF8.self) }
}
