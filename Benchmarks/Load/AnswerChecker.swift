import CLinux

/// Walks along the reference answer as an answer comes in, however it is cut into reads. A comparison by `memcmp` is both
/// cheaper than a hash and says where they part.
struct AnswerChecker {
  private(set) var offset = 0
  private(set) var piece = 0
  private var stamp: UInt64 = 0

  /// Compares the next bytes. Calls `finished` with the piece's index and stamp (0 if it bears none) for each piece that they complete.
  ///
  /// - Returns: false when a byte is not the reference's.
  @inline(__always)
  mutating func feed(
    _ input: UnsafeRawBufferPointer, _ reference: UnsafeRawBufferPointer,
    _ pieces: UnsafeBufferPointer<ReferenceAnswer.Piece>, finished: (Int, UInt64) -> Void
  ) -> Bool {
    guard var input = input.baseAddress.map({ UnsafeRawBufferPointer(start: $0, count: input.count) }),
      let expected = reference.baseAddress
    else { return true }
    while !input.isEmpty {
      guard piece < pieces.count, let base = input.baseAddress else { return false }
      let current = pieces[piece]
      if offset >= current.stampStart && offset < current.stampStart + ReferenceAnswer.stampDigits && current.stampStart < current.end {
        guard let digit = Self.hexDigit(input[0]) else { return false }
        stamp = stamp << 4 | digit
        offset += 1
        input = UnsafeRawBufferPointer(rebasing: input[1...])
        continue
      }
      let limit = offset < current.stampStart ? current.stampStart : current.end
      let count = min(limit - offset, input.count)
      guard memcmp(base, expected + offset, count) == 0 else { return false }
      offset += count
      input = UnsafeRawBufferPointer(rebasing: input[count...])
      if offset == current.end {
        finished(piece, stamp)
        piece += 1
        stamp = 0
      }
    }
    return true
  }

  private static func hexDigit(_ byte: UInt8) -> UInt64? {
    switch byte {
    case 0x30...0x39: UInt64(byte) - 0x30
    case 0x61...0x66: UInt64(byte) - 0x61 + 10
    default: nil
    }
  }
}
