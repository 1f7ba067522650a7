/// The text form in which tiktoken's vocabularies are published: a line a token, its bytes in base64, a space, its rank.
public enum RankList {
  /// What is wrong with a line.
  public struct Malformed: Error, Equatable, Sendable, CustomStringConvertible {
    /// Counted from 1.
    public let line: Int
    /// Words for the operator.
    public var description: String {
      "line \(line) is not a token in base64, a space and its rank, which follows the rank before"
    }
  }

  /// The tokens in order of rank. The ranks must run from 0 upwards without a gap.
  public static func parse(_ text: RawSpan) throws(Malformed) -> [[UInt8]] {
    var tokens: [[UInt8]] = []
    var line = 1
    var start = 0
    let count = text.byteCount
    while start < count {
      var end = start
      while end < count, byte(text, end) != 0x0A { end += 1 }
      if end > start {
        guard let token = token(text, start..<end, rank: tokens.count) else { throw Malformed(line: line) }
        tokens.append(token)
      }
      start = end + 1
      line += 1
    }
    return tokens
  }

  private static func byte(_ text: RawSpan, _ offset: Int) -> UInt8 {
    text.unsafeLoad(fromByteOffset: offset, as: UInt8.self)
  }

  private static func token(_ text: RawSpan, _ line: Range<Int>, rank: Int) -> [UInt8]? {
    var token: [UInt8] = []
    var bits: UInt32 = 0
    var bitCount = 0
    var offset = line.lowerBound
    while offset < line.upperBound, byte(text, offset) != 0x20 {
      let digit = byte(text, offset)
      offset += 1
      if digit == 0x3D { continue }
      guard let value = base64(digit) else { return nil }
      bits = (bits << 6 | value) & 0xFFFF
      bitCount += 6
      if bitCount >= 8 {
        bitCount -= 8
        token.append(UInt8(truncatingIfNeeded: bits >> UInt32(bitCount)))
      }
    }
    guard offset < line.upperBound, token.count <= VocabularyFormat.tokenBytesMax else { return nil }
    var number = 0
    for offset in offset + 1..<line.upperBound {
      let digit = byte(text, offset) &- 0x30
      guard digit < 10, number <= VocabularyFormat.tokensMax else { return nil }
      number = number * 10 + Int(digit)
    }
    return number == rank && offset + 1 < line.upperBound ? token : nil
  }

  private static func base64(_ digit: UInt8) -> UInt32? {
    switch digit {
    case 0x41...0x5A: UInt32(digit &- 0x41)
    case 0x61...0x7A: UInt32(digit &- 0x61) + 26
    case 0x30...0x39: UInt32(digit &- 0x30) + 52
    case 0x2B: 62
    case 0x2F: 63
    default: nil
    }
  }
}
