import HTTPWire
import Testing

@testable import Gateway

@Suite("Lines are written within their room")
struct LineWriterTests {
  private static let line = #"{"a":-12,"b":"x\"y","c":1234567}"#

  private static func write(_ room: UnsafeMutableRawBufferPointer) -> (count: Int, size: Int) {
    var line = LineWriter(room)
    line.append(#"{"a":"#)
    line.append(decimal: -12)
    line.append(#","b":"#)
    line.append(quoted: "x\"y")
    Array(#","c":"#.utf8).withUnsafeBytes { line.append($0) }
    line.append(decimal: 1_234_567)
    line.append("}")
    return (line.count, line.size)
  }

  @Test(
    "a line that is longer than its room is not written beyond it, and tells its whole size")
  func overlongLines() {
    let whole = Array(Self.line.utf8)
    for roomSize in 0...whole.count + 3 {
      var memory = [UInt8](repeating: 0xAA, count: whole.count + 64)
      let (count, size) = memory.withUnsafeMutableBytes {
        Self.write(UnsafeMutableRawBufferPointer(rebasing: $0[..<roomSize]))
      }
      #expect(size == whole.count)
      #expect(count == (roomSize < whole.count ? 0 : whole.count))
      #expect(roomSize < whole.count || memory[..<count].elementsEqual(whole))
      #expect(memory[roomSize...].allSatisfy { $0 == 0xAA }, "\(roomSize)")
    }
  }

  @Test("without any memory nothing is written")
  func noMemory() {
    let (count, size) = Self.write(UnsafeMutableRawBufferPointer(start: nil, count: 0))
    #expect(count == 0 && size == Self.line.utf8.count)
  }

  @Test("whoever expected too little gets the whole line all the same")
  func grownLines() {
    for expected in [-1, 0, 1, 7, 31, 32, 33, 1000] {
      var output = OutputBytes()
      for _ in 0..<3 { output.append(expecting: expected) { Self.write($0).size } }
      #expect(String(decoding: output.array, as: UTF8.self) == String(repeating: Self.line, count: 3))
    }
  }

  @Test("a line that grows while it is written again is left out, not written beyond its room")
  func growingLines() {
    var output = OutputBytes()
    output.append("kept")
    var size = 10
    output.append(expecting: 5) { room in
      for at in room.indices { room[at] = 0x78 }
      size += 10
      return size
    }
    #expect(output.array == Array("kept".utf8))
  }

  @Test(
    "every number is written as itself",
    arguments: [0, 9, 10, 99, 100, 909, 1000, 12_345, 99_999_999, 100_000_000, 100_000_001, 1_000_000_070_000_009]
      + [-1, Int.max, Int.min])
  func numbers(number: Int) {
    var output = OutputBytes()
    output.append(expecting: 1) {
      var line = LineWriter($0)
      line.append(decimal: number)
      return line.size
    }
    #expect(String(decoding: output.array, as: UTF8.self) == "\(number)")
  }

  @Test("all small numbers are written as themselves, behind each other")
  func smallNumbers() {
    var output = OutputBytes()
    output.append(expecting: 1) {
      var line = LineWriter($0)
      for number in 0...12_000 { line.append(decimal: number) }
      return line.size
    }
    #expect(String(decoding: output.array, as: UTF8.self) == (0...12_000).map(String.init).joined())
  }
}
