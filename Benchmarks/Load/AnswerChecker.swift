import CLinux

/// Walks along the reference answer as an answer comes in, however it is cut into reads. A comparison by `memcmp` is
/// cheaper than a hash, and says where they part.
struct AnswerChecker {
  private(set) var offset = 0
  /// How many pieces have come whole.
  private(set) var pieces = 0
  private var stamp: UInt32 = 0

  /// Compares the next bytes. Calls `finished` with the index and the stamp (0 if it bears none) of each piece that
  /// they complete.
  ///
  /// - Returns: false when a byte is not the reference's.
  @inline(__always)
  mutating func feed(
    _ input: UnsafeRawBufferPointer, _ reference: UnsafeRawBufferPointer,
    _ expected: UnsafeBufferPointer<ReferenceAnswer.Piece>, finished: (Int, UInt32) -> Void
  ) -> Bool {
    guard let received = input.baseAddress, let bytes = reference.baseAddress else { return true }
    var position = 0
    while position < input.count {
      guard pieces < expected.count else { return false }
      let piece = expected[pieces]
      if offset >= piece.stampStart, offset < min(piece.stampStart + ReferenceAnswer.stampDigits, piece.end) {
        guard let digit = Self.hexDigit(input[position]) else { return false }
        stamp = stamp << 4 | digit
        offset += 1
        position += 1
      } else {
        let limit = offset < piece.stampStart ? piece.stampStart : piece.end
        let count = min(limit - offset, input.count - position)
        guard memcmp(received + position, bytes + offset, count) == 0 else { return false }
        offset += count
        position += count
      }
      if offset == piece.end {
        finished(pieces, stamp)
        pieces += 1
        stamp = 0
      }
    }
    return true
  }

  private static func hexDigit(_ byte: UInt8) -> UInt32? {
    switch byte {
    case 0x30...0x39: UInt32(byte) - 0x30
    case 0x61...0x66: UInt32(byte) - 0x61 + 10
    default: nil
    }
  }
}
